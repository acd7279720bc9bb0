"""What a restore that stopped midway says of each database and folder."""

from __future__ import annotations

from trustbackup.exceptions import Cancelled, RestoreError
from trustbackup.operations.restore.result import RestoredDatabase, stopped
from trustbackup.store.journal_entry import Strategy


def changed(alias: str, **more: str) -> RestoredDatabase:
    return RestoredDatabase(alias=alias, strategy=Strategy.SWAP, rows=1, **more)


def test_a_folder_is_called_a_folder() -> None:
    done = [changed("media-a/", previous="old-a", undo="one"), changed("media-b/")]
    aliases = ["media-a/", "media-b/", "media-c/", "default"]
    error = stopped("It was restored in part", aliases, done, RestoreError("It failed"))
    assert str(error) == (
        "It was restored in part: It failed."
        " Folder 'media-a/' was changed: its old one is kept as old-a,"
        " and undo_restore one puts it back."
        " Folder 'media-b/' was changed."
        " Folder 'media-c/' is as it was."
        " Database 'default' is as it was."
    )


def test_of_a_single_one_that_is_as_it_was_the_error_says_all() -> None:
    error = Cancelled()
    assert stopped("It was not restored", ["media/"], [], error) is error
