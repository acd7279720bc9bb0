"""The recovery sheet: where the copies are, where the secrets are kept, what to type.

It has no secret on it. Of each it says its name, and where the site's settings say that it is
kept (``TRUSTBACKUP["SECRETS_KEPT"]``).
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import django

import trustbackup
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AuditEvent, Backup
from trustbackup.operations.context import Context
from trustbackup.operations.recovery.sources import (
    NamedSecret,
    RecoverySource,
    places_of,
    secrets_of_site,
)
from trustbackup.operations.site_version import site_version
from trustbackup.phrases import gettext as _
from trustbackup.store.inventory import names_in
from trustbackup.store.manifest import Manifest, Part

PRINTED = AuditEvent.SHEET_PRINTED
"""The action in the audit trail, which no restore rewinds."""
_USUAL = {"plpgsql"}
"""Extensions that every new database has."""


@dataclass(frozen=True, kw_only=True)
class DatabaseFacts:
    """A database as the newest backup has it."""

    alias: str
    engine: str
    server_version: str
    tool_version: str
    database: str
    encoding: str
    extensions: tuple[str, ...]
    roles: tuple[str, ...]
    """Who owns something in it, or has rights that are not the usual ones."""


@dataclass(frozen=True, kw_only=True)
class SheetStep:
    """What to do, as a sentence, and the shell commands that do it; there may be none."""

    sentence: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecoverySheet:
    """Everything on the page; no secret among it."""

    made: datetime
    host: str
    settings_module: str
    folder: str
    notes: str
    versions: dict[str, str]
    key_fingerprints: tuple[str, ...]
    newest: str
    """The newest backup's id; "" while there is none."""
    recovery_seconds: float | None
    """Measured by the newest drill."""
    databases: tuple[DatabaseFacts, ...]
    places: tuple[RecoverySource, ...]
    secrets: tuple[NamedSecret, ...]
    steps: tuple[SheetStep, ...]

    @property
    def fingerprint(self) -> str:
        """Of what must still be true for a printed sheet to be of use."""
        lasting = {
            "folder": self.folder,
            "keys": self.key_fingerprints[:1],
            "notes": self.notes,
            "databases": [(item.alias, item.engine, item.extensions) for item in self.databases],
            "places": [asdict(place) for place in self.places],
            "secrets": [asdict(secret) for secret in self.secrets],
        }
        return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()[:16]


def make_sheet() -> RecoverySheet:
    """Raises ConfigurationError, DatabaseError; a database that is away leaves its commands out."""
    context = Context.current()
    manifest = _newest_manifest(context)
    facts = tuple(_facts(part) for part in manifest.parts if part.engine) if manifest else ()
    places = tuple(places_of(context))
    versions = {
        "site": site_version(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "trustbackup": trustbackup.__version__,
    }
    drilled = Backup.objects.exclude(recovery_seconds=None).newest_first().first()
    return RecoverySheet(
        made=datetime.now(UTC),
        host=socket.gethostname(),
        settings_module=os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        folder=str(context.settings.backup_dir),
        notes=context.settings.recovery_notes,
        versions={name: version for name, version in versions.items() if version},
        key_fingerprints=tuple(context.signer.keys.split()),
        newest=manifest.id if manifest else "",
        recovery_seconds=drilled.recovery_seconds if drilled else None,
        databases=facts,
        places=places,
        secrets=tuple(secrets_of_site(context, places)),
        steps=tuple(_steps(context, facts, places)),
    )


def _newest_manifest(context: Context) -> Manifest | None:
    try:
        found, _signature = context.folder.find("latest").read_manifest()
    except TrustbackupError:
        return None
    return found


def _facts(part: Part) -> DatabaseFacts:
    held = part.inventory
    extensions = names_in(held.objects.get("extension", "")) if held else []
    roles = {*held.owners, *held.grantees} if held else set()
    return DatabaseFacts(
        alias=part.part,
        engine=part.engine,
        server_version=part.server_version,
        tool_version=part.tool_version,
        database=part.database,
        encoding=part.encoding,
        extensions=tuple(name for name in extensions if name not in _USUAL),
        roles=tuple(sorted(roles)),
    )


def _steps(
    context: Context, facts: tuple[DatabaseFacts, ...], places: tuple[RecoverySource, ...]
) -> Iterator[SheetStep]:
    yield SheetStep(
        sentence=_("Get the site's code, and install its packages with the versions above."),
    )
    yield SheetStep(
        sentence=_(
            "Put every secret of the list above into the environment, under its name there."
        ),
    )
    for item in facts:
        yield from _making(context, item)
    if places:
        yield SheetStep(
            sentence=_("Restore the newest backup from the first of these places that answers."),
            commands=tuple(
                shlex.join(["python", "manage.py", "restore_backup", "latest", "--from", each.url])
                for each in places
            ),
        )
    else:
        yield SheetStep(
            sentence=_("Restore the newest backup; the backup folder must be there."),
            commands=("python manage.py restore_backup latest",),
        )
    yield SheetStep(
        sentence=_("See that the code fits the rows, and what else is amiss."),
        commands=("python manage.py migrate --check", "python manage.py backup_doctor"),
    )


def _making(context: Context, facts: DatabaseFacts) -> Iterator[SheetStep]:
    try:
        commands = context.database(facts.alias).creation_commands(facts.encoding)
    except TrustbackupError:
        commands = []
    if commands:
        yield SheetStep(
            sentence=_(
                "Make the role and an empty database %(alias)r, as the server's superuser; the"
                " password is in the list of secrets.",
                alias=facts.alias,
            ),
            commands=tuple(commands),
        )


@dataclass(frozen=True, kw_only=True)
class PrintedSheet:
    """When somebody last said that it was printed, who, and whether it is still true."""

    at: datetime
    by: str
    still_true: bool


def printed_sheet(sheet: RecoverySheet) -> PrintedSheet | None:
    """None while nobody said so. Raises DatabaseError."""
    event = AuditEvent.objects.newest(PRINTED)
    if event is None:
        return None
    return PrintedSheet(at=event.at, by=event.actor, still_true=event.target == sheet.fingerprint)
