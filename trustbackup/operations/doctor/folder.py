"""The backup folder: who may read it, and how long its disk has room."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import humanize

from trustbackup.exceptions import file_operation
from trustbackup.models import Backup
from trustbackup.operations.context import Context
from trustbackup.operations.doctor.finding import Finding, Look
from trustbackup.operations.overdue import forecast, full_sentence
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext

_LOOK = Look("folder")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_RECENT = 5
"""Backups whose sizes say how large the next one may be."""
SOON, VERY_SOON = timedelta(days=30), timedelta(days=3)
"""A disk that is full by then is a warning; one that is full by then is bad."""


def look_at_folder(context: Context, now: datetime) -> Iterator[Finding]:
    """Rights and room. Raises FolderError, DatabaseError."""
    root = context.settings.backup_dir
    if not root.is_dir():
        yield _LOOK.warn(
            "folder",
            _("The backup folder %(root)s does not exist.", root=root),
            _("The first backup makes it; or make it now, with mode 0700."),
        )
        return
    yield _rights(root)
    yield from _room(root, now)


def _rights(root: Path) -> Finding:
    with file_operation(_("Looking at the backup folder"), root):
        status = root.stat()
        files = [item.stat(follow_symlinks=False) for item in os.scandir(root) if item.is_file()]
    if status.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
        return _LOOK.warn(
            "rights",
            _("The backup folder %(root)s belongs to another user than the site's.", root=root),
            _("Give it to the site's user: chown -R."),
        )
    if status.st_mode & _OTHERS:
        return _LOOK.bad(
            "rights",
            _(
                "Other users of this machine may look into the backup folder %(root)s (mode"
                " %(mode)s).",
                root=root,
                mode=f"{stat.S_IMODE(status.st_mode):04o}",
            ),
            _("Run chmod 700 on it."),
        )
    open_files = sum(bool(each.st_mode & _OTHERS) for each in files)
    if open_files:
        return _LOOK.warn(
            "rights",
            ngettext(
                "%(number)d file in the backup folder may be read by others, if they get there.",
                "%(number)d files in the backup folder may be read by others, if they get there.",
                open_files,
            ),
            _("Run chmod 600 on the files in it."),
        )
    return _LOOK.ok("rights", _("Only the site's user may look into the backup folder."))


def _room(root: Path, now: datetime) -> Iterator[Finding]:
    with file_operation(_("Looking at the backup folder"), root):
        disk = os.statvfs(root)
    free = disk.f_bavail * disk.f_frsize
    largest = max((size for _made, size in Backup.objects.sizes(_RECENT)), default=0)
    shown = humanize.naturalsize(free)
    if free < largest:
        yield _LOOK.bad(
            "room",
            _(
                "%(free)s are free in the backup folder, and the largest of the last backups took"
                " %(largest)s: the next one may not fit.",
                free=shown,
                largest=humanize.naturalsize(largest),
            ),
            _("Free some space, keep fewer backups, or set KEEP_LOCAL."),
        )
        return
    left = forecast(now)
    if left is None or left >= SOON:
        yield _LOOK.ok("room", _("%(free)s are free in the backup folder.", free=shown))
        return
    note = _LOOK.bad if left < VERY_SOON else _LOOK.warn
    yield note(
        "room",
        full_sentence(left),
        _("Free some space, keep fewer backups, or set KEEP_LOCAL."),
    )
