"""Folders as objects, in the test's own process."""

from __future__ import annotations

import io
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from trustbackup.contents.media import packs
from trustbackup.contents.media.assemble import assemble
from trustbackup.contents.media.incremental import Before, FolderObjects
from trustbackup.contents.media.packs import ObjectWriter
from trustbackup.contents.media.selection import Selection
from trustbackup.contents.media.tree import TreeWriter
from trustbackup.store.objects import ObjectStore


@dataclass
class Objects:
    """Backups of one folder; ``indexes`` has their lists, ``read`` the bytes that each read."""

    store: ObjectStore
    workdir: Path
    indexes: list[bytes] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    named: list[set[str]] = field(default_factory=list)

    @classmethod
    def beside(cls, folder: Path) -> Objects:
        store, workdir = ObjectStore(folder / "backups"), folder / "work"
        workdir.mkdir()
        store.prepare()
        return cls(store, workdir)

    def back_up(
        self, folder: Path, gone: Collection[str] = (), *, read_all: bool = False
    ) -> FolderObjects:
        last = self.indexes[-1] if self.indexes else None
        before = Before((lambda: io.BytesIO(last)) if last is not None else None, gone)
        spool = io.BytesIO()
        with ObjectWriter(self.store, self.workdir, gone) as writer:
            found = FolderObjects(folder, Selection(), spool, writer, before, read_all=read_all)
            found.run(lambda _done: None)
        lines = spool.getvalue().splitlines(keepends=True)
        self.indexes.append(b"".join(map(writer.name_places, lines)))
        self.read.append(found.read_bytes)
        self.named.append({name.decode() for name in found.reused} | set(writer.written))
        return found

    def put(self, index: bytes, folder: Path) -> None:
        """Write what a list says into a new folder."""
        folder.mkdir()
        with TreeWriter(folder) as tree:
            for member, content in assemble(self.store, io.BytesIO(index)):
                tree.write(member, content)


def fill(media: Path) -> None:
    """Files small and large, of odd names, twice the same, a link."""
    (media / "a").mkdir(parents=True)
    (media / "a" / "cup").write_text("cup")
    (media / "a" / "the same").write_text("cup")
    (media / "a.b").write_text("between, by the bytes of its name")
    (media / "empty").touch()
    (media / os.fsdecode(b"\xff")).write_text("no UTF-8")
    (media / 'quoted"object":"@0"').write_text("a name like a place")
    (media / "link").symlink_to("a/cup")
    (media / "large").write_bytes(os.urandom(packs.ALONE))
