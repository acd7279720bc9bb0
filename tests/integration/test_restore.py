"""A restore: exactly the backup's rows and tables, and what must not be rewound is not."""

from __future__ import annotations

import re

import pytest

from tests.support.backups import assert_refused, listed, make
from tests.support.content import content, digest
from tests.support.restores import (
    SESSION,
    audit,
    beside,
    go_on,
    name_beside,
    place_of,
    plan,
    restore,
    undoable,
    unfinished,
)
from tests.support.sites import Site


@pytest.mark.three_engines
def test_fault_37_a_restore_brings_back_exactly_the_backups_rows_and_tables(
    any_site: Site,
) -> None:
    then = content(any_site)
    made = make(any_site)
    go_on(any_site)
    now = content(any_site)
    assert now != then
    done = restore(any_site, made["id"])
    assert content(any_site) == then
    assert done["strategy"] == "swap"
    assert beside(any_site) == [done["previous"].rpartition("/")[2]]
    assert content(any_site, done["previous"]) == now
    assert not unfinished(any_site)


def test_fault_37_an_in_place_restore_brings_back_exactly_the_backups_rows_and_tables(
    postgres_site: Site,
) -> None:
    then = content(postgres_site)
    made = make(postgres_site)
    go_on(postgres_site)
    done = restore(postgres_site, made["id"], "--in-place")
    assert done["strategy"] == "in place"
    assert content(postgres_site) == then
    assert beside(postgres_site) == []
    assert not unfinished(postgres_site)


@pytest.mark.parametrize("how", ["--swap", "--in-place"])
def test_fault_37_a_directory_backup_is_restored_too(postgres_site: Site, how: str) -> None:
    then = content(postgres_site)
    made = make(postgres_site, "--format", "directory")
    go_on(postgres_site)
    restore(postgres_site, made["id"], how)
    assert content(postgres_site) == then
    assert not unfinished(postgres_site)


def test_a_tiny_sqlite_database_is_restored_and_its_old_one_is_the_kept_one(
    sqlite_site: Site,
) -> None:
    # So small that SQLite would copy it in a single step, and commit in the same.
    sqlite_site.query("VACUUM")
    (pages,) = sqlite_site.query("SELECT page_count FROM pragma_page_count")[0]
    assert pages < 128
    sqlite_site.query("CREATE TABLE filler (data blob)")
    for padding in (0, 8192):
        sqlite_site.query(f"INSERT INTO filler VALUES (zeroblob({padding}))")
        then = content(sqlite_site)
        made = make(sqlite_site)
        sqlite_site.query("INSERT INTO shop_category (category_name) VALUES ('after')")
        now = content(sqlite_site)
        done = restore(sqlite_site, made["id"])
        assert content(sqlite_site) == then
        assert content(sqlite_site, done["previous"]) == now
        sqlite_site.manage("release_restore", "--yes")


@pytest.mark.three_engines
@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_attack_25_a_restore_ends_all_sessions(any_site: Site, strategy: str) -> None:
    if any_site.engine != "postgresql" and strategy == "--in-place":
        pytest.skip("only PostgreSQL is restored in place")
    any_site.query(SESSION.format(key="old"))
    made = make(any_site)
    any_site.query(SESSION.format(key="new"))
    restore(any_site, made["id"], strategy)
    assert any_site.query("SELECT session_key FROM django_session") == []


@pytest.mark.three_engines
@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_attack_25_the_audit_trail_and_the_runs_of_now_survive(
    any_site: Site, strategy: str
) -> None:
    if any_site.engine != "postgresql" and strategy == "--in-place":
        pytest.skip("only PostgreSQL is restored in place")
    first = make(any_site)
    second = make(any_site)
    restore(any_site, first["id"], strategy, "--no-safety-backup")
    assert [item["target"] for item in audit(any_site, "create")] == [first["id"], second["id"]]
    (event,) = audit(any_site, "restore")
    assert event["target"] == first["id"]
    assert event["state"] == "succeeded"
    runs = any_site.query("SELECT action, state FROM trustbackup_run ORDER BY started")
    assert runs == [("create", "succeeded"), ("create", "succeeded"), ("restore", "succeeded")]


def test_the_catalogue_is_rescanned_after_a_restore(any_site: Site) -> None:
    made = make(any_site)
    make(any_site)
    any_site.query("DELETE FROM trustbackup_backup")
    restore(any_site, made["id"])
    assert any_site.query("SELECT count(*) FROM trustbackup_backup") == [(2,)]
    assert {item["state"] for item in listed(any_site)} == {"complete"}


@pytest.mark.three_engines
@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_new_rows_get_new_numbers_after_a_restore(any_site: Site, strategy: str) -> None:
    if any_site.engine != "postgresql" and strategy == "--in-place":
        pytest.skip("only PostgreSQL is restored in place")
    made = make(any_site)
    restore(any_site, made["id"], strategy)
    before = any_site.query("SELECT max(category_id) FROM shop_category")[0][0]
    any_site.query("INSERT INTO shop_category (category_name) VALUES ('next')")
    after = any_site.query("SELECT max(category_id) FROM shop_category")[0][0]
    assert after > before
    # The app's own tables and the migrations go on counting, too.
    make(any_site)
    any_site.manage("migrate", "auth", "0011", "--verbosity", "0")
    any_site.manage("migrate", "--verbosity", "0")


