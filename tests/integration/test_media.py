"""Uploaded files: out, proven, and back by one exchange that can be undone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import assert_refused, listed, make, more_settings, run_all, verify
from tests.support.media import snapshot
from tests.support.sites import Site
from trustbackup.contents.media.walk import readable

MEDIA = ("--type", "media")
# Root reads everything unless this right is taken from it.
NOT_ALMIGHTY = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--") if os.geteuid() == 0 else ()
)


def fill(site: Site) -> None:
    media = site.media
    (media / "uploads").mkdir(exist_ok=True)
    (media / "empty").mkdir(exist_ok=True)
    (media / "uploads" / "cup.txt").write_text("cup")
    (media / "uploads" / "plate.txt").write_text("plate")
    (media / "new\nline").write_text("a")
    (media / os.fsdecode(b"\xff\xfe")).write_text("b")
    (media / "large").write_bytes(os.urandom(3 << 20))
    (media / "link").symlink_to("/etc")


def restored(site: Site, made: dict[str, Any], *options: str) -> dict[str, Any]:
    command = ("restore_backup", made["id"], "--force", "--json", *options)
    found: dict[str, Any] = site.manage(*command).json
    return found


def beside(site: Site) -> list[str]:
    return sorted(name for name in os.listdir(site.folder) if name.startswith(".trustbackup-"))


def test_uploaded_files_go_out_and_come_back_and_that_is_undone(sqlite_site: Site) -> None:
    samples = sum(kind == "file" for kind, *_rest in snapshot(sqlite_site.media).values())
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    made = make(sqlite_site, *MEDIA)
    assert [file["file"] for file in made["files"]] == [
        f"backup_{made['id']}.media.tar.gz",
        f"backup_{made['id']}.media-files.jsonl.gz",
    ]
    (found,) = listed(sqlite_site)
    assert (found["kind"], found["databases"], found["state"]) == ("media", ["media/"], "complete")
    assert verify(sqlite_site, made["id"])["ok"]
    drilled = sqlite_site.manage("verify_backup", made["id"], "--restore").stdout
    assert "every file's content compared" in drilled
    shutil.rmtree(sqlite_site.media / "uploads")
    (sqlite_site.media / "large").write_text("small")
    (sqlite_site.media / "new one").write_text("new")
    now = snapshot(sqlite_site.media)
    planned = sqlite_site.manage("restore_backup", made["id"], "--dry-run", "--json").json
    changes = planned["folders"]["media"]
    counted = {name: changes[name] for name in ("added", "changed", "same", "gone")}
    assert counted == {"added": 2, "changed": 1, "same": 3 + samples, "gone": 1}
    assert snapshot(sqlite_site.media) == now
    done = restored(sqlite_site, made)["folders"]["media/"]
    assert snapshot(sqlite_site.media) == then
    assert snapshot(Path(done["previous"])) == now
    undone = sqlite_site.manage("undo_restore", "--json").json
    assert snapshot(sqlite_site.media) == now
    sqlite_site.manage("undo_restore", undone["undo"])
    assert snapshot(sqlite_site.media) == then
    assert len(beside(sqlite_site)) == 1
    sqlite_site.manage("release_restore", "--yes")
    assert beside(sqlite_site) == []
    assert sqlite_site.manage("list_restores", "--json").json == []


def test_everything_comes_back_where_nothing_is_left(sqlite_site: Site) -> None:
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    made = make(sqlite_site, *MEDIA)
    shutil.rmtree(sqlite_site.media)
    done = restored(sqlite_site, made)["folders"]["media/"]
    assert done["previous"] == done["undo"] == ""
    assert snapshot(sqlite_site.media) == then
    assert beside(sqlite_site) == []
    assert sqlite_site.manage("list_restores", "--json").json == []


def test_what_could_not_be_read_is_named_and_the_run_is_partial(sqlite_site: Site) -> None:
    fill(sqlite_site)
    os.mkfifo(sqlite_site.media / "pipe")
    made = make(sqlite_site, *MEDIA)  # a pipe is nothing that a backup should have
    assert made["amiss"] == []
    assert "special: pipe" in sqlite_site.manage("show_backup", made["id"]).stdout
    for number in range(5):
        (sqlite_site.media / "uploads" / f"closed{number}\n").write_text("closed")
        (sqlite_site.media / "uploads" / f"closed{number}\n").chmod(0)
    ended = sqlite_site.manage("create_backup", *MEDIA, "--json", prefix=NOT_ALMIGHTY, check=False)
    assert ended.returncode == 1
    made = ended.json
    (sentence,) = made["amiss"]
    assert sentence == (
        "5 files of media changed, vanished or could not be read: unreadable:"
        " uploads/closed0\\n, unreadable: uploads/closed1\\n, unreadable: uploads/closed2\\n …."
    )
    assert listed(sqlite_site)[0]["state"] == "complete"
    into = sqlite_site.folder / "elsewhere"
    sqlite_site.manage("restore_backup", made["id"], "--into-folder", str(into))
    assert sorted(path.name for path in (into / "uploads").iterdir()) == ["cup.txt", "plate.txt"]
    (run, *_rest) = sqlite_site.query(
        "SELECT state FROM trustbackup_run WHERE target = '" + made["id"] + "' ORDER BY started"
    )
    assert run == ("partial",)


def test_only_what_is_missing_or_asked_for_is_put_back(sqlite_site: Site) -> None:
    fill(sqlite_site)
    media = sqlite_site.media
    made = make(sqlite_site, *MEDIA)
    cup, plate = media / "uploads" / "cup.txt", media / "uploads" / "plate.txt"
    cup.write_text("another cup")
    plate.unlink()
    (media / "mine").write_text("mine")

    def put(*options: str) -> dict[str, Any]:
        found: dict[str, Any] = restored(sqlite_site, made, *options)["folders"]["media"]
        return found

    done = put("--only-missing")
    assert (done["written"], done["replaced"]) == (1, "")
    assert (cup.read_text(), plate.read_text()) == ("another cup", "plate")
    # Never over what is newer.
    assert put("--path", "uploads/cup.txt", "--overwrite", "older")["written"] == 0
    assert put("--path", "uploads", "--overwrite", "never")["written"] == 0
    assert cup.read_text() == "another cup"
    done = put("--path", "uploads")
    assert (done["written"], done["left"]) == (1, 1)
    assert cup.read_text() == "cup"
    assert (Path(done["replaced"]) / "uploads" / "cup.txt").read_text() == "another cup"
    os.utime(cup, ns=(0, 0))
    assert put("--path", "uploads/cup.txt", "--overwrite", "older")["written"] == 1
    assert put("--path", "uploads/cup.txt", "--overwrite", "changed")["written"] == 0
    assert put("--path", "uploads/cup.txt", "--overwrite", "always")["written"] == 1
    assert (media / "mine").read_text() == "mine"


def test_attack_09_a_file_is_put_into_no_folder_that_a_link_leads_to(sqlite_site: Site) -> None:
    fill(sqlite_site)
    made = make(sqlite_site, *MEDIA)
    outside = sqlite_site.folder / "outside"
    outside.mkdir()
    shutil.rmtree(sqlite_site.media / "uploads")
    (sqlite_site.media / "uploads").symlink_to(outside)
    (sqlite_site.media / "large").unlink()
    (sqlite_site.media / "large").mkdir()
    command = ("restore_backup", made["id"], "--force", "--only-missing", "--json")
    ended = sqlite_site.manage(*command, check=False)
    assert ended.returncode == 1
    problems = " ".join(ended.json["folders"]["media"]["problems"])
    assert "uploads/cup.txt: what lies on its way is no folder." in problems
    assert "large: there is a folder in its place." in problems
    assert list(outside.iterdir()) == []


def test_it_goes_into_another_folder_and_touches_no_other(sqlite_site: Site) -> None:
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    made = make(sqlite_site, *MEDIA)
    shutil.rmtree(sqlite_site.media)
    into = sqlite_site.folder / "elsewhere"
    done = sqlite_site.manage("restore_backup", made["id"], "--into-folder", str(into), "--json")
    assert done.json["folders"]["media"]["folder"] == str(into)
    assert snapshot(into) == then
    assert not sqlite_site.media.exists()
    again = sqlite_site.manage(
        "restore_backup", made["id"], "--into-folder", str(into), check=False
    )
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_folders_and_storages_by_name_come_back_together(sqlite_site: Site) -> None:
    fill(sqlite_site)
    invoices = sqlite_site.folder / "invoices"
    (invoices / "cache").mkdir(parents=True)
    (invoices / "1.txt").write_text("one")
    (invoices / "cache" / "2.txt").write_text("two")
    more_settings(
        sqlite_site,
        "STORAGES = {'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'},"
        " 'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'},"
        " 'invoices':"
        " {'BACKEND': 'django.core.files.storage.FileSystemStorage',"
        f" 'OPTIONS': {{'location': {str(invoices)!r}}}}}}}\n"
        "TRUSTBACKUP = {**TRUSTBACKUP, 'CONTENTS': {"
        "'media': {'FOLDER': MEDIA_ROOT},"
        " 'invoices': {'STORAGE': 'invoices', 'EXCLUDE': ['cache']}}}",
    )
    made = make(sqlite_site, *MEDIA)
    assert [file["part"] for file in made["files"]] == [
        "media-invoices",
        "media-invoices-files",
        "media",
        "media-files",
    ]
    media = snapshot(sqlite_site.media)
    shutil.rmtree(sqlite_site.media / "uploads")
    (invoices / "1.txt").unlink()
    done = restored(sqlite_site, made)["folders"]
    assert set(done) == {"media/", "media-invoices/"}
    assert snapshot(sqlite_site.media) == media
    assert (invoices / "1.txt").read_text() == "one"
    assert not (invoices / "cache").exists()
    # What was restored together is undone together.
    sqlite_site.manage("undo_restore")
    assert not (sqlite_site.media / "uploads").exists()
    assert (invoices / "cache" / "2.txt").read_text() == "two"
    (sqlite_site.media / "new").write_text("new")
    restored(sqlite_site, made, "--part", "media-invoices")
    assert (sqlite_site.media / "new").exists()
    assert (invoices / "1.txt").exists()


def test_what_cant_be_done_is_refused_in_one_sentence(sqlite_site: Site) -> None:
    fill(sqlite_site)
    made, whole = make(sqlite_site, *MEDIA), make(sqlite_site)
    there = snapshot(sqlite_site.media)
    restore = ["restore_backup", made["id"], "--force"]
    wanted = [
        (["create_backup", *MEDIA, "--database", "default"], "--database"),
        (["create_backup", *MEDIA, "--content"], "--content"),
        (["create_backup", *MEDIA, "--format", "directory"], "--format"),
        ([*restore, "--swap"], "--swap"),
        ([*restore, "--into", "other"], "--into"),
        ([*restore, "--mode", "add"], "--mode"),
        ([*restore, "--part", "nothing"], "nothing"),
        ([*restore, "--path", "nothing"], "nothing"),
        ([*restore, "--path", "../x"], "../x"),
        ([*restore, "--overwrite", "always"], "--overwrite"),
        ([*restore, "--path", "large", "--overwrite", "perhaps"], "perhaps"),
        ([*restore, "--only-missing", "--into-folder", "/x"], "--into-folder"),
        ([*restore, "--into-folder", str(sqlite_site.media)], "is there already"),
        (["restore_backup", whole["id"], "--force", "--path", "x"], "--path"),
        (["restore_backup", whole["id"], "--force", "--only-missing"], "--only-missing"),
    ]
    for result, (_command, word) in zip(
        run_all(sqlite_site, [command for command, _word in wanted]), wanted, strict=True
    ):
        assert_refused(result, word)
    assert snapshot(sqlite_site.media) == there
    assert beside(sqlite_site) == []


@pytest.mark.parametrize(
    ("contents", "word"),
    [
        ("[]", "CONTENTS"),
        ("{}", "CONTENTS"),
        ("{'files': {'FOLDER': '/x'}}", "files"),
        ("{'A b': {'FOLDER': '/x'}}", "A b"),
        ("{'media': {}}", "media"),
        ("{'media': {'FOLDER': 'relative'}}", "whole path"),
        ("{'media': {'FOLDER': '/x', 'STORAGE': 'default'}}", "two"),
        ("{'media': {'FOLDER': '/x', 'OTHER': 1}}", "known"),
        ("{'media': {'FOLDER': '/x', 'EXCLUDE': '*.tmp'}}", "patterns"),
        ("{'media': {'STORAGE': 'nothing'}}", "nothing"),
        ("{'media': {'FOLDER': '/'}}", "file system"),
        ("{'media': {'FOLDER': '/nowhere/at/all'}}", "/nowhere/at/all"),
    ],
)
def test_settings_that_name_no_folder_are_refused(
    sqlite_site: Site, contents: str, word: str
) -> None:
    more_settings(sqlite_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'CONTENTS': {contents}}}")
    assert_refused(sqlite_site.manage("create_backup", *MEDIA, check=False), word)
    assert listed_files(sqlite_site) == []


def listed_files(site: Site) -> list[str]:
    return sorted(path.name for path in site.backups.glob("backup_*"))


def test_fault_31_a_damaged_archive_restores_nothing(sqlite_site: Site) -> None:
    fill(sqlite_site)
    made = make(sqlite_site, *MEDIA)
    there = snapshot(sqlite_site.media)
    for file in made["files"]:
        path = Path(file["path"])
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] + b"x" + whole[len(whole) // 2 + 1 :])
        ended = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
        assert ended.returncode == 1
        assert "corrupt" in ended.stderr
        assert not verify(sqlite_site, made["id"])["ok"]
        path.write_bytes(whole)
    assert snapshot(sqlite_site.media) == there
    assert beside(sqlite_site) == []


def test_the_backup_folder_itself_is_never_in_it(sqlite_site: Site) -> None:
    fill(sqlite_site)
    inside = sqlite_site.media / "backups"
    sqlite_site.variables["TRUSTBACKUP_ROOT"] = str(inside)
    make(sqlite_site, *MEDIA)
    made = make(sqlite_site, *MEDIA)
    into = sqlite_site.folder / "elsewhere"
    sqlite_site.manage("restore_backup", made["id"], "--into-folder", str(into))
    assert not (into / "backups").exists()
    assert (into / "large").exists()


def test_an_old_folder_that_is_another_one_is_not_put_back(sqlite_site: Site) -> None:
    fill(sqlite_site)
    made = make(sqlite_site, *MEDIA)
    done = restored(sqlite_site, made)["folders"]["media/"]
    previous = Path(done["previous"])
    previous.rename(sqlite_site.folder / "mine")
    previous.mkdir()
    there = snapshot(sqlite_site.media)
    assert_refused(sqlite_site.manage("undo_restore", check=False), previous.name)
    assert_refused(sqlite_site.manage("release_restore", "--yes", check=False), previous.name)
    assert snapshot(sqlite_site.media) == there
    assert previous.exists()


def test_a_path_is_one_line_whatever_is_in_it() -> None:
    assert readable("a\nb\x1b[1m") == "a\\nb\\x1b[1m"
    assert readable(os.fsdecode(b"\xff")) == "\\xff"
    assert readable("Größe") == "Größe"
