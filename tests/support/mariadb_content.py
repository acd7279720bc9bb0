"""Everything that a MariaDB database holds, so that two moments can be compared."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from tests.support.sites import Site

LIVE = "{live}"
"""Stands for the name of the site's own database in these statements."""
OBJECTS = (
    "CREATE TABLE audit (note text)",
    "CREATE TABLE versioned (a int PRIMARY KEY) WITH SYSTEM VERSIONING",
    "INSERT INTO versioned VALUES (1)",
    "UPDATE versioned SET a = 2",
    "CREATE SEQUENCE numbers START WITH 5",
    "CREATE FUNCTION taxed(x int) RETURNS int DETERMINISTIC RETURN x * 2",
    "CREATE PROCEDURE tidy() BEGIN DELETE FROM {live}.audit; SELECT 'a;\n;b'; END",
    """CREATE VIEW b_products AS
       SELECT product_id AS id, name, taxed(stock) AS twice FROM shop_product""",
    "CREATE VIEW a_products AS SELECT id FROM b_products",
    """CREATE TRIGGER first AFTER INSERT ON shop_category FOR EACH ROW
       BEGIN INSERT INTO {live}.audit VALUES (new.category_name); END""",
    """CREATE TRIGGER {live}.second BEFORE UPDATE ON {live}.shop_category FOR EACH ROW
       SET new.category_name = upper(new.category_name)""",
    """CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS now() + INTERVAL 1 DAY
       DO INSERT INTO {live}.audit VALUES ('night')""",
)
CHANGES = (
    "DROP VIEW a_products",
    "DROP TRIGGER first",
    "DROP EVENT nightly",
    "DROP FUNCTION taxed",
    "CREATE VIEW later AS SELECT 1 AS one",
    "CREATE OR REPLACE VIEW b_products AS SELECT product_id AS id FROM shop_product",
    """CREATE TRIGGER third AFTER DELETE ON shop_category FOR EACH ROW
       INSERT INTO {live}.audit VALUES ('gone')""",
)
_OBJECTS = (
    """SELECT 'view', table_name, definer, view_definition FROM information_schema.views
       WHERE table_schema = DATABASE()""",
    """SELECT routine_type, routine_name, definer, routine_definition, sql_mode
       FROM information_schema.routines WHERE routine_schema = DATABASE()""",
    """SELECT 'trigger', trigger_name, event_object_table, action_timing, action_order, definer,
       action_statement, sql_mode FROM information_schema.triggers
       WHERE trigger_schema = DATABASE()""",
    """SELECT 'event', event_name, definer, event_definition, status, interval_value, time_zone
       FROM information_schema.events WHERE event_schema = DATABASE()""",
)
_MIGRATIONS = "SELECT app, name FROM django_migrations WHERE app <> 'trustbackup'"


def mariadb_content(connection: Any) -> dict[str, list[str]]:
    """Rows and definition of every table; without what a restore leaves as it is, or ends."""
    found: dict[str, list[str]] = {}
    for table, kind in _rows(connection, "SHOW FULL TABLES"):
        if kind == "VIEW" or table.startswith(("trustbackup_", "_trustbackup")):
            continue
        if table == "django_session":
            continue
        ((_name, definition, *_),) = _rows(connection, f"SHOW CREATE TABLE `{table}`")
        query = _MIGRATIONS if table == "django_migrations" else f"SELECT * FROM `{table}`"
        if kind == "SYSTEM VERSIONED":
            query = f"SELECT *, row_start, row_end FROM `{table}` FOR SYSTEM_TIME ALL"
        bare = re.sub(r" AUTO_INCREMENT=\d+", "", definition)
        found[table] = [bare, *sorted(map(repr, _rows(connection, query)))]
    return found


def mariadb_objects(connection: Any) -> list[str]:
    """Views, routines, triggers and events, with their texts and whose they are."""
    return sorted(repr(row) for query in _OBJECTS for row in _rows(connection, query))


def _rows(connection: Any, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def run(site: Site, *statements: str) -> None:
    """Run them as the site's user."""
    assert site.mariadb
    for statement in statements:
        site.query(statement.replace(LIVE, f"`{site.mariadb.name}`"))


def objects(site: Site) -> list[str]:
    """Of a site, as ``mariadb_objects`` has them."""
    assert site.mariadb
    with contextlib.closing(site.mariadb.connect()) as connection:
        return mariadb_objects(connection)
