"""Which folders of uploaded files the site has, and what they are called in backups."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings as django_settings
from django.core.files.storage import InvalidStorageError, storages

from trustbackup.conf import Settings
from trustbackup.conf.contents import MEDIA
from trustbackup.contents.media.selection import Selection
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

LIST = "-files"
"""How the name of the part ends that lists the files of another."""


@dataclass(frozen=True, kw_only=True)
class MediaFolder:
    """A folder of uploaded files. ``path`` is where it is, with no link at its end."""

    name: str
    path: Path
    selection: Selection

    @property
    def part(self) -> str:
        """The name of its part: ``media``, or ``media-invoices`` for ``invoices``."""
        return part_of(self.name)


def part_of(name: str) -> str:
    return MEDIA if name == MEDIA else f"{MEDIA}-{name}"


def media_folders(settings: Settings) -> list[MediaFolder]:
    """All that backups of uploaded files hold, by name. Raises UsageError."""
    contents = settings.contents
    if contents is None:
        if not django_settings.MEDIA_ROOT:
            raise UsageError(
                _("The site has no folder of uploaded files"),
                why=_("neither MEDIA_ROOT nor TRUSTBACKUP['CONTENTS'] is set"),
                todo=_("Set one of them, then try again."),
            )
        contents = {MEDIA: {"FOLDER": Path(django_settings.MEDIA_ROOT).absolute()}}
    return [
        MediaFolder(
            name=name,
            path=_resolved(Path(item["FOLDER"]) if "FOLDER" in item else _storage(item["STORAGE"])),
            selection=Selection(tuple(item.get("INCLUDE", ())), tuple(item.get("EXCLUDE", ()))),
        )
        for name, item in sorted(contents.items())
    ]


def folder_of_part(settings: Settings, part: str) -> MediaFolder:
    """The folder whose part has this name. Raises UsageError where the settings have none."""
    found = {folder.part: folder for folder in media_folders(settings)}
    if part not in found:
        raise UsageError(
            _("There is no folder of uploaded files for %(part)s", part=part),
            why=_("TRUSTBACKUP['CONTENTS'] has those for %(names)s", names=", ".join(found)),
            todo=_("Name it there, or restore into another folder with --into-folder."),
        )
    return found[part]


def _resolved(path: Path) -> Path:
    """The site's own link to its folder, to a larger disk say, is followed; those within never."""
    path = Path(os.path.realpath(path))
    if path == path.parent:
        raise UsageError(
            _("The whole file system is no folder of uploaded files"),
            todo=_("Check MEDIA_ROOT, or TRUSTBACKUP['CONTENTS']."),
        )
    return path


def _storage(alias: str) -> Path:
    what = _("Storage %(alias)r was not backed up", alias=alias)
    try:
        storage = storages[alias]
    except InvalidStorageError as error:
        raise UsageError(
            what,
            why=_("STORAGES has none of this name, or it can't be opened"),
            todo=_("Check STORAGES, or TRUSTBACKUP['CONTENTS']."),
        ) from error
    try:
        location = storage.path("")
    except (NotImplementedError, AttributeError, TypeError) as error:
        raise UsageError(
            what,
            why=_("it keeps its files in no folder of this machine"),
            todo=_("Back it up with its provider's means, and leave it out of CONTENTS."),
        ) from error
    return Path(location)
