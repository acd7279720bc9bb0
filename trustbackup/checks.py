"""System checks: ``manage.py check --tag trustbackup`` says what would stop a backup."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.apps.config import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004

from trustbackup.conf import get_settings
from trustbackup.databases.registry import distinct_aliases, get_database
from trustbackup.databases.values import Options
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.store.compression import get_compression

TAG = "trustbackup"


@register(TAG)
def check_settings(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    **_options: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """E001: the settings; E002 to E004: the folder."""
    try:
        settings = get_settings()
        get_compression(settings.compression)
    except TrustbackupError as error:
        what = f"{error.what}: {error.why}" if error.why else error.what
        return [Error(what, hint=error.todo, id="trustbackup.E001")]
    return [*_check_folder(settings.root), *check_place(settings.root)]


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
            hint="Set TRUSTBACKUP['ROOT'] to a folder.",
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
    places: list[tuple[str, Any]] = [
        ("MEDIA_ROOT", django_settings.MEDIA_ROOT),
        ("STATIC_ROOT", django_settings.STATIC_ROOT),
        *(("STATICFILES_DIRS", _path(item)) for item in django_settings.STATICFILES_DIRS),
    ]
    resolved = root.resolve()
    for name, place in places:
        if place and resolved.is_relative_to(Path(place).resolve()):
            yield Error(
                _(
                    "The backup folder %(root)s is inside %(setting)s (%(place)s).",
                    root=root,
                    setting=name,
                    place=place,
                ),
                hint=_("A visitor could download the database: choose a folder outside."),
                id="trustbackup.E004",
            )
    code = Path(__file__).resolve().parent
    if resolved.is_relative_to(code):
        yield Error(
            _("The backup folder %(root)s is inside the code of trustbackup.", root=root),
            hint=_("An upgrade would delete it: choose another folder."),
            id="trustbackup.E004",
        )


def _path(item: Any) -> str:  # noqa: ANN401 - a path, or a pair of prefix and path
    return str(item[1] if isinstance(item, tuple | list) else item)


@register(TAG)
def check_dumpers(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    databases: Sequence[str] | None = None,
    **_options: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """E005: a database whose dumper is missing, or older than its server."""
    try:
        settings = get_settings()
        aliases = settings.databases or tuple(distinct_aliases())
    except TrustbackupError:
        return []
    ask_server = bool(databases) or "check" in sys.argv[1:2]
    found: list[CheckMessage] = []
    for alias in aliases:
        try:
            database = get_database(alias, Options(connect_timeout=2), settings.engines)
            problems = database.check(ask_server=ask_server)
        except TrustbackupError as error:
            problems = [(f"{error.what}.", error.todo)]
        for problem, hint in problems:
            what = f"Database {alias!r} can't be backed up: {problem}"
            found.append(Error(what, hint=hint, id="trustbackup.E005"))
    return found
