"""One app's data at destinations, dropped here, brought back, and taken over from files."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.integration.test_app_data import SHOP, change, restore, rows
from tests.support.backups import listed, make
from tests.support.local_data import keep_local
from tests.support.sites import Site


def test_an_apps_data_comes_back_from_a_destination(sqlite_site: Site, offloaded: Path) -> None:
    then, where = rows(sqlite_site), offloaded.as_uri()
    keep_local(sqlite_site, 0)
    made = make(sqlite_site, *SHOP, "--to", where)
    assert made["offloaded"] == [made["id"]]
    assert not Path(made["files"][0]["path"]).exists()
    assert sqlite_site.manage("verify_backup", made["id"], "--at", where).returncode == 0
    change(sqlite_site)
    restore(sqlite_site, made, "--mode", "replace", "--no-safety-backup")
    assert rows(sqlite_site) == then
    # As on a machine that has nothing of it.
    shutil.rmtree(sqlite_site.backups)
    change(sqlite_site)
    restore(sqlite_site, made, "--mode", "replace", "--no-safety-backup", "--from", where)
    assert rows(sqlite_site) == then
    (held,) = listed(sqlite_site)
    assert (held["id"], held["kind"]) == (made["id"], "app")


def test_an_apps_data_is_taken_over_from_its_files(sqlite_site: Site, tmp_path: Path) -> None:
    then, made = rows(sqlite_site), make(sqlite_site, *SHOP)
    files = [Path(made["manifest"]), *(Path(file["path"]) for file in made["files"])]
    kept = [Path(shutil.move(file, tmp_path)) for file in files]
    assert listed(sqlite_site) == []
    sqlite_site.manage("adopt_backup", *map(str, kept))
    change(sqlite_site)
    restore(sqlite_site, made, "--mode", "replace", "--no-safety-backup")
    assert rows(sqlite_site) == then
    (held,) = listed(sqlite_site)
    assert (held["id"], held["kind"], held["state"]) == (made["id"], "app", "complete")
