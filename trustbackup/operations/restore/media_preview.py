"""What putting single files back would do, found out without touching anything."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trustbackup.contents.media.browse import members_below
from trustbackup.contents.media.index import Member, MemberKind
from trustbackup.operations.progress import quiet
from trustbackup.operations.restore.media_files import Overwrite, nothing_there, replaces
from trustbackup.operations.restore.media_plan import FolderPlan, MediaPlan
from trustbackup.operations.restore.source import raw_opener


@dataclass(kw_only=True)
class FilesPreview:
    """How many files and links a part has at the paths that are asked for, and what of them."""

    part: str
    files: int = 0
    bytes: int = 0
    missing: int = 0
    """Not in the live folder; these are put back whatever is said of the others."""
    newer: int = 0
    """There, and changed later than the backup's."""
    blocked: int = 0
    """With a folder in their place, or no folder on their way: these stay."""
    replaced: Counter[Overwrite] = field(default_factory=Counter)
    """How many that are there would be replaced, by what is said of these."""

    def writes(self, overwrite: Overwrite) -> int:
        """How many are put back."""
        return self.missing + self.replaced[overwrite]

    def as_json(self) -> dict[str, object]:
        """For programs; ``writes`` by each way to overwrite."""
        return {
            "files": self.files,
            "bytes": self.bytes,
            "missing": self.missing,
            "newer": self.newer,
            "blocked": self.blocked,
            "writes": {str(how): self.writes(how) for how in Overwrite},
        }


def preview_files(plan: MediaPlan, paths: Iterable[str]) -> list[FilesPreview]:
    """Of each part that has any of these files and folders; all for none.

    A file is compared by its size and time. Raises RestoreError where no part has any, and what
    reading a list raises.
    """
    wanted = [path.strip("/") for path in paths]
    wanted = [path for path in wanted if not any(path.startswith(f"{each}/") for each in wanted)]
    previews, is_there = [], False
    with plan.entry.in_use():
        for each in plan.folders:
            if each.target is not None:
                preview = FilesPreview(part=each.part.part)
                for member in _wanted(plan, each, wanted):
                    is_there = True
                    _count(preview, member, each.target.live)
                previews.append(preview)
    if wanted and not is_there:
        raise nothing_there(plan, wanted)
    return [preview for preview in previews if preview.files] or previews[:1]


def _wanted(plan: MediaPlan, each: FolderPlan, wanted: list[str]) -> Iterator[Member]:
    listing = each.listing
    stage = f"reading {listing.file}"
    for path in dict.fromkeys(wanted or [""]):
        with raw_opener(plan.entry, listing.file, listing, stage, quiet)() as raw:
            yield from members_below(raw, path)


def _count(preview: FilesPreview, member: Member, live: Path) -> None:
    if member.kind is MemberKind.FOLDER:
        return
    preview.files += 1
    preview.bytes += member.size
    place = live / member.path
    try:
        status = place.lstat()
        is_link = stat.S_ISLNK(status.st_mode)
        target = os.readlink(place) if is_link else None  # noqa: PTH115 - as it is
    except FileNotFoundError:
        preview.missing += 1
        return
    except OSError:
        preview.blocked += 1
        return
    # A link on the way is no folder: nothing is written through it.
    if stat.S_ISDIR(status.st_mode) or os.path.realpath(place.parent) != str(place.parent):
        preview.blocked += 1
        return
    preview.newer += status.st_mtime_ns > member.mtime
    for how in Overwrite:
        preview.replaced[how] += replaces(how, member, status, target)
