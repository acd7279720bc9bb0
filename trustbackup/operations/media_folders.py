"""Which folders of uploaded files the site has, and what they are called in backups."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.files.storage import InvalidStorageError, storages

from trustbackup.conf import Settings
from trustbackup.conf.contents import MEDIA
from trustbackup.contents.media.selection import Selection
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

_DEFAULT = "default"
"""Django's alias of the storage that file fields use."""
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
    contents = contents_of_site(settings)
    if not contents:
        raise UsageError(
            _("The site has no folder of uploaded files"),
            why=_("neither MEDIA_ROOT nor TRUSTBACKUP['CONTENTS'] is set"),
            todo=_("Set one of them, then try again."),
        )
    return [
        MediaFolder(
            name=name,
            path=_resolved(Path(item["FOLDER"]) if "FOLDER" in item else _storage(item["STORAGE"])),
            selection=selection_of(item),
        )
        for name, item in sorted(contents.items())
        if "FOLDER" in item or not is_bucket(open_storage(item["STORAGE"]))
    ]


def contents_of_site(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """What ``TRUSTBACKUP["CONTENTS"]`` says, or would; empty where the site has no files.

    Without ``MEDIA_ROOT`` it is the default storage, where that is a bucket.
    """
    if settings.contents is not None:
        return settings.contents
    if django_settings.MEDIA_ROOT:
        return {MEDIA: {"FOLDER": Path(django_settings.MEDIA_ROOT).absolute()}}
    with suppress(InvalidStorageError):
        if is_bucket(storages[_DEFAULT]):
            return {MEDIA: {"STORAGE": _DEFAULT}}
    return {}


def selection_of(item: Mapping[str, Any]) -> Selection:
    """Which files of a folder or a bucket a backup takes."""
    return Selection(tuple(item.get("INCLUDE", ())), tuple(item.get("EXCLUDE", ())))


def is_bucket(storage: object) -> bool:
    """Whether a storage keeps its files in a bucket of S3. Loads nothing."""
    names = ((each.__module__, each.__name__) for each in type(storage).__mro__)
    return ("storages.backends.s3", "S3Storage") in names


def open_storage(alias: str) -> Any:  # noqa: ANN401 - a site's own storage
    """Raises UsageError."""
    try:
        return storages[alias]
    except InvalidStorageError as error:
        raise UsageError(
            _("Storage %(alias)r was not backed up", alias=alias),
            why=_("STORAGES has none of this name, or it can't be opened"),
            todo=_("Check STORAGES, or TRUSTBACKUP['CONTENTS']."),
        ) from error


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
    try:
        location = open_storage(alias).path("")
    except (NotImplementedError, AttributeError, TypeError) as error:
        raise UsageError(
            _("Storage %(alias)r was not backed up", alias=alias),
            why=_("it keeps its files in no folder of this machine"),
            todo=_("Back it up with its provider's means, and leave it out of CONTENTS."),
        ) from error
    return Path(location)
