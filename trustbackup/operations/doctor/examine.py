"""All looks, one after the other; one that can't be made is a finding, and stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.operations.doctor.databases import look_at_databases
from trustbackup.operations.doctor.destinations import look_at_destinations
from trustbackup.operations.doctor.finding import Finding, Look
from trustbackup.operations.doctor.folder import look_at_folder
from trustbackup.operations.doctor.plans import (
    look_at_key_proofs,
    look_at_plans,
    look_at_proofs,
    look_at_pruning,
    look_at_scheduler,
)
from trustbackup.operations.doctor.recovery import look_at_sheet
from trustbackup.operations.doctor.surroundings import (
    look_at_clock,
    look_at_keys,
    look_at_settings,
    look_at_tables,
)
from trustbackup.operations.overdue import watch
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line
from trustbackup.store import catalog

Looks = Callable[[], Iterator[Finding]]


def examine(now: datetime) -> list[Finding]:
    """What an expert would look at, in the order in which one would. Writes no backup.

    The index is brought up to what lies in the folder first.
    """
    try:
        context = Context.current()
        catalog.synchronise(context.folder)
    except TrustbackupError as error:
        return [Look("site").failed("settings", error)]
    except NotImplementedError:
        pass  # psycopg's, for times in another form than DateStyle's ISO: the looks say so
    looks: list[tuple[str, str, Looks]] = [
        ("site", "settings", look_at_settings),
        ("site", "tables", look_at_tables),
        ("site", "key", lambda: look_at_keys(context)),
        ("site", "clock", lambda: look_at_clock(now)),
        ("databases", "databases", lambda: look_at_databases(context)),
        ("folder", "folder", lambda: look_at_folder(context, now)),
        ("destinations", "destinations", lambda: look_at_destinations(context)),
        ("plans", "plans", lambda: look_at_plans(watch(now))),
        ("plans", "scheduler", lambda: look_at_scheduler(watch(now), now)),
        ("plans", "pruning", lambda: look_at_pruning(watch(now), now)),
        ("plans", "keys", lambda: look_at_key_proofs(watch(now), now)),
        ("plans", "proof", lambda: look_at_proofs(watch(now), now)),
        ("site", "recovery sheet", lambda: look_at_sheet(now)),
    ]
    return [finding for look in looks for finding in _made(*look)]


def _made(area: str, name: str, looks: Looks) -> list[Finding]:
    found: list[Finding] = []
    try:
        for finding in looks():
            found.append(finding)  # noqa: PERF402 - what was found before it fails counts
    except TrustbackupError as error:
        found.append(Look(area).failed(name, error))
    except (DatabaseError, ImproperlyConfigured, OSError, NotImplementedError) as error:
        found.append(
            Look(area).bad(
                name,
                _(
                    "This can't be looked at: %(error)s.",
                    error=one_line(str(error)).rstrip(".") or type(error).__name__,
                ),
                _("See that the site's database answers, and that migrate was run."),
            )
        )
    return found
