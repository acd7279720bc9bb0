"""Restoring a site by its commands, and what must be true of it afterwards."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.support.backups import leftovers
from tests.support.sites import Result, Site

SESSION = (
    "INSERT INTO django_session (session_key, session_data, expire_date)"
    " VALUES ('{key}', 'x', '2099-01-01 00:00:00')"
)


def restore(site: Site, *arguments: str, **options: Any) -> dict[str, Any]:
    """What became of database "default", as ``restore_backup --json`` tells it."""
    result = site.manage("restore_backup", *arguments, "--force", "--json", **options)
    found: dict[str, Any] = result.json["databases"]["default"]
    return found


def plan(site: Site, *arguments: str) -> dict[str, Any]:
    """What ``restore_backup --dry-run --json`` says, whichever way it ended."""
    result = site.manage("restore_backup", *arguments, "--dry-run", "--json", check=False)
    found: dict[str, Any] = result.json
    assert result.returncode == (1 if found["refusals"] else 0), str(result)
    return found


def undo(site: Site, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = site.manage("undo_restore", *arguments, "--json").json
    return found


def drill(site: Site, reference: str, *arguments: str, check: bool = True) -> dict[str, Any]:
    """What ``verify_backup --restore --json`` says; it must be good unless ``check`` is off."""
    result = site.manage("verify_backup", reference, "--restore", "--json", *arguments, check=check)
    found: dict[str, Any] = result.json
    assert result.returncode == (0 if found["ok"] else 1), str(result)
    return found


def undoable(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.manage("list_restores", "--json").json
    return found


def journal(site: Site) -> list[dict[str, Any]]:
    """The restores that are written down, oldest first, as they lie on the disk."""
    folder = site.backups / ".restores"
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def go_on(site: Site, mark: str = "after") -> None:
    """The site lives on after its backup: rows come, change and go, and so do tables."""
    for statement in (
        f"INSERT INTO shop_category (category_name) VALUES ('{mark}')",
        f"UPDATE shop_product SET name = '{mark}'",
        "DELETE FROM shop_cartitem",
        f"CREATE TABLE grown_{mark} (id integer PRIMARY KEY, note text)",
        f"INSERT INTO grown_{mark} VALUES (1, 'new')",
        "DROP TABLE IF EXISTS shop_forgotten",
        SESSION.format(key=mark),
    ):
        site.query(statement)


def beside(site: Site) -> list[str]:
    """The databases, or files, that lie beside the live one."""
    if site.database:
        rows = site.database.cluster.execute(
            "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s AND datname <> %s",
            parameters=[site.database.user, site.database.name],
        )
        return sorted(name for (name,) in rows)
    if site.mariadb:
        live = site.mariadb.name
        found = [name for (name,) in site.mariadb.server.execute("SHOW DATABASES")]
        return sorted(name for name in found if name.startswith(f"{live}_"))
    # What SQLite itself keeps beside a file is a part of that file.
    files = {path.name for path in site.folder.glob("db*")}
    companions = {name + end for name in files for end in ("-wal", "-shm", "-journal")}
    return sorted(files - companions - {site.sqlite_file.name})


def name_beside(site: Site, ending: str) -> str:
    """A name for ``--into``, and of a database or a file that `beside` tells of."""
    database = site.database or site.mariadb
    return f"{database.name}_{ending}" if database else f"db-{ending}.sqlite3"


def place_of(site: Site, name: str) -> str:
    """Where `content` finds what is called so."""
    return name if site.database or site.mariadb else str(site.folder / name)


def drop_beside(site: Site, name: str) -> None:
    """Remove a database or a file that lies beside the live one, as somebody does by hand."""
    if site.database:
        site.database.cluster.execute(f'DROP DATABASE "{name}"')
    elif site.mariadb:
        site.mariadb.server.execute(f"DROP DATABASE `{name}`")
    else:
        (site.folder / name).unlink()


def lose_database(site: Site) -> None:
    """It is as a server's installer leaves it: empty, never migrated."""
    if site.database:
        site.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public; SET search_path = public")
    elif site.mariadb:
        site.query(f"DROP DATABASE {site.mariadb.name}")
        site.mariadb.server.execute(f"CREATE DATABASE {site.mariadb.name}")
    else:
        for path in site.folder.glob("db.sqlite3*"):
            path.unlink()


def unfinished(site: Site) -> list[str]:
    """What restores and drills have left in the backup folder that is not to stay there."""
    # A small file that was to replace another is swept when it is an hour old.
    found = [name for name in leftovers(site.backups) if not re.search(r"[.]json[.]\d+$", name)]
    for path in sorted((site.backups / ".restores").glob("*")):
        entry = json.loads(path.read_bytes()) if path.suffix == ".json" else {}
        if path.suffix != ".lock" and entry.get("state") != "done":
            found.append(path.name)
    # Python itself tries TMPDIR out by an empty file there.
    probed = re.compile(r"[a-z0-9_]{8}")
    return found + [path.name for path in site.tmp.iterdir() if not probed.fullmatch(path.name)]


def only_file(made: dict[str, Any]) -> Path:
    """The one data file of a backup."""
    (file,) = made["files"]
    return Path(file["path"])


def audit(site: Site, action: str) -> list[dict[str, Any]]:
    """The details of the audit trail's events of this kind, oldest first."""
    rows = site.query(
        f"SELECT target, detail FROM trustbackup_auditevent WHERE action = '{action}' ORDER BY at"
    )
    return [
        {"target": target, **(json.loads(detail) if isinstance(detail, str) else detail)}
        for target, detail in rows
    ]


def assert_accepts_connections(site: Site) -> None:
    assert site.query("SELECT count(*) FROM shop_category")[0][0] > 0


def said(result: Result) -> str:
    """All that a command printed, in one line."""
    return " ".join(f"{result.stdout} {result.stderr}".split())
