"""Dumps of MariaDB, by commands as an operator gives them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.support import mariadb
from tests.support.sites import Site

OBJECTS = """
CREATE TABLE log (n int, FOREIGN KEY (n) REFERENCES django_content_type (id), CHECK (n >= 0));
CREATE VIEW paid AS SELECT * FROM django_content_type WHERE model <> '';
CREATE FUNCTION vat(amount int) RETURNS int DETERMINISTIC RETURN amount * 19 / 100;
CREATE PROCEDURE idle() SELECT 1;
CREATE TRIGGER `no#te "it'` AFTER INSERT ON log FOR EACH ROW SET @last = NEW.n;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO DELETE FROM log;
CREATE SEQUENCE numbers START WITH 100;
CREATE TABLE prices (n int) WITH SYSTEM VERSIONING;
INSERT INTO prices VALUES (1), (2); DELETE FROM prices WHERE n = 1;
CREATE TABLE `odd ``"name'` (b varbinary(9), moment datetime) ENGINE=Aria;
INSERT INTO `odd ``"name'` VALUES (x'00ff0a5c27', '0000-00-00 00:00:00');
"""


@pytest.fixture
def full_site(mariadb_site: Site) -> Site:
    """A web shop with one of everything that a database can hold besides tables."""
    database = mariadb_site.mariadb
    assert database
    script = "SET sql_mode = '';\n" + OBJECTS
    database.load(script)
    return mariadb_site


def test_a_web_shop_on_mariadb_is_backed_up_and_verified(full_site: Site) -> None:
    full_site.manage("create_backup")
    full_site.manage("verify_backup", "latest")
    part = manifest_of(full_site)["parts"][0]
    assert part["engine"] == "mysql"
    assert part["connector"] == "dbbackup.db.mysql.MysqlDumpConnector"
    assert "MariaDB" in part["server_version"]
    assert "MariaDB" in part["tool_version"]
    rows = {table["name"]: table["rows"] for table in part["tables"]}
    assert rows["shop_customer"] == full_site.query("SELECT count(*) FROM shop_customer")[0][0]
    assert rows["prices"] == 2, "its history counts"
    assert rows["odd `\"name'"] == 1
    held = part["inventory"]["objects"]
    assert held["view"] == "paid"
    assert held["trigger"] == "log.no#te \"it'"
    assert held["event"] == "nightly"
    assert (held["function"], held["procedure"], held["sequence"]) == ("vat", "idle", "numbers")


def test_everything_comes_back_by_hand(full_site: Site) -> None:
    full_site.manage("create_backup")
    database = full_site.mariadb
    assert database
    server, name = database.server, f"{database.name}_by_hand"
    server.execute(f"CREATE DATABASE `{name}`")
    server.load(name, data_of(full_site))
    assert described(server, name) == described(server, database.name)


def described(server: mariadb.Server, name: str) -> dict[str, Any]:
    """Checksums of all tables, and all objects' own statements."""
    tables = [
        table
        for (table,) in server.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
            " AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"
            " AND table_name NOT LIKE 'trustbackup%%' ORDER BY 1",
            parameters=[name],
        )
    ]
    quoted = [f"`{table.replace('`', '``')}`" for table in tables]
    sums = [server.execute(f"CHECKSUM TABLE {table}", name)[0][1] for table in quoted]
    others = server.execute(
        "SELECT trigger_name, action_statement FROM information_schema.triggers"
        " WHERE trigger_schema = %s UNION ALL SELECT event_name, event_definition FROM"
        " information_schema.events WHERE event_schema = %s UNION ALL SELECT routine_name,"
        " routine_definition FROM information_schema.routines WHERE routine_schema = %s"
        " UNION ALL SELECT table_name, table_type FROM information_schema.tables"
        " WHERE table_schema = %s ORDER BY 1, 2",
        parameters=[name] * 4,
    )
    creates = [server.execute(f"SHOW CREATE TABLE {table}", name)[0][1] for table in quoted]
    return {"sums": dict(zip(tables, sums, strict=True)), "others": others, "creates": creates}


def data_of(site: Site) -> bytes:
    (path,) = site.backups.glob("*.dump.gz")
    return gzip.decompress(path.read_bytes())


def manifest_of(site: Site) -> Any:
    (path,) = site.backups.glob("*.manifest.json")
    return json.loads(path.read_text())
