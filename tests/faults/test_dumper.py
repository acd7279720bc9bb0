"""Rows 10 to 13: the dumper is killed, missing or too old; its server or a compressor fails."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clusters, sites
from tests.support.backups import (
    aftermath,
    assert_refused,
    leftovers,
    listed,
    make,
    more_settings,
    unchanged,
    wait_for,
)
from tests.support.dumpers import python_program, slow_pg_dump, use_dumper
from tests.support.postgresql_programs import postgresql_programs
from tests.support.sites import Site, finish
from trustbackup.exceptions import DumpError
from trustbackup.store import compression, durable, streams


def noise(site: Site) -> None:
    """More rows than pipes and buffers hold: the dumper needs its server to the end."""
    site.query("CREATE TABLE noise (id serial PRIMARY KEY, data text)")
    site.query(
        "INSERT INTO noise (data) SELECT repeat(md5(n::text), 30) FROM generate_series(1, 15000) n"
    )


def test_fault_10_a_killed_pg_dump_leaves_nothing(postgres_site: Site) -> None:
    noise(postgres_site)
    make(postgres_site)
    dumper = slow_pg_dump(postgres_site)
    with unchanged(postgres_site.backups):
        process = postgres_site.start("create_backup", "--json")
        wait_for(dumper.reached.exists)
        os.kill(dumper.pid, signal.SIGKILL)
        dumper.release()
        result = finish(process)
    assert_refused(result, "Database 'default' was not dumped", "pg_dump", "SIGKILL")
    assert result.stdout == ""
    assert [item["state"] for item in listed(postgres_site)] == ["complete"]
    aftermath(postgres_site)


def test_fault_10_a_pg_dump_that_fails_after_its_last_byte_leaves_nothing(
    postgres_site: Site,
) -> None:
    real = f"{postgresql_programs()}/pg_dump"
    path = postgres_site.folder / "pg_dump"
    script = (
        "import subprocess, sys\n"
        f"code = subprocess.call([{real!r}, *sys.argv[1:]])\n"
        "if '--version' in sys.argv: sys.exit(code)\n"
        "sys.stdout.flush(); sys.stderr.write('the last page was unreadable')\n"
        "sys.exit(3)\n"
    )
    use_dumper(postgres_site, python_program(path, script))
    result = postgres_site.manage("create_backup", check=False)
    assert_refused(result, "Database 'default' was not dumped", "the last page was unreadable")
    assert listed(postgres_site) == []
    assert not leftovers(postgres_site.backups)


@pytest.fixture
def private_site(tmp_path: Path, private_cluster: clusters.Cluster) -> Iterator[Site]:
    """A site on a server of its own, to be stopped or damaged."""
    template = sites.postgres_template(private_cluster)
    with clusters.new_database(
        private_cluster, template=template["name"], template_owner=template["owner"]
    ) as database:
        yield sites.new_postgres_site(tmp_path / "site", database)


def test_fault_11_a_server_that_crashes_during_a_dump_leaves_nothing(
    private_site: Site, private_cluster: clusters.Cluster
) -> None:
    noise(private_site)
    make(private_site)
    dumper = slow_pg_dump(private_site)
    with unchanged(private_site.backups):
        process = private_site.start("create_backup", "--json")
        wait_for(dumper.reached.exists)
        private_cluster.stop("immediate")
        dumper.release()
        result = finish(process)
    assert_refused(result, "Database 'default' was not dumped", "server closed the connection")
    assert [item["state"] for item in listed(private_site)] == ["complete"]
    private_cluster.start()
    aftermath(private_site)


def test_fault_18_a_corrupt_page_of_postgresql_fails_the_dump_and_spares_the_earlier_one(
    private_site: Site, private_cluster: clusters.Cluster
) -> None:
    noise(private_site)
    make(private_site)
    ((path,),) = private_site.query("SELECT pg_relation_filepath('noise')")
    private_cluster.stop("fast")
    with (private_cluster.data_dir / path).open("r+b") as file:
        file.seek(8192 * 100 + 4000)
        file.write(bytes(range(256)))
    private_cluster.start()
    with unchanged(private_site.backups):
        result = private_site.manage("create_backup", "--json", check=False)
    assert_refused(result, "Database 'default' was not dumped", "invalid page")
    assert private_site.manage("verify_backup", "all").returncode == 0
    private_site.query("DROP TABLE noise")
    aftermath(private_site)


def test_fault_12_a_dumper_older_than_the_server_is_refused_with_the_way_out(
    postgres_site: Site,
) -> None:
    script = "print('pg_dump (PostgreSQL) 9.6.24')"
    old = python_program(postgres_site.folder / "pg_dump", script)
    use_dumper(postgres_site, old)
    result = postgres_site.manage("create_backup", check=False)
    assert_refused(result, "pg_dump 9 can't dump this server", str(old), "apt install postgresql-c")
    check = postgres_site.manage("check", "--tag", "trustbackup", check=False)
    assert check.returncode == 1
    assert "trustbackup.E005" in check.stderr
    assert str(old) in check.stderr
    assert leftovers(postgres_site.backups) == []


def test_fault_12_a_missing_dumper_is_refused_with_the_way_out(postgres_site: Site) -> None:
    missing = postgres_site.folder / "no" / "pg_dump"
    use_dumper(postgres_site, missing)
    result = postgres_site.manage("create_backup", check=False)
    assert_refused(result, "pg_dump", str(missing))
    check = postgres_site.manage("check", "--tag", "trustbackup", check=False)
    assert "trustbackup.E005" in check.stderr
    assert leftovers(postgres_site.backups) == []


def test_fault_12_no_client_programs_at_all_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from trustbackup.databases.postgresql import tools

    monkeypatch.setattr(tools, "_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DumpError, match=r"pg_dump was not found.*apt install postgresql-client-15"):
        tools.find_program("pg_dump", 150018)
    with pytest.raises(DumpError, match=r"apt install postgresql-client\)"):
        tools.find_program("pg_restore", 0)


def test_fault_12_case_b1_the_program_that_fits_is_taken_and_a_newer_server_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from trustbackup.databases.postgresql import tools

    monkeypatch.setattr(tools, "_FOLDERS", ())
    folders = []
    for version in ("9.6.24", "14.11 (Debian 14.11-1)", "16beta1", "13.2"):
        folder = tmp_path / version.replace(" ", "-")
        folder.mkdir()
        python_program(folder / "pg_dump", f"print('pg_dump (PostgreSQL) {version}')")
        folders.append(str(folder))
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    newest = str(tmp_path / "16beta1" / "pg_dump")
    assert tools.find_program("pg_dump", 0) == newest, "for a server that is not known"
    assert tools.find_program("pg_dump", 130002) == str(tmp_path / "13.2" / "pg_dump")
    assert tools.find_program("pg_dump", 90600) == str(tmp_path / "9.6.24" / "pg_dump")
    assert tools.find_program("pg_dump", 150018) == newest, "no 15 is there"
    assert tools.find_program("pg_dump", 160000) == newest
    with pytest.raises(DumpError, match=r"pg_dump 16 can't dump this server: .* PostgreSQL 17"):
        tools.find_program("pg_dump", 170001)


class FailingCompressor:
    """Takes some blocks, then fails."""

    def __init__(self, good: int) -> None:
        self.good = good

    def compress(self, data: bytes, /) -> bytes:
        self.good -= 1
        if self.good < 0:
            raise OSError(5, "the compressor broke")
        return data

    def flush(self) -> bytes:
        raise OSError(5, "the compressor broke")


class Zeros:
    """An endless source, to show that it is not read on after the failure."""

    def __init__(self, blocks: int) -> None:
        self.left = blocks

    def readinto(self, buffer: memoryview, /) -> int:
        self.left -= 1
        return len(buffer) if self.left >= 0 else 0


@pytest.mark.parametrize(("good", "blocks"), [(0, 1000), (3, 1000), (100, 2), (100, 0)])
def test_fault_13_a_compressor_that_fails_ends_the_stream_with_its_error(
    tmp_path: Path, good: int, blocks: int
) -> None:
    how = compression.Compression(
        "bad", ".bad", b"", lambda: FailingCompressor(good), lambda raw: raw
    )
    source = Zeros(blocks)
    with (
        pytest.raises(OSError, match="the compressor broke"),
        durable.DurableFile(tmp_path / "file") as file,
    ):
        streams.write_compressed(source, file, how)
    assert source.left > blocks - 40, "it was read on long after the failure"


BROKEN = """
import dataclasses
from trustbackup.store import compression
class Broken:
    def __init__(self): self.inner = compression._gzip_compressor()
    def compress(self, data): return self.inner.compress(data)
    def flush(self, *mode): raise ValueError("the compressor broke")
known = compression.COMPRESSIONS
known["gzip"] = dataclasses.replace(known["gzip"], compressor=Broken)
"""


def test_fault_13_a_compressor_that_fails_leaves_nothing(any_site: Site) -> None:
    make(any_site)
    more_settings(any_site, BROKEN)
    with unchanged(any_site.backups):
        result = any_site.manage("create_backup", "--json", check=False)
    assert result.returncode == 1
    assert "the compressor broke" in result.stderr
    assert listed(any_site)[0]["state"] == "complete"
    any_site.variables.clear()
    aftermath(any_site)
