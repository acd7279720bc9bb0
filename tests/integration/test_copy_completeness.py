"""What a destination is believed to have: what was looked at, file by file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import make, more_settings
from tests.support.content import digest
from tests.support.offsite import add, look, shell
from tests.support.places import place_for
from tests.support.restores import go_on, restore
from tests.support.sites import Site

KINDS = ["folder", "SFTP with a key", "S3", "S3 at moto", "storage in a bucket"]


def at(site: Site, url: str) -> Any:
    (there,) = site.manage("list_backups", "--at", url, "--json").json
    return there


@pytest.mark.parametrize("damage", ["gone", "truncated"])
@pytest.mark.parametrize("kind", KINDS)
def test_case_o1_a_copy_without_its_data_is_said_and_copied_again(
    sqlite_site: Site, tmp_path: Path, request: pytest.FixtureRequest, kind: str, damage: str
) -> None:
    url = place_for(sqlite_site, kind, request, tmp_path).url
    made = make(sqlite_site, "--to", url)
    then = digest(sqlite_site)
    data = made["files"][0]["file"]
    assert at(sqlite_site, url)["complete"]
    spoil(sqlite_site, url, data, damage, tmp_path)
    there = at(sqlite_site, url)
    assert not there["complete"]
    assert data in there["problem"]
    listing = sqlite_site.manage("list_backups", "--at", url).stdout
    assert "incomplete" in listing
    assert there["problem"] in listing
    looked = sqlite_site.manage("sync_backups", url, "--dry-run", "--json", check=False)
    assert looked.returncode == 1
    assert looked.json[0]["incomplete"] == {made["id"]: there["problem"]}
    said = sqlite_site.manage("sync_backups", url, "--no-push", "--pull", check=False)
    assert "is not complete at" in said.stderr
    assert "has every backup" not in said.stdout
    (synced,) = sqlite_site.manage("sync_backups", url, "--json").json
    assert [copied["error"] for copied in synced["copied"]] == [""]
    assert at(sqlite_site, url)["complete"]
    assert "has every backup" in sqlite_site.manage("sync_backups", url).stdout
    for path in sqlite_site.backups.glob("backup_*"):
        path.unlink()
    go_on(sqlite_site)
    restore(sqlite_site, made["id"], "--from", url)
    assert digest(sqlite_site) == then


def spoil(site: Site, url: str, name: str, damage: str, tmp_path: Path) -> None:
    """Done by the site itself, which has the settings that the address may need."""
    path = tmp_path / "spoilt"
    path.mkdir(exist_ok=True)
    content = (site.backups / name).read_bytes()[:-10]
    (path / name).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    again = f"d.put(Path({str(path / name)!r}), {sha256!r})" if damage == "truncated" else ""
    shell(
        site,
        f"""
from pathlib import Path
from trustbackup.operations.offsite.targets import find_destination
with find_destination({url!r}).open() as d:
    d.delete({name!r})
    {again}
""",
    )


def test_case_o1_the_page_s_state_is_what_was_looked_at_and_a_bad_copy_is_mended(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    made = make(sqlite_site)
    data = offloaded / made["files"][0]["file"]
    whole = data.read_bytes()
    data.unlink()
    sqlite_site.manage("sync_backups", "disk", "--dry-run", check=False)
    ((state, _tries, problem),) = look(sqlite_site)["copies"]
    assert state == "failed"
    assert data.name in problem
    sqlite_site.manage("sync_backups", "disk")
    assert [copy[0] for copy in look(sqlite_site)["copies"]] == ["stored"]
    assert data.read_bytes() == whole
    data.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert sqlite_site.manage("verify_backup", "latest", "--at", "disk", check=False).returncode
    assert [copy[0] for copy in look(sqlite_site)["copies"]] == ["failed"]
    mended = sqlite_site.manage("sync_backups", "disk", "--json")
    assert [copied["error"] for copied in mended.json[0]["copied"]] == [""]
    assert data.read_bytes() == whole
    assert [copy[0] for copy in look(sqlite_site)["copies"]] == ["stored"]


def test_case_o1_data_that_was_dropped_here_comes_from_another_copy(
    sqlite_site: Site, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        add(sqlite_site, tmp_path / name / "copies", name=name)
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 0}")
    made = make(sqlite_site)
    data = made["files"][0]["file"]
    (tmp_path / "one/copies" / data).unlink()
    synced = sqlite_site.manage("sync_backups", "one", "--json")
    assert [copied["error"] for copied in synced.json[0]["copied"]] == [""]
    assert (tmp_path / "one/copies" / data).exists()


def test_what_another_has_put_in_a_copy_s_place_is_never_replaced(
    sqlite_site: Site, offloaded: Path
) -> None:
    made = make(sqlite_site, "--to", offloaded.as_uri())
    data = offloaded / made["files"][0]["file"]
    data.write_bytes(b"another's")
    manifest = offloaded / f"backup_{made['id']}.manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"schema"', b'"schemb"'))
    synced = sqlite_site.manage("sync_backups", offloaded.as_uri(), "--json", check=False)
    assert synced.returncode == 1
    assert data.read_bytes() == b"another's"


def test_case_s6_what_is_longer_than_its_manifest_says_is_not_read(
    sqlite_site: Site, offloaded: Path
) -> None:
    made = make(sqlite_site, "--to", offloaded.as_uri())
    data = offloaded / made["files"][0]["file"]
    os.truncate(data, 1 << 40)
    checked = sqlite_site.manage(
        "verify_backup", made["id"], "--at", offloaded.as_uri(), check=False
    )
    assert checked.returncode == 1
    assert "instead of" in checked.stdout + checked.stderr
    for path in sqlite_site.backups.glob("backup_*"):
        path.unlink()
    pulled = sqlite_site.manage("sync_backups", offloaded.as_uri(), "--pull", check=False)
    assert pulled.returncode == 1
    assert "instead of" in pulled.stderr


def test_case_s1_latest_at_a_destination_is_of_this_site(
    sqlite_site: Site, offloaded: Path
) -> None:
    made = make(sqlite_site, "--to", offloaded.as_uri())
    for path in offloaded.glob("backup_*"):
        newer = path.name.replace(made["id"], "2099-01-01_00-00-00")
        text = path.read_bytes().replace(made["id"].encode(), b"2099-01-01_00-00-00")
        (offloaded / newer).write_bytes(text)
    for path in sqlite_site.backups.glob("backup_*"):
        path.unlink()
    then = digest(sqlite_site)
    go_on(sqlite_site)
    restore(sqlite_site, "latest", "--from", offloaded.as_uri())
    assert digest(sqlite_site) == then
    assert [path.name for path in sqlite_site.backups.glob("*.manifest.json")] == [
        f"backup_{made['id']}.manifest.json"
    ]
    (offloaded / f"backup_{made['id']}.manifest.json").unlink()
    refused = sqlite_site.manage("verify_backup", "latest", "--at", offloaded.as_uri(), check=False)
    assert refused.returncode == 1
    assert "signed" in refused.stderr
