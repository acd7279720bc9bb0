"""Making a backup: what the manifest tells, and getting the data back without trustbackup."""

from __future__ import annotations

import contextlib
import gzip
import re
import sqlite3
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.support.backups import (
    assert_refused,
    listed,
    make,
    more_settings,
    read_manifest,
    rows_of,
    verify,
)
from tests.support.sites import Site

UNPACK = {"gzip": "gunzip", "zstd": "zstd -d", "bzip2": "bunzip2", "none": "cat"}


def bash(script: str, *arguments: str, cwd: Path | None = None) -> str:
    command = ["bash", "-o", "pipefail", "-euc", script, "-", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


def live_rows(site: Site) -> dict[str, int]:
    tables = rows_of(make(site))
    return {name: site.query(f"SELECT count(*) FROM {name}")[0][0] for name in tables}


@pytest.mark.three_engines
@pytest.mark.parametrize("how", UNPACK)
def test_the_shop_comes_back_with_command_line_tools_alone(any_site: Site, how: str) -> None:
    made = make(any_site, "--compression", how)
    path = made["files"][0]["path"]
    tables = rows_of(made)
    assert tables["shop_order"] == 50
    if how == "gzip":
        bash('gzip -t "$1"', path)
    if any_site.database:
        cluster = any_site.database.cluster
        other = f"{any_site.database.name}_other"
        any_site.database.execute(f"CREATE DATABASE {other}")
        restore = '| pg_restore --no-owner --exit-on-error -d "$2"'
        bash(f'{UNPACK[how]} < "$1" {restore}', path, cluster.url(other))
        with cluster.connect(other) as connection:
            found = {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # type: ignore[index, call-overload]
                for name in tables
            }
    elif any_site.mariadb:
        server, other = any_site.mariadb.server, f"{any_site.mariadb.name}_other"
        server.execute(f"CREATE DATABASE {other}")
        server.load(other, bash(f'{UNPACK[how]} < "$1"', path))
        found = {
            name: server.execute(f"SELECT count(*) FROM {name}", other)[0][0] for name in tables
        }
    else:
        copy = str(any_site.folder / "x.sqlite3")
        bash(f'{UNPACK[how]} < "$1" > "$2"', path, copy)
        assert bash('sqlite3 "$1" "pragma integrity_check"', copy) == "ok\n"
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            found = {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for name in tables
            }
    assert found == tables


def test_gzip_gives_one_ordinary_member(any_site: Site) -> None:
    path = Path(make(any_site)["files"][0]["path"])

    reader = zlib.decompressobj(wbits=31)
    data = reader.decompress(path.read_bytes())
    assert reader.eof
    assert reader.unused_data == b""
    assert data == gzip.decompress(path.read_bytes())


@pytest.mark.parametrize("databases", [1, 2])
def test_the_one_liner_that_is_shown_checks_the_backup(sqlite_site: Site, databases: int) -> None:
    if databases == 2:
        second_database(sqlite_site)
    made = make(sqlite_site, "--name", 'odd "file": "name",')
    shown = sqlite_site.manage("show_backup", "latest").stdout
    (line,) = [line.strip() for line in shown.splitlines() if "sha256sum -c" in line]
    said = bash(line, cwd=sqlite_site.backups)
    assert said.splitlines() == [f"{item['file']}: OK" for item in made["files"]]
    assert len(made["files"]) == databases
    data = Path(made["files"][-1]["path"])
    data.write_bytes(data.read_bytes() + b"x")
    with pytest.raises(subprocess.CalledProcessError):
        bash(line, cwd=sqlite_site.backups)


def test_the_shown_way_back_really_is_one(sqlite_site: Site) -> None:
    make(sqlite_site)
    shown = sqlite_site.manage("show_backup", "latest").stdout
    found = re.search(r"Restore it without trustbackup: (.*)", shown)
    assert found
    bash(found[1], cwd=sqlite_site.backups)
    copy = sqlite_site.backups / "db.sqlite3"
    assert bash('sqlite3 "$1" "select count(*) from shop_order"', str(copy)) == "50\n"


@pytest.mark.three_engines
def test_the_manifest_tells_what_was_dumped(any_site: Site) -> None:
    made = make(any_site, "--name", "before the sale", "--keep")
    document = read_manifest(made)
    (part,) = document["parts"]
    assert document["name"] == made["name"] == "before the sale"
    assert part["sha256"] == made["files"][0]["sha256"]
    path = Path(made["files"][0]["path"])
    assert bash('sha256sum "$1"', str(path)).split()[0] == part["sha256"]
    assert path.stat().st_size == part["bytes"]
    assert len(gzip.decompress(path.read_bytes())) == part["raw_bytes"]
    assert part["engine"] == any_site.engine
    assert part["encoding"] in ("UTF8", "UTF-8", "utf8mb4")
    assert ["shop", "0001_initial"] in part["migrations"]
    assert set(document["versions"]) - {"site"} == {"django", "python", "trustbackup"}
    tables = any_site.query("SELECT count(*) FROM shop_customer")
    assert rows_of(made)["shop_customer"] == tables[0][0]
    (entry,) = listed(any_site)
    assert entry["protected"]
    delete = any_site.manage("delete_backup", made["id"], "--yes", check=False)
    assert_refused(delete, "protected")
    assert path.exists()


def second_database(site: Site) -> None:
    """A second alias for a database of its own, and a third for the first one again."""
    path = site.folder / "second.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE only_here (id integer)")
        connection.execute("INSERT INTO only_here VALUES (1)")
        connection.commit()
    more_settings(
        site,
        f"DATABASES['shop eu'] = {{**DATABASES['default'], 'NAME': {str(path)!r}}}\n"
        "DATABASES['replica'] = {**DATABASES['default']}\n"
        "DATABASES['replica']['OPTIONS'] = {'timeout': 3}",
    )


