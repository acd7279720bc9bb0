"""Which packs an incremental backup empties."""

from __future__ import annotations

import dataclasses
import io

from tests.support.media import a_file
from trustbackup.contents.media.incremental import live_bytes
from trustbackup.contents.media.index import write_member
from trustbackup.operations.backup.media_objects import sparse_packs


def test_packs_of_which_less_than_half_is_of_use_are_emptied_the_emptiest_first() -> None:
    there = {"full": 100, "half": 100, "less": 100, "little": 100, "unused": 100}
    live = {"full": 100, "half": 50, "less": 49, "little": 1}
    assert sparse_packs(there, live) == {"less", "little", "unused"}
    assert sparse_packs(there, live, most=49) == {"little", "unused"}
    assert sparse_packs({}, live) == set()


def test_what_a_list_needs_of_an_object_is_counted_by_its_lines() -> None:
    objects = {"a" * 64: 3, "b" * 64: 5}
    names = ("cup", 'a name ,"size":9999,', "plate")
    index = b"".join(
        write_member(
            dataclasses.replace(a_file(name, b"x" * size, "0" * 64), object=sha256, offset=0)
        )
        for name in names
        for sha256, size in objects.items()
    )
    index += write_member(a_file("empty", b"", "0" * 64))
    assert live_bytes(io.BytesIO(index)) == {sha256: 3 * size for sha256, size in objects.items()}
