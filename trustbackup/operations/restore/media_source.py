"""The files of a part with their contents, however they lie: in an archive, or in objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from trustbackup.contents.media.assemble import assemble
from trustbackup.contents.media.index import Member
from trustbackup.contents.media.unpack import Content, unpack
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.source import raw_opener
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Part
from trustbackup.store.objects import FORMAT, ObjectStore


@contextmanager
def contents_of(
    entry: BackupFiles, part: Part, listing: Part, stage: str, report: Reporter
) -> Iterator[Iterator[tuple[Member, Content]]]:
    """Each member of a part, in order, with its content.

    Raises ManifestError, RestoreError, FolderError, and so does reading.
    """
    with ExitStack() as stack:
        index = stack.enter_context(raw_opener(entry, listing.file, listing, stage, quiet)())
        if part.format != FORMAT:
            raw = stack.enter_context(raw_opener(entry, part.file, part, stage, report)())
            yield unpack(raw, index)
            return
        store = ObjectStore(entry.root)
        stack.enter_context(store.reading())
        yield _watched(assemble(store, index), part, stage, report)


def _watched(
    members: Iterator[tuple[Member, Content]], part: Part, stage: str, report: Reporter
) -> Iterator[tuple[Member, Content]]:
    done, total = 0, part.files.bytes if part.files else 0
    for member, content in members:
        report(Progress(stage=stage, done=done, total=total))
        yield member, content
        done += member.size
