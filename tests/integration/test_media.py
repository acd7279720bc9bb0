"""Uploaded files: out, proven, and back by one exchange that can be undone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from tests.support.backups import listed, make, more_settings, verify
from tests.support.media import MEDIA, beside, fill, restored, snapshot
from tests.support.sites import Site
from trustbackup.contents.media.walk import readable

# Root reads everything unless this right is taken from it.
NOT_ALMIGHTY = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--") if os.geteuid() == 0 else ()
)


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
    assert snapshot(Path(undone["previous"])) == then
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
    looked = sqlite_site.manage(
        "restore_backup", made["id"], "--path", "uploads", "--dry-run", "--json"
    ).json["files"]["media"]
    assert (looked["files"], looked["missing"], looked["newer"]) == (2, 0, 1)
    assert looked["writes"] == {"never": 0, "changed": 1, "older": 0, "always": 2}
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
    # A link is as it was when it says the same, whatever its time.
    assert put("--path", "link")["written"] == 0
    (media / "link").unlink()
    (media / "link").symlink_to("/tmp")
    assert put("--path", "link")["written"] == 1
    assert (media / "link").readlink() == Path("/etc")
    cup.unlink()
    cup.symlink_to("plate.txt")
    assert put("--path", "uploads/cup.txt")["written"] == 1
    assert cup.read_text() == "cup"


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


def test_a_path_is_one_line_whatever_is_in_it() -> None:
    assert readable("a\nb\x1b[1m") == "a\\nb\\x1b[1m"
    assert readable(os.fsdecode(b"\xff")) == "\\xff"
    assert readable("Größe") == "Größe"
