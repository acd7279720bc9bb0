"""What PostgreSQL keeps outside of a dump, in place, and clients during a swap."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from tests.support.backups import assert_refused, listed, make, more_settings, wait_for
from tests.support.content import content, digest
from tests.support.restores import beside, go_on, restore, unfinished
from tests.support.sites import Site

CUT_OFF = 2.0
"""Seconds, at most, that a restore may shut clients out: the promise that is made."""


def facts(site: Site, name: str = "") -> list[object]:
    """What belongs to a database as a whole."""
    assert site.database
    name = name or site.database.name
    rows: list[object] = list(
        site.database.cluster.execute(
            "SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, datconnlimit,"
            " datallowconn, (SELECT array_agg(item::text ORDER BY item::text)"
            " FROM unnest(datacl) item) FROM pg_database WHERE datname = %s",
            parameters=[name],
        )
    )
    rows += site.database.cluster.execute(
        "SELECT coalesce(setrole::regrole::text, ''), item FROM pg_db_role_setting"
        " JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) item"
        " WHERE datname = %s ORDER BY 1, 2",
        parameters=[name],
    )
    return rows


def test_what_belongs_to_the_live_database_as_a_whole_is_kept(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    name, user = database.name, database.user
    database.cluster.execute(f"CREATE ROLE {name}_reader")
    try:
        for statement in (
            f"ALTER DATABASE {name} SET statement_timeout = '77s'",
            f"ALTER DATABASE {name} SET search_path = \"$user\", public, 'odd one'",
            f"ALTER DATABASE {name} SET application_name = 'it''s \\ odd'",
            f"ALTER ROLE {user} IN DATABASE {name} SET work_mem = '7MB'",
            f"GRANT CONNECT ON DATABASE {name} TO {name}_reader",
            f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
            f"ALTER DATABASE {name} CONNECTION LIMIT 70",
        ):
            postgres_site.query(statement)
        postgres_site.query(f"GRANT SELECT ON shop_order TO {name}_reader WITH GRANT OPTION")
        before, then = facts(postgres_site), content(postgres_site)
        assert len(before) == 5
        made = make(postgres_site)
        restore(postgres_site, made["id"])
        assert facts(postgres_site) == before
        assert content(postgres_site) == then
    finally:
        for other in (name, *beside(postgres_site)):
            database.cluster.execute(f"DROP OWNED BY {name}_reader", other)
        database.cluster.execute(f"DROP ROLE {name}_reader")


def test_a_role_that_may_create_no_database_restores_in_place_by_itself(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    then = content(postgres_site)
    made = make(postgres_site)
    go_on(postgres_site)
    now = digest(postgres_site)
    database.cluster.execute(f'ALTER ROLE "{database.user}" NOCREATEDB')
    forced = postgres_site.manage("restore_backup", made["id"], "--force", "--swap", check=False)
    assert_refused(forced, "may not create databases")
    assert digest(postgres_site) == now
    done = restore(postgres_site, made["id"])
    assert done["strategy"] == "in place"
    assert content(postgres_site) == then
    safety = {item["id"]: item for item in listed(postgres_site)}[done["safety_backup"]]
    assert safety["protected"]
    assert safety["trigger"] == "safety"
    assert made["id"] in safety["name"]
    refused = postgres_site.manage("delete_backup", safety["id"], "--yes", check=False)
    assert refused.returncode == 1
    restore(postgres_site, safety["id"], "--no-safety-backup")
    assert digest(postgres_site) == now
    assert len(listed(postgres_site)) == 2


def test_in_place_an_index_that_somebody_gave_our_tables_stays(postgres_site: Site) -> None:
    postgres_site.query("CREATE INDEX who_did_it ON trustbackup_run (actor)")
    postgres_site.query("COMMENT ON INDEX who_did_it IS 'asked for'")
    then = content(postgres_site)
    made = make(postgres_site)
    go_on(postgres_site)
    restore(postgres_site, made["id"], "--in-place", "--no-safety-backup")
    assert content(postgres_site) == then
    found = (
        "SELECT indrelid::regclass::text FROM pg_index WHERE indexrelid = 'who_did_it'::regclass"
    )
    assert postgres_site.query(found) == [("trustbackup_run",)]


def test_in_place_does_not_wait_for_ever_for_an_idle_transaction(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    make(postgres_site)
    go_on(postgres_site)
    before = digest(postgres_site)
    more_settings(postgres_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 2}")
    with database.cluster.connect(database.name) as idle:
        idle.autocommit = False
        idle.execute("SELECT count(*) FROM shop_order")
        arguments = ("latest", "--force", "--in-place", "--no-safety-backup", "--json")
        result = postgres_site.manage("restore_backup", *arguments, check=False)
        assert_refused(result, "lock")
    assert digest(postgres_site) == before
    assert not unfinished(postgres_site)


class Client(threading.Thread):
    """Connects, asks, and connects again, all the time; notes when it was refused."""

    def __init__(self, site: Site, *, hammer: bool) -> None:
        super().__init__(daemon=True)
        assert site.database
        self.database, self.hammer = site.database, hammer
        self.stopped = threading.Event()
        self.attempts: list[tuple[float, bool]] = []
        self.slowest = 0.0
        """Seconds that a good attempt took: how fast this machine is just now."""

    def run(self) -> None:
        while not self.stopped.is_set():
            began = time.monotonic()
            try:
                with self.database.connect() as connection:
                    connection.execute("SELECT count(*) FROM shop_category")
                    if self.hammer:
                        connection.execute("SELECT pg_sleep(0.05)")
            except psycopg.Error:
                self.attempts.append((began, False))
            else:
                ended = time.monotonic()
                self.attempts.append((ended, True))
                self.slowest = max(self.slowest, ended - began)

    @property
    def gap(self) -> float:
        """Seconds between the first refused attempt and the first good one after the last."""
        refused = [number for number, (_at, good) in enumerate(self.attempts) if not good]
        if not refused:
            return 0.0
        after = [at for at, good in self.attempts[refused[-1] :] if good]
        assert after, "it never came back"
        return after[0] - self.attempts[refused[0]][0]


def test_clients_are_cut_off_for_two_seconds_at_most(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    make(postgres_site)
    go_on(postgres_site)
    idle = [database.connect() for _ in range(10)]
    probe = Client(postgres_site, hammer=False)
    clients = [probe, *(Client(postgres_site, hammer=True) for _ in range(4))]
    for client in clients:
        client.start()
    try:
        wait_for(lambda: len(probe.attempts) > 20)
        slowest = probe.slowest
        restore(postgres_site, "latest")
        restored = time.monotonic()
        wait_for(lambda: all(client.attempts[-1][0] > restored for client in clients))
    finally:
        for client in clients:
            client.stopped.set()
        for client in clients:
            client.join()
        for connection in idle:
            connection.close()
    refused = [not good for client in clients for _at, good in client.attempts]
    assert any(refused), "somebody must have been cut off"
    # On a busy machine, the time that ten answers take there.
    assert max(client.gap for client in clients) <= max(CUT_OFF, 10 * slowest)
    rows = postgres_site.query("SELECT count(*) FROM shop_category WHERE category_name = 'after'")
    assert rows == [(0,)]


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_a_superusers_session_does_not_leave_the_site_shut(
    postgres_site: Site, strategy: str
) -> None:
    database = postgres_site.database
    assert database
    then = digest(postgres_site)
    make(postgres_site)
    go_on(postgres_site)
    before = digest(postgres_site)
    with database.cluster.connect(database.name):
        arguments = ("latest", "--force", strategy, "--no-safety-backup", "--json")
        result = postgres_site.manage("restore_backup", *arguments, check=False)
    if result.returncode:
        assert_refused(result, "superuser")
    assert digest(postgres_site) == (before if result.returncode else then)
    assert len(beside(postgres_site)) == (not result.returncode and strategy == "--swap")
    assert not unfinished(postgres_site)


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_tables_are_treated_again_as_they_were(postgres_site: Site, form: str) -> None:
    options = "SELECT relname, reloptions::text FROM pg_class WHERE relkind = 'r' ORDER BY 1"
    postgres_site.query("ALTER TABLE shop_cart SET (autovacuum_enabled = false, fillfactor = 77)")
    postgres_site.query("ALTER TABLE shop_order SET (parallel_workers = 3)")
    then = postgres_site.query(options)
    made = make(postgres_site, "--format", form)
    postgres_site.query("ALTER TABLE shop_cart RESET (autovacuum_enabled, fillfactor)")
    postgres_site.query("ALTER TABLE shop_order RESET (parallel_workers)")
    restore(postgres_site, made["id"])
    assert postgres_site.query(options) == then
