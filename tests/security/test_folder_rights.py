"""Attacks 8, 9, 10 and 21: rights of files, planted links, the folder's place."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support import sites
from tests.support.backups import assert_refused, listed, make, more_settings, wait_for
from tests.support.dumpers import slow_pg_dump
from tests.support.sites import Site, finish
from tests.support.tracing import watching
from trustbackup.exceptions import FolderError
from trustbackup.store import drafts

OPEN_TO_ALL = ["sh", "-c", 'umask 000; exec "$@"', "-"]


def open_to_others(folder: Path) -> list[str]:
    found = [folder, *folder.rglob("*")]
    return [str(path) for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077]


def test_attack_08_umask_000_opens_nothing(any_site: Site) -> None:
    for command in (
        ["create_backup", "--keep"],
        ["create_backup", "--compression", "zstd"],
        ["verify_backup", "all"],
        ["restore_backup", "latest", "--force"],
        ["delete_backup", "latest", "--yes", "--last-good-too"],
        ["rescan_backups"],
    ):
        any_site.manage(*command, prefix=OPEN_TO_ALL)
        assert open_to_others(any_site.backups) == []
    modes = {path.stat().st_mode & 0o777 for path in any_site.backups.rglob("backup_*")}
    assert modes == {0o600}


def test_attack_08_unfinished_files_are_private_too(postgres_site: Site) -> None:
    dumper = slow_pg_dump(postgres_site)
    process = postgres_site.start("create_backup", prefix=OPEN_TO_ALL)
    wait_for(dumper.reached.exists)
    drafts = postgres_site.backups / ".drafts"
    wait_for(lambda: list(drafts.glob("*/*")))
    assert open_to_others(postgres_site.backups) == []
    dumper.release()
    finish(process)


def test_attack_08_every_file_is_created_private(
    any_site: Site, strace: str, tmp_path: Path
) -> None:
    log = tmp_path / "trace"
    prefix = [*watching(strace, log, "openat,creat,mkdir,chmod,fchmod"), *OPEN_TO_ALL]
    make(any_site, prefix=prefix, fresh=True)  # a shell in between sets the mask
    created = [
        line
        for line in log.read_text().splitlines()
        if str(any_site.backups) in line and ("O_CREAT" in line or "mkdir" in line)
    ]
    first: dict[str, str] = {}
    for line in created:
        first.setdefault(line.split('"')[1], line)
    assert len(first) > 5
    for path, line in first.items():
        mode = "0700" if "mkdir" in line else "0600"
        assert re.search(rf", {mode}\b", line), f"{path}: {line}"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious")
    return path


@pytest.mark.parametrize("end", [".dump.gz", ".manifest.json"])
def test_attack_09_a_link_at_a_final_name_is_refused_and_its_target_unchanged(
    tmp_path: Path, victim: Path, end: str
) -> None:
    root = tmp_path / "backups"
    with pytest.raises(FolderError, match="has taken its name"):
        publish_with(root, lambda draft: (root / f"backup_{draft.id}{end}").symlink_to(victim))
    assert victim.read_text() == "precious"
    (link,) = root.glob("backup_*")
    assert link.is_symlink(), "what somebody else put there was removed"
    assert not list((root / ".drafts").iterdir())


@pytest.mark.parametrize("end", [".dump.gz", ".manifest.json"])
def test_attack_09_a_foreign_file_at_a_final_name_survives(tmp_path: Path, end: str) -> None:
    root = tmp_path / "backups"
    with pytest.raises(FolderError, match="has taken its name"):
        publish_with(root, lambda draft: (root / f"backup_{draft.id}{end}").write_text("foreign"))
    (foreign,) = root.glob("backup_*")
    assert foreign.read_text() == "foreign"


def publish_with(root: Path, interfere: Callable[[drafts.Draft], object]) -> None:
    """Publish a backup while somebody puts something in its way."""
    with drafts.begin(root, datetime.now(UTC)) as draft:
        with draft.create(f"backup_{draft.id}.dump.gz") as file:
            file.write(b"data")
        interfere(draft)
        draft.publish(b"{}")


def test_attack_09_a_link_at_a_temporary_name_is_refused(tmp_path: Path, victim: Path) -> None:
    with drafts.begin(tmp_path / "backups", datetime.now(UTC)) as draft:
        name = f"backup_{draft.id}.dump.gz"
        (draft.folder / name).symlink_to(victim)
        with pytest.raises(FolderError, match="File exists"):
            draft.create(name)
    assert victim.read_text() == "precious"


def test_attack_09_links_in_place_of_the_working_folders_are_refused(
    sqlite_site: Site, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    sqlite_site.backups.mkdir()
    run = elsewhere / f"run-{uuid4()}.lock"
    run.write_text("of another site's\n")
    made = make(sqlite_site)
    for name in (".drafts", ".deleted", ".restores"):
        (sqlite_site.backups / name).rename(tmp_path / name)
        (sqlite_site.backups / name).symlink_to(elsewhere)
        for command in (("create_backup",), ("restore_backup", made["id"], "--force")):
            result = sqlite_site.manage(*command, check=False)
            assert_refused(result, name, "symbolic link")
        sqlite_site.manage(
            "shell", "-c", "from trustbackup.runs.queue import fail_stale_runs; fail_stale_runs()"
        )
        (sqlite_site.backups / name).unlink()
        (tmp_path / name).rename(sqlite_site.backups / name)
    assert list(elsewhere.iterdir()) == [run]


def test_attack_09_linked_backups_are_neither_listed_nor_read(
    sqlite_site: Site, tmp_path: Path, victim: Path
) -> None:
    made = make(sqlite_site)
    manifest, data = Path(made["manifest"]), Path(made["files"][0]["path"])
    for path in (manifest, data):
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    (sqlite_site.backups / "backup_2026-01-01_00-00-00.dump.gz").symlink_to(victim)
    assert listed(sqlite_site) == []
    result = sqlite_site.manage("verify_backup", made["id"], check=False)
    assert_refused(result, made["id"])


def test_attack_10_the_folder_of_unfinished_work_is_private(sqlite_site: Site) -> None:
    make(sqlite_site, prefix=OPEN_TO_ALL)
    for name in ("", ".drafts", ".deleted"):
        assert (sqlite_site.backups / name).stat().st_mode & 0o777 == 0o700
    assert not [path for path in sqlite_site.tmp.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ("", "media/backups"),
        ("", "media"),
        ("STATIC_ROOT = {folder!r} + '/static'", "static/below/backups"),
        ("STATICFILES_DIRS = [{folder!r} + '/assets']", "assets/backups"),
        ("STATICFILES_DIRS = [('x', {folder!r} + '/assets')]", "assets/backups"),
    ],
)
def test_attack_21_a_folder_that_a_web_server_hands_out_is_an_error(
    sqlite_site: Site, settings: str, where: str
) -> None:
    folder = sqlite_site.folder
    for name in ("static", "assets"):
        (folder / name).mkdir()
    more_settings(sqlite_site, settings.format(folder=str(folder)))
    site = replace(
        sqlite_site,
        variables={**sqlite_site.variables, "TRUSTBACKUP_ROOT": str(folder / where)},
    )
    result = site.manage("check", "--tag", "trustbackup", check=False)
    assert result.returncode == 1
    assert "trustbackup.E004" in result.stderr


def test_attack_21_a_folder_inside_the_code_or_behind_a_link_is_an_error(
    sqlite_site: Site,
) -> None:
    link = sqlite_site.folder / "link"
    link.symlink_to(sqlite_site.media)
    for where in (link / "backups", sites.CHECKOUT / "trustbackup" / "backups"):
        site = replace(sqlite_site, variables={"TRUSTBACKUP_ROOT": os.fspath(where)})
        result = site.manage("check", "--tag", "trustbackup", check=False)
        assert "trustbackup.E004" in result.stderr
    assert sqlite_site.manage("check", "--tag", "trustbackup").returncode == 0
