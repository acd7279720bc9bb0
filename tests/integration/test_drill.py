"""A drill proves a backup, and its outcome outlives the database."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.backups import listed, make, more_settings
from tests.support.content import digest
from tests.support.damage import dump_of, forge
from tests.support.restores import (
    beside,
    drill,
    only_file,
    plan,
    unfinished,
)
from tests.support.run import run_folder
from tests.support.sites import Site

CHECKS = """
from django.db import connections
from webshop.shop.models import Category

def sees_the_scratch_database(alias):
    name = str(connections[alias].settings_dict["NAME"])
    if "drill" not in name:
        return f"the alias means {name}"
    if Category.objects.filter(category_name="after").exists():
        return "these are the live rows"
    Category.objects.create(category_name="written by a check")

def is_never_content(alias):
    return "the shop looks empty"

def fails(alias):
    raise ZeroDivisionError("oh")
"""


def rows_after(site: Site) -> None:
    site.query("INSERT INTO shop_category (category_name) VALUES ('after')")


def with_checks(site: Site, *names: str) -> None:
    (site.home / "shop_checks.py").write_text(CHECKS)
    paths = [f"shop_checks.{name}" for name in names]
    more_settings(site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'DRILL_CHECKS': {paths!r}}}")


@pytest.mark.three_engines
@pytest.mark.parametrize("options", [[], ["--content"], ["--format", "directory"]])
def test_a_drill_restores_compares_and_drops(any_site: Site, options: list[str]) -> None:
    if any_site.engine != "postgresql" and "directory" in options:
        pytest.skip("only PostgreSQL's dumps may be folders")
    made = make(any_site, *options)
    rows_after(any_site)
    before = digest(any_site)
    content = [option for option in options if option == "--content"]
    found = drill(any_site, made["id"], *content)
    assert found["ok"]
    assert found["drill"]["seconds"] > 0
    assert found["drill"]["content"] == bool(content)
    assert digest(any_site) == before
    assert beside(any_site) == []
    assert not unfinished(any_site)
    (backup,) = listed(any_site)
    assert backup["drilled"]["ok"]
    assert backup["drilled"]["seconds"] == found["drill"]["seconds"]
    assert plan(any_site, made["id"])["seconds"] == found["drill"]["seconds"]
    assert "restores" in any_site.manage("list_backups").stdout


def test_the_proof_survives_a_lost_database_but_not_a_forged_record(any_site: Site) -> None:
    made = make(any_site)
    drill(any_site, made["id"])
    any_site.query("DELETE FROM trustbackup_backup")
    any_site.manage("rescan_backups")
    (backup,) = listed(any_site)
    assert backup["drilled"]["ok"]
    record = Path(made["manifest"].replace(".manifest.", ".record."))
    record.write_bytes(record.read_bytes().replace(b'"seconds": ', b'"seconds": 9'))
    (backup,) = listed(any_site)
    assert backup["drilled"] is None


def test_content_that_was_never_fingerprinted_is_said_not_to_be_compared(any_site: Site) -> None:
    made = make(any_site)
    found = drill(any_site, made["id"], "--content")
    assert any("without --content" in note for note in found["drill"]["notes"])


@pytest.mark.three_engines
def test_one_changed_row_is_found_by_content_only(any_site: Site) -> None:
    made = make(any_site, "--content")
    change = "UPDATE shop_category SET category_name = 'Forged' WHERE category_id = 1"
    if any_site.database:
        any_site.query(change)
        # As many rows in trustbackup's own tables as there were then.
        any_site.query("DELETE FROM trustbackup_auditevent")
        other = dump_of(any_site, "-Fc", "-Z0", "--no-owner")
        forge(made, lambda _raw: other)
    elif any_site.mariadb:
        any_site.query(change)
        any_site.query("DELETE FROM trustbackup_auditevent")
        any_site.query("DELETE FROM trustbackup_run")
        other = gzip.decompress(only_file(make(any_site)).read_bytes())
        forge(made, lambda _raw: other)
    else:

        def forged(raw: bytes) -> bytes:
            copy = any_site.folder / "copy"
            copy.write_bytes(raw)
            with contextlib.closing(sqlite3.connect(copy)) as database, database:
                database.execute(change)
            return copy.read_bytes()

        forge(made, forged)
    assert drill(any_site, made["id"])["ok"]
    found = drill(any_site, made["id"], "--content", check=False)
    assert not found["ok"]
    named = "content is not that" if any_site.engine == "sqlite" else "shop_category has the right"
    assert named in " ".join(found["problems"])


@pytest.mark.three_engines
def test_the_sites_own_checks_see_the_scratch_database(any_site: Site) -> None:
    made = make(any_site)
    rows_after(any_site)
    with_checks(any_site, "sees_the_scratch_database")
    before = digest(any_site)
    assert drill(any_site, made["id"])["ok"]
    assert digest(any_site) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("is_never_content", "the shop looks empty"),
        ("fails", "ZeroDivisionError: oh"),
        ("nosuch", "DRILL_CHECKS"),
    ],
)
def test_a_check_that_complains_fails_the_drill(any_site: Site, name: str, said: str) -> None:
    made = make(any_site)
    with_checks(any_site, name)
    found = drill(any_site, made["id"], check=False)
    assert not found["ok"]
    assert said in " ".join(found["problems"])
    assert beside(any_site) == []
    assert not unfinished(any_site)


def test_all_backups_are_drilled_and_one_bad_one_hides_no_other(any_site: Site) -> None:
    good, bad, last = make(any_site), make(any_site), make(any_site)
    Path(bad["files"][0]["path"]).write_bytes(b"")
    result = any_site.manage("verify_backup", "all", "--restore", "--json", check=False)
    assert result.returncode == 1
    outcomes = {item["id"]: item["ok"] for item in result.json["backups"]}
    assert outcomes == {good["id"]: True, bad["id"]: False, last["id"]: True}


def test_a_role_that_may_create_no_database_is_drilled_on_a_cluster_of_its_own(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    database.cluster.execute(f'ALTER ROLE "{database.user}" NOCREATEDB')
    made = make(postgres_site, "--content")
    # The server's own user must reach its folder.
    postgres_site.variables["TMPDIR"] = str(run_folder())
    found = drill(postgres_site, made["id"], "--content")
    assert found["ok"]
    assert found["drill"]["content"]
    assert not list(run_folder().glob("tb-*"))
    assert not unfinished(postgres_site)
    postgres_site.query("DELETE FROM shop_cartitem")
    other = dump_of(postgres_site, "-Fc", "-Z0", "--no-owner")
    forge(made, lambda _raw: other)
    assert not drill(postgres_site, made["id"], check=False)["ok"]
    assert not unfinished(postgres_site)


def test_a_sequence_that_lagged_behind_its_rows_at_the_backup_is_a_note(
    postgres_site: Site,
) -> None:
    postgres_site.query("SELECT setval('shop_category_category_id_seq', 1)")
    made = make(postgres_site)
    found = drill(postgres_site, made["id"])
    assert found["ok"]
    assert "sequence of shop_category.category_id" in json.dumps(found)


def test_a_foreign_key_that_points_nowhere_at_the_backup_is_a_note(sqlite_site: Site) -> None:
    sqlite_site.query("UPDATE shop_order SET customer_id = 999999")
    made = make(sqlite_site)
    found = drill(sqlite_site, made["id"])
    assert found["ok"]
    assert "shop_order has rows whose foreign key points nowhere" in json.dumps(found)
