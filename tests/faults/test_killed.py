"""Rows 4, 5 and 7: the process dies, or is asked to end, at any instant."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.backups import (
    aftermath,
    assert_refused,
    leftovers,
    listed,
    make,
    snapshot,
    unchanged,
    wait_for,
)
from tests.support.dumpers import slow_pg_dump
from tests.support.processes import descendants, is_alive
from tests.support.sampling import Sweep
from tests.support.sites import Site, finish
from tests.support.tracing import NEVER, injected, injecting, number_of

FILES = (".dump", "copy.sqlite3", "published", ".manifest.json", "draft", "root")


def killed_at(
    site: Site, strace: str, log: Path, call: str, number: int, files: tuple[str, ...] = FILES
) -> bool:
    """Run create_backup and kill it at the so-manieth of these calls; False when it has fewer."""
    prefix = injecting(strace, site, log, call, "signal=KILL", str(number), files)
    result = site.manage("create_backup", "--json", "--no-compress", prefix=prefix, check=False)
    assert bool(injected(log)) == (result.returncode != 0), str(result)
    return result.returncode != 0


@pytest.mark.parametrize("call", ["rename", "fsync", "mkdir", "unlinkat"])
def test_fault_04_sigkill_at_each_call_in_turn_leaves_no_half_backup(
    any_site: Site, strace: str, tmp_path: Path, call: str, sweep: Sweep
) -> None:
    make(any_site, "--no-compress")
    assert not killed_at(any_site, strace, tmp_path / "all", call, NEVER)
    total = number_of(call, tmp_path / "all")
    assert total >= {"rename": 2, "fsync": 6, "mkdir": 1, "unlinkat": 1}[call]
    for number in sweep.choose(range(1, total + 1), 2):
        assert killed_at(any_site, strace, tmp_path / str(number), call, number)
        aftermath(any_site)
        assert not leftovers(any_site.backups)


@pytest.mark.parametrize("number", [1, 2, 7, 20])
def test_fault_04_sigkill_at_the_kth_write_leaves_no_half_backup(
    any_site: Site, strace: str, tmp_path: Path, number: int
) -> None:
    add_incompressible_rows(any_site)
    make(any_site, "--no-compress")
    assert killed_at(any_site, strace, tmp_path / "trace", "write", number, (".dump",))
    aftermath(any_site)
    assert not leftovers(any_site.backups)


@pytest.mark.parametrize("file", ["published", ".manifest.json"])
def test_fault_04_sigkill_while_a_small_file_is_written_leaves_no_half_backup(
    any_site: Site, strace: str, tmp_path: Path, file: str
) -> None:
    make(any_site, "--no-compress")
    for call in ("openat", "write", "close"):
        assert killed_at(any_site, strace, tmp_path / call, call, 1, (file,))
    aftermath(any_site)
    assert not leftovers(any_site.backups)


@pytest.mark.parametrize("call", ["rename", "unlink", "fsync"])
def test_fault_04_sigkill_while_a_backup_is_deleted_leaves_it_whole_or_gone(
    sqlite_site: Site, strace: str, tmp_path: Path, call: str, sweep: Sweep
) -> None:
    def delete(number: int) -> tuple[str, int]:
        """The id of a new backup, and how its deletion ended."""
        made = make(sqlite_site)
        log = tmp_path / str(number)
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
        prefix = [strace, "-f", "-qq", "-o", str(log), "-P", str(sqlite_site.backups)]
        for item in (made["manifest"], made["files"][0]["path"], tombstone(made)):
            prefix += ["-P", str(item)]
        command = ("delete_backup", made["id"], "--yes", "--last-good-too")
        ended = sqlite_site.manage(*command, prefix=[*prefix, *inject], check=False)
        return made["id"], ended.returncode

    identifier, code = delete(NEVER)
    assert code == 0
    assert identifier not in {item["id"] for item in listed(sqlite_site)}
    total = number_of(call, tmp_path / str(NEVER))
    assert total
    for number in sweep.choose(range(1, total + 1), 2):
        identifier, code = delete(number)
        assert code, number
        here = {item["id"]: item["state"] for item in listed(sqlite_site)}
        assert here.get(identifier, "complete") == "complete"
    aftermath(sqlite_site)
    assert not leftovers(sqlite_site.backups)


def tombstone(made: dict[str, str]) -> Path:
    manifest = Path(made["manifest"])
    return manifest.parent / ".deleted" / manifest.name


def test_fault_05_an_orphan_is_not_listed_and_swept_by_the_next_run(
    any_site: Site, strace: str, tmp_path: Path
) -> None:
    make(any_site)
    with unchanged(any_site.backups):
        foreign = any_site.backups / "backup_2020-01-01_00-00-00.dump.gz"
        foreign.write_bytes(b"somebody else's")
        before = snapshot(any_site.backups)
        log = tmp_path / "trace"
        manifest = (".manifest.json",)
        prefix = injecting(strace, any_site, log, "rename", "signal=KILL", "1", manifest)
        result = any_site.manage("create_backup", prefix=prefix, check=False)
        assert result.returncode == -signal.SIGKILL, str(result)
        orphans = set(snapshot(any_site.backups)) - set(before)
        assert [name for name in orphans if "/" not in name], "there must be an orphan to sweep"
        states = [item["state"] for item in listed(any_site)]
        assert states == ["complete", "unverified"]
        any_site.manage("rescan_backups")
        assert snapshot(any_site.backups) == before
        foreign.unlink()
    aftermath(any_site)


def test_fault_05_a_file_that_took_the_orphans_name_is_not_swept(
    sqlite_site: Site, strace: str, tmp_path: Path
) -> None:
    log = tmp_path / "trace"
    prefix = injecting(strace, sqlite_site, log, "rename", "signal=KILL", "1", (".manifest.json",))
    sqlite_site.manage("create_backup", prefix=prefix, check=False)
    (orphan,) = sqlite_site.backups.glob("backup_*.dump.gz")
    foreign = sqlite_site.backups / "foreign"
    foreign.write_bytes(b"somebody else's")
    foreign.replace(orphan)
    sqlite_site.manage("rescan_backups")
    assert orphan.read_bytes() == b"somebody else's"
    assert not leftovers(sqlite_site.backups)
    (entry,) = listed(sqlite_site)
    assert entry["state"] == "unverified"


@pytest.mark.three_engines
def test_fault_05_a_backup_killed_after_its_manifest_is_whole(
    any_site: Site, strace: str, tmp_path: Path
) -> None:
    log = tmp_path / "trace"
    prefix = injecting(strace, any_site, log, "fsync", "signal=KILL", "2", ("root",))
    any_site.manage("create_backup", prefix=prefix, check=False)
    assert injected(log), log.read_text()
    assert list(any_site.backups.glob("*.manifest.json"))
    assert len(aftermath(any_site)["after"]) == 2


def test_fault_07_sigterm_during_a_dump_ends_the_dumper_and_leaves_nothing(
    postgres_site: Site,
) -> None:
    dumper = slow_pg_dump(postgres_site)
    make(postgres_site, env={"DJANGO_SETTINGS_MODULE": "webshop.settings"})
    with unchanged(postgres_site.backups):
        process = postgres_site.start("create_backup", "--json")
        wait_for(dumper.reached.exists)
        children = descendants(process.pid)
        assert any("pg_dump" in command for command in children.values()), children
        os.kill(process.pid, signal.SIGTERM)
        result = finish(process)
    assert_refused(result, "Cancelled", "SIGTERM")
    assert result.stdout == ""
    wait_for(lambda: not any(is_alive(pid) for pid in children))
    assert not leftovers(postgres_site.backups)
    dumper.release()
    aftermath(postgres_site)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_fault_07_a_signal_while_sqlite_is_compressed_leaves_nothing(
    sqlite_site: Site, number: signal.Signals
) -> None:
    add_incompressible_rows(sqlite_site)
    make(sqlite_site)
    with unchanged(sqlite_site.backups):
        process = sqlite_site.start("create_backup", "--json", "--compression", "bzip2")
        wait_for(lambda: any(half_written(sqlite_site)))
        os.kill(process.pid, number)
        result = finish(process)
    assert_refused(result)
    aftermath(sqlite_site)


def half_written(site: Site) -> list[Path]:
    drafts = site.backups / ".drafts"
    return [path for path in drafts.glob("*/*.bz2") if path.stat().st_size]


def add_incompressible_rows(site: Site) -> None:
    """About 24 MB that no compressor makes smaller."""
    if site.database:
        site.query("CREATE TABLE noise (id serial PRIMARY KEY, data text)")
        site.query("ALTER TABLE noise ALTER data SET STORAGE EXTERNAL")
        chunk = "string_agg(md5(random()::text || n || m), '')"
        site.query(
            f"INSERT INTO noise (data) SELECT (SELECT {chunk} FROM generate_series(1, 500) m)"
            " FROM generate_series(1, 1500) n"
        )
    elif site.mariadb:
        site.query("CREATE TABLE noise (id integer PRIMARY KEY, data mediumblob)")
        chunk = ", ".join(["random_bytes(1000)"] * 20)
        site.query(f"INSERT INTO noise SELECT seq, concat({chunk}) FROM seq_1_to_600")
    else:
        site.query("CREATE TABLE noise (id integer PRIMARY KEY, data blob)")
        site.query(
            "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 24)"
            " INSERT INTO noise SELECT i, randomblob(1000000) FROM n"
        )
