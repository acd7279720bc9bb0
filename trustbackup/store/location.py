"""Where backups and copies may not lie: what a web server hands out, what an upgrade deletes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

import trustbackup
from trustbackup.phrases import gettext as _


class Exposure(NamedTuple):
    """Why a folder may not hold backups, and what to do: whole sentences."""

    what: str
    todo: str


def exposures(folder: Path) -> Iterator[Exposure]:
    """What is wrong with a place for backups; nothing where they may lie."""
    places: list[tuple[str, Any]] = [
        ("MEDIA_ROOT", settings.MEDIA_ROOT),
        ("STATIC_ROOT", settings.STATIC_ROOT),
        *(("STATICFILES_DIRS", _path(item)) for item in settings.STATICFILES_DIRS),
    ]
    for alias in ("default", "staticfiles"):
        location = settings.STORAGES.get(alias, {}).get("OPTIONS", {}).get("location", "")
        places.append((f"STORAGES[{alias!r}]", location))
    resolved = folder.resolve()
    for name, place in places:
        if place and resolved.is_relative_to(Path(place).resolve()):
            yield Exposure(
                _(
                    "The backup folder %(root)s is inside %(setting)s (%(place)s).",
                    root=folder,
                    setting=name,
                    place=place,
                ),
                _("A visitor could download the database: choose a folder outside."),
            )
    if resolved.is_relative_to(Path(trustbackup.__file__).resolve().parent):
        yield Exposure(
            _("The backup folder %(root)s is inside the code of trustbackup.", root=folder),
            _("An upgrade would delete it: choose another folder."),
        )


def _path(item: Any) -> str:  # noqa: ANN401 - a path, or a pair of prefix and path
    return str(item[1] if isinstance(item, tuple | list) else item)
