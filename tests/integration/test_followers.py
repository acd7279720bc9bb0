"""Cases N: what outside follows a database, or is followed by it, survives drills and restores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.backups import assert_refused, make, more_settings, wait_for
from tests.support.clusters import Database, new_database
from tests.support.restores import beside, drill, plan, restore, undo, undoable
from tests.support.sites import Site

ON = "SELECT subname, subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid"


@pytest.fixture
def publisher(postgres_site: Site) -> Iterator[Database]:
    """A database that the site's subscribes to, by a slot of its own name."""
    site = postgres_site.database
    assert site
    cluster = site.cluster
    login = {"USER": cluster.superuser, "PASSWORD": cluster.password}
    more_settings(postgres_site, f"DATABASES['default'].update({login!r})")
    with new_database(cluster) as publisher:
        slot = f"feed_{publisher.name}"
        where = f"host={cluster.host} port={cluster.port} dbname={publisher.name}"
        where += f" user={cluster.superuser} password={cluster.password}"
        cluster.execute("CREATE TABLE feed (number int PRIMARY KEY)", publisher.name)
        cluster.execute("CREATE PUBLICATION feed FOR TABLE feed", publisher.name)
        made = f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
        cluster.execute(made, publisher.name)
        cluster.execute("CREATE TABLE feed (number int PRIMARY KEY)", site.name)
        cluster.execute(
            f"CREATE SUBSCRIPTION feed CONNECTION '{where}' PUBLICATION feed"
            f" WITH (create_slot = false, copy_data = false, slot_name = '{slot}')",
            site.name,
        )
        try:
            yield publisher
        finally:
            end_subscriptions(site)
            drop_slots(publisher)


def end_subscriptions(site: Database) -> None:
    """Of all databases of the site's owner, without their slots."""
    cluster = site.cluster
    found = (
        "SELECT DISTINCT datname FROM pg_database d JOIN pg_subscription ON subdbid = d.oid"
        " WHERE datname LIKE %s"
    )
    for (name,) in cluster.execute(found, parameters=[f"{site.name}%"]):
        with cluster.connect(name) as connection:
            connection.execute("ALTER SUBSCRIPTION feed DISABLE")
            connection.execute("ALTER SUBSCRIPTION feed SET (slot_name = NONE)")
            connection.execute("DROP SUBSCRIPTION feed")


def drop_slots(database: Database) -> None:
    """Once nobody reads from them any more."""
    slots = "SELECT slot_name, active_pid FROM pg_replication_slots WHERE database LIKE %s"
    found = database.cluster.execute(slots, parameters=[f"{database.name}%"])
    for name, reader in found:
        if reader:
            database.cluster.execute(f"SELECT pg_terminate_backend({reader}, 10000)")
        database.cluster.execute(f"SELECT pg_drop_replication_slot('{name}')")


def publish(publisher: Database, number: int) -> None:
    publisher.cluster.execute(f"INSERT INTO feed VALUES ({number})", publisher.name)


def arrived(site: Site, number: int) -> bool:
    assert site.database
    rows = site.database.cluster.execute("SELECT number FROM feed", site.database.name)
    return (number,) in rows


def slots_of(publisher: Database) -> list[str]:
    query = "SELECT slot_name FROM pg_replication_slots WHERE database = %s"
    found = publisher.cluster.execute(query, parameters=[publisher.name])
    return [name for (name,) in found]


def test_case_n1_a_subscription_follows_its_publisher_through_drill_restore_undo_and_release(
    postgres_site: Site, publisher: Database
) -> None:
    assert postgres_site.database
    cluster, name = postgres_site.database.cluster, postgres_site.database.name
    slot = f"feed_{publisher.name}"
    publish(publisher, 1)
    wait_for(lambda: arrived(postgres_site, 1))
    made = make(postgres_site)
    proof = drill(postgres_site, made["id"])
    assert "Subscription feed is off and has no slot" in str(proof)
    assert beside(postgres_site) == []
    publish(publisher, 2)
    wait_for(lambda: arrived(postgres_site, 2))

    assert "subscriptions (feed)" in str(plan(postgres_site, made["id"])["warnings"])
    done = restore(postgres_site, made["id"], "--swap")
    notes = " ".join(done["notes"])
    assert "rest (feed)" in notes
    assert f"SET (slot_name = '{slot}')" in notes
    publish(publisher, 3)
    assert cluster.execute(f"{ON} WHERE datname = '{done['previous']}'") == [("feed", False)]
    assert cluster.execute(f"{ON} WHERE datname = '{name}'") == [("feed", False)]
    assert not arrived(postgres_site, 2)

    undone = undo(postgres_site)
    assert "on again: feed" in str(undone["notes"])
    wait_for(lambda: arrived(postgres_site, 3))
    released = postgres_site.manage("release_restore", "--yes")
    assert slots_of(publisher) == [slot]
    assert released.stderr == ""  # the restored one had no slot

    restore(postgres_site, made["id"], "--swap")
    released = postgres_site.manage("release_restore", "--yes")
    assert f"The slot {slot} stays at its publisher" in released.stderr
    assert beside(postgres_site) == []
    assert slots_of(publisher) == [slot]


