"""What a site's settings and its machine mean for its backups: keys, DEBUG, the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.checks.messages import ERROR
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.utils.dateparse import parse_datetime

from trustbackup.conf import can_be_guessed
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Backup, Destination
from trustbackup.operations.context import Context
from trustbackup.operations.doctor.finding import Finding, Look
from trustbackup.operations.offsite.targets import open_secrets
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext

OWN_APP = "trustbackup"
_LOOK = Look("site")
_ELSEWHERE = {"trustbackup.W001", "trustbackup.E005"}
"""Checks of the folder and of the dumpers, which have looks of their own."""
_APART = timedelta(seconds=60)
"""Clocks that differ by more make a backup's time doubtful."""


def look_at_settings() -> Iterator[Finding]:
    """The site's system checks about backups, which need no database."""
    found = [each for each in run_checks(tags=["trustbackup"]) if each.id not in _ELSEWHERE]
    for message in found:
        note = _LOOK.bad if message.level >= ERROR else _LOOK.warn
        yield note(str(message.id), str(message.msg), str(message.hint or ""))
    if not found:
        yield _LOOK.ok("settings", _("The settings are in order."))
    if django_settings.DEBUG:
        yield _LOOK.warn(
            "DEBUG",
            _("DEBUG is on: a page that fails shows a visitor what it held."),
            _("Set DEBUG = False where others can reach the site."),
        )


def look_at_tables() -> Iterator[Finding]:
    """Whether the app's own tables are those of its code. Raises DatabaseError."""
    executor = MigrationExecutor(connections[router.db_for_write(Backup)])
    missing = [
        f"{migration.app_label}.{migration.name}"
        for migration, _backwards in executor.migration_plan(
            [key for key in executor.loader.graph.leaf_nodes() if key[0] == OWN_APP]
        )
        if migration.app_label == OWN_APP
    ]
    if missing:
        yield _LOOK.bad(
            "tables",
            _("The tables of the backups lack %(names)s.", names=", ".join(missing)),
            _("Run migrate."),
        )
    else:
        yield _LOOK.ok("tables", _("The tables of the backups are those of the code."))


def look_at_keys(context: Context) -> Iterator[Finding]:
    """The keys that sign and seal. Raises DatabaseError."""
    if can_be_guessed(context.settings.secret_keys[0]):
        yield _LOOK.warn(
            "key",
            _("The key that signs backups and seals secrets can be guessed, or is public."),
            _(
                "Put a long random one first in TRUSTBACKUP['SECRET_KEYS'], and the former one"
                " behind it."
            ),
        )
    else:
        yield _LOOK.ok("key", _("The key that signs backups and seals secrets is a long one."))
    for row in Destination.objects.exclude(secrets=""):
        try:
            open_secrets(row)
        except TrustbackupError as error:
            yield _LOOK.failed(f"secrets of {row.name}", error)
    if strange := Backup.objects.filter(signature="unknown").count():
        yield _LOOK.warn(
            "signatures",
            ngettext(
                "%(number)d backup is signed by a key that this site does not have.",
                "%(number)d backups are signed by keys that this site does not have.",
                strange,
            ),
            _("Put the former key behind the others in TRUSTBACKUP['SECRET_KEYS']."),
        )


def look_at_clock(now: datetime) -> Iterator[Finding]:
    """Against the database server's, and against the backups. Raises DatabaseError."""
    ahead = Backup.objects.filter(created__gt=now + _APART).count()
    if ahead:
        yield _LOOK.warn(
            "clock",
            ngettext(
                "%(number)d backup is dated in the future: the clock was wrong then, or is now.",
                "%(number)d backups are dated in the future: the clock was wrong then, or is now.",
                ahead,
            ),
            _("Let the machine's clock be set by NTP."),
        )
        return
    apart = _server_time() - now
    if abs(apart) > _APART:
        yield _LOOK.warn(
            "clock",
            _(
                "The clocks of this machine and of the database's server are %(seconds)d seconds"
                " apart.",
                seconds=abs(round(apart.total_seconds())),
            ),
            _("Let both clocks be set by NTP."),
        )
        return
    yield _LOOK.ok("clock", _("The clock agrees with the database's and with the backups."))


def _server_time() -> datetime:
    connection = connections[router.db_for_read(Backup)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        (said,) = cursor.fetchone()
    moment = parse_datetime(said) if isinstance(said, str) else said
    if not isinstance(moment, datetime):
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
