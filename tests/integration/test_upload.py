"""Backups that were made elsewhere: uploaded on the page, or adopted by the command."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.browser.conftest import PASSWORD, serving
from tests.support.backups import assert_refused, leftovers, listed, make, run_all, snapshot
from tests.support.content import digest
from tests.support.damage import dump_of, sign_again
from tests.support.restores import audit, go_on, only_file, restore
from tests.support.sites import Site
from tests.support.uploads import Visitor, send, sqlite_bytes, zipped
from trustbackup.store.compression import zstd

NAME = "backup_2026-11-20_10-00-00.dump.gz"


def said(response: Any) -> str:
    return " ".join(map(str, response.context["messages"]))


def files_of(made: dict[str, Any]) -> list[tuple[str, bytes]]:
    """A backup's files with their content, its manifest first."""
    paths = [Path(made["manifest"]), *(Path(file["path"]) for file in made["files"])]
    return [(path.name, path.read_bytes()) for path in paths]


def visible(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("*") if not path.name.startswith("."))


# ----------------------------------------------------------------------- round trips


@pytest.mark.parametrize("name", ["zip", "tar.gz"])
def test_what_was_downloaded_comes_back_and_restores(any_site: Site, name: str) -> None:
    commands = [["create_backup", "--name", "first"], ["create_backup"], ["verify_backup", "all"]]
    run_all(any_site, commands)
    ids = [row["id"] for row in listed(any_site)]
    then = digest(any_site)
    before = {path: data for path, data in snapshot(any_site.backups).items() if "backup_" in path}
    with serving(any_site) as served:
        visitor = Visitor(served.address)
        visitor.log_in("operator", PASSWORD)
        chosen = [("csrfmiddlewaretoken", visitor.token()), *(("selected", each) for each in ids)]
        status, _, bundle = visitor.submit(f"/settings/backups/bundle/{name}/", chosen)
        assert status == 200
        any_site.manage("delete_backup", *ids, "--yes", "--last-good-too")
        assert not list(any_site.backups.glob("backup_*"))
        status, headers, page = visitor.upload((f"bundle.{name}", bundle))
        assert (status, headers.get("Location")) == (302, "/settings/backups/"), page
        visitor.upload((f"bundle.{name}", bundle))
        assert b"here already" in visitor.ask("GET", "/settings/backups/")[2]
    after = {path: data for path, data in snapshot(any_site.backups).items() if "backup_" in path}
    assert after == before
    assert leftovers(any_site.backups) == []
    assert any_site.manage("verify_backup", "all", "--json").json["ok"]
    assert sorted(event["target"] for event in audit(any_site, "upload")) == sorted(ids)
    go_on(any_site)
    restore(any_site, ids[-1])
    assert digest(any_site) == then


def test_a_dump_of_another_tool_is_unverified_and_restores(any_site: Site, tmp_path: Path) -> None:
    then = digest(any_site)
    dump = tmp_path / "the shop's last dump"
    if any_site.database:
        dump.write_bytes(dump_of(any_site, "-Fc"))
    else:
        shutil.copy(any_site.sqlite_file, dump)
    said = any_site.manage("adopt_backup", str(dump), "--json").json
    (found,) = said["backups"]
    (row,) = listed(any_site)
    assert (row["id"], row["state"]) == (found["id"], "unverified")
    assert found["files"] == [f"backup_{found['id']}.dump"]
    go_on(any_site)
    restore(any_site, found["files"][0], "--trust-manifest")
    assert digest(any_site) == then


def test_a_directory_dump_is_known_as_one(postgres_site: Site, tmp_path: Path) -> None:
    made = make(postgres_site, "--format", "directory")
    alone = tmp_path / "alone.tar.gz"
    shutil.copy(only_file(made), alone)
    (found,) = postgres_site.manage("adopt_backup", str(alone), "--json").json["backups"]
    assert found["files"] == [f"backup_{found['id']}.dump.tar.gz"]
    other = tmp_path / "other.tar"
    (tmp_path / "toc.dat").write_text("no table of contents")
    (tmp_path / "secret").write_text("no part of a dump")
    subprocess.run(["tar", "cf", other, "-C", tmp_path, "toc.dat", "secret"], check=True)
    refused = postgres_site.manage("adopt_backup", str(other), check=False)
    assert_refused(refused, "'secret'")


# ------------------------------------------------------------------ without manifest


@pytest.mark.parametrize(
    ("called", "pack", "kept"),
    [
        (NAME, gzip.compress, NAME),
        ("backup_2026-11-20_10-00-00.analytics.dump.zst", zstd.compress, ""),
        ("db.sqlite3", bytes, ".dump"),
        ("what ever.bz2", bz2.compress, ".dump.bz2"),
        ("backup_before-sale.dump.gz", gzip.compress, ".dump.gz"),
        ("backup_9999-99-99_10-00-00.dump.gz", gzip.compress, ".dump.gz"),
        ("x" * 300, zstd.compress, ".dump.zst"),
        ("$(id).<b>", gzip.compress, ".dump.gz"),
    ],
)
def test_a_dump_alone_is_listed_as_unverified(
    folder: Path, operator: Client, called: str, pack: Any, kept: str
) -> None:
    data = pack(sqlite_bytes())
    response = send(operator, (called, data))
    assert response.status_code == 200
    assert "unverified" in said(response)
    (name,) = visible(folder)
    if kept.startswith("."):
        assert name != called
        assert name.endswith(kept)
    else:
        assert name == (kept or called)
    assert (folder / name).read_bytes() == data
    assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert leftovers(folder) == []
    identifier = name.split("_", 1)[1].split(".")[0]
    assert response.redirect_chain[-1][0] == f"/settings/backups/backup/{identifier}/"