def test_case_n1_a_restore_in_place_leaves_the_subscription_where_it_is(
    postgres_site: Site, publisher: Database
) -> None:
    publish(publisher, 1)
    wait_for(lambda: arrived(postgres_site, 1))
    made = make(postgres_site)
    publish(publisher, 2)
    wait_for(lambda: arrived(postgres_site, 2))
    warned = plan(postgres_site, made["id"], "--in-place")["warnings"]
    assert "REFRESH PUBLICATION" in str(warned)
    restore(postgres_site, made["id"], "--in-place")
    assert not arrived(postgres_site, 2)
    assert postgres_site.database
    cluster, name = postgres_site.database.cluster, postgres_site.database.name
    assert cluster.execute(f"{ON} WHERE datname = '{name}'") == [("feed", True)]
    refresh = "ALTER SUBSCRIPTION feed REFRESH PUBLICATION WITH (copy_data = false)"
    cluster.execute(refresh, name)
    publish(publisher, 3)
    wait_for(lambda: arrived(postgres_site, 3))


def test_case_n1_another_database_that_is_restored_into_follows_nobody(
    postgres_site: Site, publisher: Database
) -> None:
    assert postgres_site.database
    cluster, name = postgres_site.database.cluster, f"{postgres_site.database.name}_into"
    made = make(postgres_site)
    restore(postgres_site, made["id"], "--into", name)
    found = cluster.execute(
        "SELECT subenabled, subslotname FROM pg_subscription s JOIN pg_database d"
        f" ON d.oid = subdbid WHERE datname = '{name}'"
    )
    assert found == [(False, None)]
    publish(publisher, 1)
    wait_for(lambda: arrived(postgres_site, 1))


def test_case_n1_a_role_that_may_not_stop_the_subscription_restores_in_place(
    postgres_site: Site, publisher: Database
) -> None:
    assert postgres_site.database
    owner = postgres_site.database
    owner.cluster.execute(f'ALTER TABLE feed OWNER TO "{owner.user}"', owner.name)
    login = {"USER": owner.user, "PASSWORD": owner.password}
    more_settings(postgres_site, f"DATABASES['default'].update({login!r})")
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    said = plan(postgres_site, made["id"])["databases"]["default"]
    assert said["strategy"] == "in place"
    assert "subscription feed belongs to role 'postgres'" in said["why"]
    assert restore(postgres_site, made["id"])["strategy"] == "in place"


def test_case_n2_a_logical_slot_is_neither_dropped_nor_forgotten(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    slot = f"follower_{database.name}"
    database.cluster.execute(
        f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')", database.name
    )
    try:
        made = make(postgres_site)
        assert drill(postgres_site, made["id"])["ok"]
        for way in ("--swap", "--in-place"):
            assert slot in str(plan(postgres_site, made["id"], way)["warnings"])
        done = restore(postgres_site, made["id"], "--swap")
        assert f"The logical slots {slot} stay with {done['previous']}" in str(done["notes"])
        refused = postgres_site.manage("release_restore", "--yes", check=False)
        assert_refused(refused, slot, "pg_drop_replication_slot")
        assert [item["previous"] for item in undoable(postgres_site)] == [done["previous"]]
        undo(postgres_site)
        there = "SELECT database FROM pg_replication_slots WHERE slot_name = %s"
        assert database.cluster.execute(there, parameters=[slot]) == [(database.name,)]
        postgres_site.manage("release_restore", "--yes")
    finally:
        drop_slots(database)
