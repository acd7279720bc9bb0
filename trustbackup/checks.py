"""System checks: ``manage.py check --tag trustbackup`` says what would stop a backup."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.db import connections
from django.utils.module_loading import import_string

from trustbackup.conf import Settings, can_be_guessed, get_settings
from trustbackup.conf.zone import site_zone_name
from trustbackup.databases.registry import distinct_aliases, get_database
from trustbackup.databases.values import Options
from trustbackup.destinations import registry
from trustbackup.exceptions import ConfigurationError, TrustbackupError
from trustbackup.notifications.routes import settings_problems
from trustbackup.operations.settings_models import settings_models
from trustbackup.phrases import gettext as _
from trustbackup.policy.plan import PlanSpec, Source, read_plan
from trustbackup.store.age import read_recipients
from trustbackup.store.compression import get_compression
from trustbackup.store.location import exposures


def check_settings() -> list[CheckMessage]:
    """E001: the settings; E002 to E004: the folder; E008: the plans in the settings;
    E009: the notifications there; E010: the models there.
    """
    try:
        settings = get_settings()
        get_compression(settings.compression)
        registry.kinds(settings.destination_kinds)
        _load_hooks(settings.hooks)
    except TrustbackupError as error:
        what = f"{error.what}: {error.why}" if error.why else error.what
        return [Error(what, hint=error.todo, id="trustbackup.E001")]
    return [
        *_check_folder(settings.backup_dir),
        *check_place(settings.backup_dir),
        *_check_plans(settings),
        *_check_notifications(),
        *_check_settings_models(settings),
    ]


def _check_plans(settings: Settings) -> Iterable[CheckMessage]:
    for name, values in settings.plans.items():
        try:
            spec = read_plan(name, {"ZONE": site_zone_name(), **values}, Source.SETTINGS)
            get_compression(spec.compression or settings.compression)
            read_recipients(spec.encrypt_to)
            _check_aliases(spec)
        except TrustbackupError as error:
            what = f"{error.what}: {error.why}" if error.why else error.what
            yield Error(what, hint=error.todo, id="trustbackup.E008")


def _check_notifications() -> Iterable[CheckMessage]:
    for error in settings_problems():
        yield Error(f"{error.what}: {error.why}", hint=error.todo, id="trustbackup.E009")


def _check_settings_models(settings: Settings) -> Iterable[CheckMessage]:
    try:
        settings_models(settings)
    except TrustbackupError as error:
        yield Error(f"{error.what}: {error.why}", hint=error.todo, id="trustbackup.E010")


def _check_aliases(spec: PlanSpec) -> None:
    for alias in spec.databases:
        if alias not in connections:
            raise ConfigurationError(
                _("Plan %(name)r can't be followed", name=spec.name),
                why=_("there is no database %(alias)r", alias=alias),
                todo=_("Known are %(known)s.", known=", ".join(connections)),
            )


def _load_hooks(hooks: Mapping[str, Iterable[str]]) -> None:
    """Raises ConfigurationError for one that is not there."""
    for path in (path for paths in hooks.values() for path in paths):
        try:
            import_string(path)
        except ImportError as error:
            raise ConfigurationError(
                _("%(setting)s names %(path)r", setting="TRUSTBACKUP['HOOKS']", path=path),
                why=str(error),
            ) from error


def _check_folder(root: Path) -> Iterable[CheckMessage]:
    if not root.exists():
        yield Warning(
            f"The backup folder {root} does not exist.",
            hint="The first backup makes it; or make it now, with mode 0700.",
            id="trustbackup.W001",
        )
        root = next(parent for parent in root.parents if parent.exists())
    elif not root.is_dir():
        yield Error(
            f"The backup folder {root} is not a folder.",
            hint="Set TRUSTBACKUP['BACKUP_DIR'] to a folder.",
            id="trustbackup.E002",
        )
        return
    if not os.access(root, os.W_OK | os.X_OK) or _read_only(root):
        yield Error(
            f"The folder {root} can't be written by this user.",
            hint="Give the site's user the right to write there, or mount it writable.",
            id="trustbackup.E003",
        )


def _read_only(path: Path) -> bool:
    """A read-only mount stops root as well, which ``access`` may not tell."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def check_place(root: Path) -> Iterable[CheckMessage]:
    """Whether a folder may hold backups: a web server may hand out what lies in some."""
    for problem in exposures(root):
        yield Error(problem.what, hint=problem.todo, id="trustbackup.E004")


def check_deployment() -> list[CheckMessage]:
    """W005: others may look into the folder; W006: the key can be guessed. ``check --deploy``."""
    try:
        settings = get_settings()
    except TrustbackupError:
        return []
    found: list[CheckMessage] = []
    root = settings.backup_dir
    if root.is_dir() and root.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        found.append(
            Warning(
                f"Other users of this machine may look into the backup folder {root}.",
                hint="Run chmod 700 on it.",
                id="trustbackup.W005",
            )
        )
    if can_be_guessed(settings.secret_keys[0]):
        found.append(
            Warning(
                "The key that signs backups and seals secrets can be guessed, or is public.",
                hint="Put a long random one first in TRUSTBACKUP['SECRET_KEYS'], and the former"
                " one behind it.",
                id="trustbackup.W006",
            )
        )
    return found


def check_dumpers(databases: Sequence[str] | None = None) -> list[CheckMessage]:
    """E005: a database whose dumper is missing, or older than its server."""
    try:
        settings = get_settings()
        ask_server = bool(databases) or "check" in sys.argv[1:2]
        options = Options(connect_timeout=2)
        asked = options if ask_server else None
        aliases = distinct_aliases(settings.databases, asked, settings.database_engines)
    except TrustbackupError:
        return []
    found: list[CheckMessage] = []
    for alias in aliases:
        try:
            database = get_database(alias, options, settings.database_engines)
            problems = database.check(ask_server=ask_server)
        except TrustbackupError as error:
            problems = [(f"{error.what}.", error.todo)]
        for problem, hint in problems:
            what = f"Database {alias!r} can't be backed up: {problem}"
            found.append(Error(what, hint=hint, id="trustbackup.E005"))
    return found