def test_two_databases_of_one_backup_stay_together(folder: Path, operator: Client) -> None:
    other = "backup_2026-11-20_10-00-00.analytics.dump"
    response = send(operator, (NAME, gzip.compress(sqlite_bytes())), (other, sqlite_bytes(7)))
    assert response.redirect_chain[-1][0].endswith("/backup/2026-11-20_10-00-00/")
    assert visible(folder) == [other, NAME]


def test_the_same_again_is_left_as_it_is_and_another_is_refused(
    folder: Path, operator: Client
) -> None:
    data = gzip.compress(sqlite_bytes())
    send(operator, (NAME, data))
    before = snapshot(folder)
    assert "here already" in said(send(operator, (NAME, data)))
    response = send(operator, (NAME, gzip.compress(sqlite_bytes(3))))
    assert response.status_code == 422
    assert "with other content" in response.content.decode()
    assert snapshot(folder) == before


def test_sums_that_come_along_are_checked(folder: Path, operator: Client) -> None:
    data = gzip.compress(sqlite_bytes())
    for digit, status in (("0", 422), (None, 200)):
        digest = digit * 64 if digit else hashlib.sha256(data).hexdigest()
        sums = f"{digest}  {NAME}\n".encode()
        response = send(operator, ("bundle.zip", zipped({NAME: data, "SHA256SUMS": sums})))
        assert response.status_code == status
        assert visible(folder) == ([] if digit else [NAME])


# --------------------------------------------------------------------- with manifest


@pytest.fixture
def made(sqlite_site: Site) -> dict[str, Any]:
    """A backup of a site that shares the tests' own key; only its hash tells a changed byte."""
    return make(sqlite_site, "--compression", "none")


def test_data_and_manifest_are_one_backup(
    folder: Path, operator: Client, made: dict[str, Any]
) -> None:
    response = send(operator, *files_of(made))
    assert "was uploaded" in said(response)
    assert "unverified" not in said(response)
    assert {name: (folder / name).read_bytes() for name in visible(folder)} == dict(files_of(made))


def test_a_file_that_a_browser_renamed_is_known_by_its_hash(
    folder: Path, operator: Client, made: dict[str, Any]
) -> None:
    (manifest, signed), (data, content) = files_of(made)
    renamed = data.replace(".dump", " (1).dump")
    send(operator, ("manifest (1).json", signed), (renamed, content))
    assert visible(folder) == sorted([manifest, data])


def test_a_record_comes_along(folder: Path, operator: Client, sqlite_site: Site) -> None:
    made = make(sqlite_site, "--keep")
    sqlite_site.manage("verify_backup", made["id"])
    record = Path(made["manifest"].replace(".manifest.", ".record."))
    send(operator, *files_of(made), (record.name, record.read_bytes()))
    assert (folder / record.name).read_bytes() == record.read_bytes()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("byte", "SHA-256"),
        ("cut", "and its manifest says"),
        ("missing", "came without it"),
        ("altered", "altered"),
        ("manifest alone", "came without it"),
        ("extra", "does not know it"),
    ],
)
def test_what_is_not_what_its_manifest_says_is_refused(
    folder: Path, operator: Client, made: dict[str, Any], change: str, word: str
) -> None:
    (manifest, signed), (data, content) = files_of(made)
    spoiled = {
        "byte": [(manifest, signed), (data, content[:-20] + b"!" + content[-19:])],
        "cut": [(manifest, signed), (data, content[:-1])],
        "missing": [(manifest, signed), ("db", sqlite_bytes())],
        "altered": [(manifest, signed.replace(b'"rows": 5', b'"rows": 6')), (data, content)],
        "manifest alone": [(manifest, signed)],
        "extra": [*files_of(made), (data.replace(".dump", ".x.dump"), sqlite_bytes())],
    }[change]
    response = send(operator, *spoiled)
    assert response.status_code == 422
    page = response.content.decode()
    assert made["id"] in page
    assert word in page
    assert visible(folder) == leftovers(folder) == []


def test_a_manifest_of_another_site_is_taken_and_listed_as_such(
    folder: Path, operator: Client, made: dict[str, Any], settings: Any
) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "SECRET_KEYS": ["another key"]}
    response = send(operator, *files_of(made))
    assert "unknown key" in said(response)
    assert response.context["backup"].signature == "unknown"
    assert response.context["backup"].state == "complete"


def test_a_stranger_can_not_be_the_latest_for_ever(
    folder: Path, operator: Client, made: dict[str, Any], settings: Any
) -> None:
    then = "2099-11-20_10-00-00"
    data = Path(made["files"][0]["path"])
    new = data.rename(data.parent / data.name.replace(made["id"], then))

    def move(document: dict[str, Any]) -> None:
        document["id"] = then
        document["parts"][0]["file"] = new.name

    sign_again(made, move)
    files = [("manifest.json", Path(made["manifest"]).read_bytes()), (new.name, new.read_bytes())]
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "SECRET_KEYS": ["another key"]}
    response = send(operator, *files)
    assert response.status_code == 422
    assert "in the future" in response.content.decode()


# ------------------------------------------------------------------------- the page


# ---------------------------------------------------------------------- the command