def test_a_dry_run_shows_the_difference_and_touches_nothing(any_site: Site) -> None:
    made = make(any_site)
    go_on(any_site)
    before = digest(any_site)
    found = plan(any_site, made["id"])["databases"]["default"]
    assert found["strategy"] == "swap"
    assert found["migrations"] == "same"
    rows = {item["table"]: (item["now"], item["then"]) for item in found["differences"]}
    now, then = rows["shop_category"]
    assert now == then + 1
    assert rows["grown_after"] == (1, None)
    assert rows["shop_cartitem"][0] == 0
    assert rows["shop_cartitem"][1] > 0
    shown = any_site.manage("restore_backup", "latest", "--dry-run").stdout
    assert re.search(r"grown_after +1 +- +goes away", shown)
    assert "Nothing was touched" in shown
    assert digest(any_site) == before
    assert beside(any_site) == []
    assert undoable(any_site) == []
    assert not unfinished(any_site)


def test_case_h10_a_dry_run_tells_what_changes_first_and_its_own_tables_are_no_losses(
    any_site: Site,
) -> None:
    made = make(any_site)
    make(any_site)  # another run and another row of the audit trail, which stay
    go_on(any_site)
    shown = any_site.manage("restore_backup", made["id"], "--dry-run").stdout
    assert "shop_category" in shown
    assert "trustbackup_" not in shown
    assert "auth_group " not in shown
    folded = re.search(r"(\d+) tables keep their number of rows", shown)
    assert folded
    found = plan(any_site, made["id"])["databases"]["default"]["differences"]
    unlike = {item["table"] for item in found if item["now"] != item["then"]}
    ours = {item["table"] for item in found if item["stays"]}
    assert {"trustbackup_run", "trustbackup_auditevent"} <= ours & unlike
    assert int(folded[1]) == len(found) - len(unlike - ours)
    every = any_site.manage("restore_backup", made["id"], "--dry-run", "--verbosity", "2").stdout
    listed_tables = re.findall(r"^  (\w+) +[\d,-]+ +[\d,-]+", every, flags=re.MULTILINE)
    assert len(listed_tables) == len(found)
    assert set(listed_tables[: len(unlike - ours)]) == unlike - ours
    assert re.search(r"trustbackup_run +\d+ +\d+ +stays as it is", every)


def test_what_goes_into_another_database_brings_the_backups_own_tables_along(
    any_site: Site,
) -> None:
    made = make(any_site)
    found = plan(any_site, made["id"], "--into", "side")["databases"]["default"]["differences"]
    assert not any(item["stays"] for item in found)


def test_a_restore_asks_before_it_replaces_rows(any_site: Site) -> None:
    make(any_site)
    before = digest(any_site)
    assert_refused(any_site.manage("restore_backup", "latest", check=False), "--force")
    assert digest(any_site) == before


@pytest.mark.three_engines
def test_into_restores_beside_the_live_one_and_leaves_that_alone(any_site: Site) -> None:
    then = content(any_site)
    made = make(any_site)
    go_on(any_site)
    before = digest(any_site)
    name = name_beside(any_site, "lookup")
    done = restore(any_site, made["id"], "--into", name)
    assert done["strategy"] == "into"
    assert digest(any_site) == before
    assert beside(any_site) == [name]
    assert content(any_site, place_of(any_site, name)) == then
    again = any_site.manage("restore_backup", "latest", "--force", "--into", name, check=False)
    assert_refused(again, name, "already")
    assert content(any_site, place_of(any_site, name)) == then
    assert not unfinished(any_site)


@pytest.mark.three_engines
def test_single_tables_are_restored_into_another_database_only(any_site: Site) -> None:
    then = content(any_site)
    make(any_site)
    go_on(any_site)
    before = digest(any_site)
    table = ("--table", "shop_category", "--table", "auth_group")
    refused = any_site.manage("restore_backup", "latest", "--force", *table, check=False)
    assert_refused(refused, "--into")
    name = name_beside(any_site, "lookup")
    restore(any_site, "latest", "--into", name, *table)
    found = content(any_site, place_of(any_site, name))
    prefix = "public." if any_site.database else ""
    assert found[f"{prefix}shop_category"] == then[f"{prefix}shop_category"]
    assert {key for key in found if key.startswith(f"{prefix}shop_")} == {f"{prefix}shop_category"}
    assert digest(any_site) == before


def test_a_table_that_the_backup_does_not_have_is_refused(any_site: Site) -> None:
    make(any_site)
    name = name_beside(any_site, "lookup")
    arguments = ("latest", "--force", "--into", name, "--table", "nosuch")
    result = any_site.manage("restore_backup", *arguments, check=False)
    assert result.returncode == 1
    assert "nosuch" in result.stderr
    assert beside(any_site) == []
    assert not unfinished(any_site)
