"""Uploads that are under way: where they lie, what they are called, what is left of others.

An upload is written in a private folder beside the finished files. Its name tells what it is to
become and with which content, so that one that was cut off is found and goes on, and none goes
on with something else.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import humanize

from trustbackup.destinations.base import DestinationError
from trustbackup.phrases import gettext as _
from trustbackup.store import names

FOLDER = ".uploads"
_UPLOAD = re.compile(r"(?P<name>.+)\.[0-9a-f]{16}\.part", re.ASCII)
_ABANDONED = timedelta(days=7)


def upload_name(name: str, sha256: str) -> str:
    """The name in FOLDER of the file that is to become ``name``. Raises DestinationError."""
    must_be_ours(name)
    return f"{name}.{sha256[:16]}.part"


def is_ours(name: str) -> bool:
    """Whether this is a backup's file, or an upload that is to become one."""
    match = _UPLOAD.fullmatch(name)
    return names.is_ours(match["name"] if match else name)


def is_abandoned(name: str, modified: datetime | None) -> bool:
    """Whether this is an upload (last written to then, UTC) that nobody went on with."""
    match = _UPLOAD.fullmatch(name)
    if match is None or not names.is_ours(match["name"]) or modified is None:
        return False
    return datetime.now(UTC) - modified > _ABANDONED


def must_be_ours(name: str) -> None:
    """Raises DestinationError for a name that no file of a backup has."""
    if not names.is_ours(name):
        raise DestinationError(
            _("%(name)r can't be at a destination", name=name),
            why=_("it is not the name of a backup's file"),
            todo=_("List what is there, then choose one of those."),
            permanent=True,
        )


class OtherContent(DestinationError):
    """Another file has the name already."""


def other_content(name: str, address: str) -> OtherContent:
    """The error when another file has the name already."""
    return OtherContent(
        _("%(name)s was not copied to %(address)s", name=name, address=address),
        why=_("a file of that name with another content is there already"),
        todo=_("Look whose it is; delete it there, or choose another folder, then try again."),
        permanent=True,
    )


def no_space(name: str, address: str, needed: int, free: int) -> DestinationError:
    """The error when the disk there can't take what is still to be written (bytes)."""
    return DestinationError(
        _("%(name)s was not copied to %(address)s", name=name, address=address),
        why=_(
            "there is no space left on its disk: %(needed)s are needed, %(free)s are free",
            needed=humanize.naturalsize(needed),
            free=humanize.naturalsize(free),
        ),
        todo=_("Free some space there or prune it, then press Retry."),
        permanent=True,
    )


def damaged(name: str, address: str, *, at_source: bool) -> DestinationError:
    """The error when what was written is not what the backup's manifest says."""
    if at_source:
        return DestinationError(
            _("%(name)s was not copied to %(address)s", name=name, address=address),
            why=_("the file here is not what its manifest says: it is corrupt"),
            todo=_("Verify the backup here."),
            permanent=True,
        )
    return DestinationError(
        _("%(name)s was not copied to %(address)s", name=name, address=address),
        why=_("what arrived there has another checksum, and was removed"),
        todo=_("Try again; if it happens once more, check the disk there."),
    )