def test_several_databases_are_one_backup_and_none_is_dumped_twice(sqlite_site: Site) -> None:
    second_database(sqlite_site)
    made = make(sqlite_site)
    assert [item["part"] for item in made["files"]] == ["default", "shop eu"]
    assert rows_of(made, "shop eu") == {"only_here": 1}
    assert verify(sqlite_site, made["id"])["ok"]
    (entry,) = listed(sqlite_site, "--database", "shop eu")
    assert entry["databases"] == ["default", "shop eu"]
    one = make(sqlite_site, "--database", "shop eu", "--database", "shop eu")
    assert [item["part"] for item in one["files"]] == ["shop eu"]
    assert len(listed(sqlite_site, "--database", "default")) == 1


def test_aliases_that_look_the_same_in_a_file_name_are_told_apart(sqlite_site: Site) -> None:
    second_database(sqlite_site)
    path = sqlite_site.home / "more_settings.py"
    path.write_text(
        path.read_text()
        + "import shutil\n"
        + "for number, alias in enumerate(['shop-eu', 'shop/eu', 'größe', 'x' * 70, 'x' * 71]):\n"
        + "    name = DATABASES['shop eu']['NAME'] + str(number)\n"
        + "    shutil.copy(DATABASES['shop eu']['NAME'], name)\n"
        + "    DATABASES[alias] = {**DATABASES['shop eu'], 'NAME': name}\n"
    )
    aliases = ["default", "shop eu", "shop-eu", "shop/eu", "größe", "x" * 70, "x" * 71]
    flags = [item for alias in aliases for item in ("--database", alias)]
    made = make(sqlite_site, *flags)
    assert [item["part"] for item in made["files"]] == aliases
    assert len({item["file"] for item in made["files"]}) == len(aliases)
    assert verify(sqlite_site, made["id"])["ok"]


def test_one_database_that_fails_leaves_nothing_of_the_others(sqlite_site: Site) -> None:
    second_database(sqlite_site)
    (sqlite_site.folder / "second.sqlite3").write_bytes(b"")
    result = sqlite_site.manage("create_backup", "--json", check=False)
    assert_refused(result, "'shop eu'", "empty")
    assert not list(sqlite_site.backups.glob("backup_*"))
    assert listed(sqlite_site) == []


def test_the_counts_are_those_of_the_live_database(any_site: Site) -> None:
    expected = live_rows(any_site)
    found = rows_of(make(any_site))
    for name in ("shop_order", "shop_orderitem", "shop_product", "django_migrations"):
        assert found[name] == expected[name]
