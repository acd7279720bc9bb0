"""Restores of MariaDB: what comes back, what an undo takes back, and what is refused."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import time
from pathlib import Path

import pytest

from tests.support.backups import make, more_settings
from tests.support.content import digest
from tests.support.mariadb_content import CHANGES, OBJECTS, objects, run
from tests.support.restores import beside, drill, go_on, only_file, plan, restore, undo
from tests.support.sites import Site


def test_rows_views_routines_triggers_and_events_come_back_and_an_undo_takes_them_back(
    mariadb_site: Site,
) -> None:
    run(mariadb_site, *OBJECTS)
    made = make(mariadb_site)
    then = digest(mariadb_site), objects(mariadb_site)
    go_on(mariadb_site)
    run(mariadb_site, *CHANGES)
    now = digest(mariadb_site), objects(mariadb_site)
    assert drill(mariadb_site, made["id"])["ok"]
    assert (digest(mariadb_site), objects(mariadb_site), beside(mariadb_site)) == (*now, [])
    restored = restore(mariadb_site, made["id"])
    assert (digest(mariadb_site), objects(mariadb_site)) == then
    assert beside(mariadb_site) == [restored["previous"]]
    mariadb_site.query("INSERT INTO shop_category (category_name) VALUES ('fires')")
    assert mariadb_site.query("SELECT note FROM audit WHERE note = 'fires'")
    mariadb_site.query("DELETE FROM shop_category WHERE category_name = 'fires'")
    undo(mariadb_site)
    assert (digest(mariadb_site), objects(mariadb_site)) == now
    mariadb_site.manage("release_restore", "--yes", "--json")
    assert beside(mariadb_site) == []


def test_an_event_of_the_backup_does_not_fire_while_it_is_drilled_or_kept(
    mariadb_site: Site,
) -> None:
    run(
        mariadb_site,
        "CREATE TABLE ticks (at datetime(6))",
        """CREATE EVENT ticking ON SCHEDULE EVERY 1 SECOND
           DO INSERT INTO {live}.ticks VALUES (now(6))""",
    )
    made = make(mariadb_site)
    run(mariadb_site, "DROP EVENT ticking", "DELETE FROM ticks")
    # The scratch database is there for longer than the event waits.
    (mariadb_site.home / "slow.py").write_text("import time\ndef check(_alias): time.sleep(2.5)\n")
    more_settings(mariadb_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'DRILL_CHECKS': ['slow.check']}")
    assert drill(mariadb_site, made["id"])["ok"]
    assert mariadb_site.query("SELECT count(*) FROM ticks") == [(0,)]
    restore(mariadb_site, made["id"])
    undo(mariadb_site)
    mariadb_site.query("DELETE FROM ticks")
    time.sleep(2.5)
    assert mariadb_site.query("SELECT count(*) FROM ticks") == [(0,)]


def test_a_transaction_that_holds_a_table_is_named_and_nothing_is_lost(mariadb_site: Site) -> None:
    assert mariadb_site.mariadb
    run(mariadb_site, *OBJECTS)
    made = make(mariadb_site)
    go_on(mariadb_site)
    run(mariadb_site, *CHANGES)
    now = digest(mariadb_site), objects(mariadb_site)
    more_settings(mariadb_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 3}")
    with contextlib.closing(mariadb_site.mariadb.connect()) as holder:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT count(*) FROM shop_product")
        held = mariadb_site.manage(
            "restore_backup",
            made["id"],
            "--force",
            check=False,
        )
        assert held.returncode == 1
        assert "its tables were not free within 3 s" in held.stderr
        holder.rollback()
    assert (digest(mariadb_site), objects(mariadb_site), beside(mariadb_site)) == (*now, [])
    restore(mariadb_site, made["id"])


def test_readers_wait_for_the_swap_and_none_of_them_fails(mariadb_site: Site) -> None:
    assert mariadb_site.mariadb
    made = make(mariadb_site)
    waits: list[float] = []
    over = threading.Event()
    failed: list[Exception] = []
    connection = mariadb_site.mariadb.connect()

    def read() -> None:
        with contextlib.closing(connection), connection.cursor() as cursor:
            while not over.is_set():
                began = time.monotonic()
                try:
                    cursor.execute("SELECT count(*) FROM shop_product JOIN shop_orderitem")
                except Exception as error:
                    failed.append(error)
                waits.append(time.monotonic() - began)

    reader = threading.Thread(target=read)
    reader.start()
    restore(mariadb_site, made["id"])
    over.set()
    reader.join()
    assert not failed
    assert max(waits) < 2, max(waits)


def test_a_role_that_may_make_no_schema_is_told_what_it_lacks(mariadb_site: Site) -> None:
    database = mariadb_site.mariadb
    assert database
    made = make(mariadb_site)
    pattern = database.name.replace("_", r"\_") + r"\_%"
    database.server.execute(f"REVOKE ALL ON `{pattern}`.* FROM '{database.user}'@'%'")
    found = plan(mariadb_site, made["id"])
    assert "it lacks CREATE, DROP" in found["refusals"][0]
    assert rf"{database.name}_tb_".replace("_", r"\_") in found["refusals"][0]


def test_what_belongs_to_another_account_is_known_before(mariadb_site: Site) -> None:
    database = mariadb_site.mariadb
    assert database
    server = database.server
    server.execute(
        "CREATE TRIGGER theirs BEFORE INSERT ON shop_category FOR EACH ROW SET @x = 1",
        database.name,
    )
    made = make(mariadb_site)
    warnings = "\n".join(plan(mariadb_site, made["id"])["warnings"])
    assert "may give nothing to tester@%" in warnings
    assert "trigger theirs of the live database belongs to tester@%" in warnings
    restored = restore(mariadb_site, made["id"])
    assert any("trigger theirs belongs to the site's account now" in n for n in restored["notes"])
    assert any(f"'{database.user}@%'" in line for line in objects(mariadb_site))


def test_an_undo_refuses_an_old_database_that_lost_a_table(mariadb_site: Site) -> None:
    made = make(mariadb_site)
    kept = restore(mariadb_site, made["id"])["previous"]
    mariadb_site.query("SET foreign_key_checks = 0")
    assert mariadb_site.mariadb
    mariadb_site.mariadb.server.execute(f"DROP TABLE `{kept}`.shop_orderitem")
    now = digest(mariadb_site)
    refused = mariadb_site.manage("undo_restore", check=False)
    assert refused.returncode == 1
    assert "shop_orderitem is not there any more" in refused.stderr
    assert digest(mariadb_site) == now


def test_a_table_goes_into_another_database_alone_and_nothing_of_it_acts(
    mariadb_site: Site,
) -> None:
    database = mariadb_site.mariadb
    assert database
    run(mariadb_site, *OBJECTS)
    made = make(mariadb_site)
    now = digest(mariadb_site), objects(mariadb_site)
    one, whole = f"{database.name}_one", f"{database.name}_whole"
    restore(mariadb_site, made["id"], "--into", one, "--table", "shop_category")
    assert database.server.execute("SHOW TABLES", one) == [("shop_category",)]
    restored = restore(mariadb_site, made["id"], "--into", whole)
    assert digest(mariadb_site, whole) == now[0]
    assert any("Triggers and events are not in" in note for note in restored["notes"])
    assert any("procedure tidy is not there" in note for note in restored["notes"])
    assert database.server.execute("SELECT count(*) FROM a_products", whole)[0][0] > 0
    assert (digest(mariadb_site), objects(mariadb_site)) == now
    assert beside(mariadb_site) == [one, whole]


def test_rows_whose_foreign_key_points_nowhere_are_named(mariadb_site: Site) -> None:
    assert mariadb_site.mariadb
    with (
        contextlib.closing(mariadb_site.mariadb.connect()) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("UPDATE shop_orderitem SET order_id = 123456789 LIMIT 1")
    made = make(mariadb_site)
    sentence = "Table shop_orderitem has rows whose foreign key points nowhere."
    proof = drill(mariadb_site, made["id"])
    assert sentence in str(proof)
    assert sentence in restore(mariadb_site, made["id"])["notes"]


def test_a_row_that_breaks_its_check_comes_back_and_the_check_goes_on(mariadb_site: Site) -> None:
    # MariaDB 10.11.19: mariadb-dump puts off foreign keys and unique keys, but no CHECK.
    run(
        mariadb_site,
        "CREATE TABLE stock (pieces int, CONSTRAINT positive CHECK (pieces >= 0))",
        "SET STATEMENT check_constraint_checks = 0 FOR INSERT INTO stock VALUES (-1)",
    )
    made = make(mariadb_site)
    assert drill(mariadb_site, made["id"])["ok"]
    run(mariadb_site, "DELETE FROM stock")
    restore(mariadb_site, made["id"])
    assert mariadb_site.query("SELECT pieces FROM stock") == [(-1,)]
    with pytest.raises(Exception, match="positive"):
        mariadb_site.query("INSERT INTO stock VALUES (-2)")


def test_a_history_by_transactions_is_told_not_to_be_in_the_backup(mariadb_site: Site) -> None:
    # mariadb-dump 10.11.19 ends with 6 when it is asked for such a table's history.
    run(
        mariadb_site,
        """CREATE TABLE prices (id int PRIMARY KEY, euro int,
           since bigint unsigned GENERATED ALWAYS AS ROW START,
           until bigint unsigned GENERATED ALWAYS AS ROW END,
           PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING""",
        "CREATE TABLE names (name text) WITH SYSTEM VERSIONING",
        "INSERT INTO prices (id, euro) VALUES (1, 10)",
        "INSERT INTO names VALUES ('old')",
        "UPDATE prices SET euro = 11",
        "UPDATE names SET name = 'new'",
    )
    made = make(mariadb_site)
    drilled = drill(mariadb_site, made["id"])
    assert drilled["ok"]
    run(mariadb_site, "DELETE FROM prices")
    restored = restore(mariadb_site, made["id"])
    told = "has no history of table {}"
    for table in ("names", "prices"):
        assert told.format(table) in json.dumps(restored)
        assert told.format(table) in json.dumps(drilled)
    assert mariadb_site.query("SELECT id, euro FROM prices") == [(1, 11)]
    assert mariadb_site.query("SELECT name FROM names FOR SYSTEM_TIME ALL") == [("new",)]


def test_a_dump_that_somebody_has_altered_reaches_no_other_database(
    mariadb_site: Site, tmp_path: Path
) -> None:
    database = mariadb_site.mariadb
    assert database
    made = make(mariadb_site)
    text = gzip.decompress(only_file(made).read_bytes())
    now = digest(mariadb_site)
    for number, planted in enumerate(
        (
            f"DROP TABLE `{database.name}`.`shop_orderitem`;\n",
            f"INSERT INTO `shop_cart` VALUES (1); DROP TABLE `{database.name}`.shop_cartitem;\n",
            "\\! touch /tmp/planted\n;\n",
        )
    ):
        file = tmp_path / f"altered{number}.dump.gz"
        parts = text.partition(b"-- Dump completed")
        file.write_bytes(gzip.compress(parts[0] + planted.encode() + parts[1] + parts[2]))
        result = mariadb_site.manage(
            *("restore_backup", str(file), "--trust-manifest", "--force"), check=False
        )
        assert result.returncode == 1, str(result)
        assert (digest(mariadb_site), beside(mariadb_site)) == (now, [])
