"""Rows 31, 33, 34 and 36: backups that are damaged, or that do not load."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backups import assert_refused, listed, make, verify
from tests.support.content import digest
from tests.support.damage import dump_of, flip, forge
from tests.support.restores import beside, drill, go_on, only_file, restore, said, unfinished
from tests.support.sites import Site


def refused(site: Site, *arguments: str, named: tuple[str, ...] = ()) -> str:
    """Restoring fails in one sentence; the live database is what it was, nothing is left."""
    before = digest(site)
    result = site.manage("restore_backup", *arguments, "--force", "--json", check=False)
    assert_refused(result, *named)
    assert digest(site) == before
    assert beside(site) == []
    assert not unfinished(site)
    return said(result)


@pytest.mark.parametrize("at", [0.0, 0.3, 0.7, 1.0])
def test_fault_31_a_bit_that_flips_at_rest_is_found_and_never_restored(
    any_site: Site, at: float
) -> None:
    made = make(any_site)
    go_on(any_site)
    flip(only_file(made), at)
    assert "corrupt" in " ".join(verify(any_site, made["id"])["problems"])
    assert "corrupt" in refused(any_site, made["id"])
    found = drill(any_site, made["id"], check=False)
    assert not found["ok"]
    assert "corrupt" in " ".join(found["problems"])
    proof = any_site.manage("list_backups").stdout
    assert "DAMAGED" in proof


@pytest.mark.three_engines
@pytest.mark.parametrize("left", [0.0, 0.5, 0.99])
def test_fault_34_a_truncated_backup_is_never_restored(any_site: Site, left: float) -> None:
    made = make(any_site)
    go_on(any_site)
    file = only_file(made)
    file.write_bytes(file.read_bytes()[: int(left * file.stat().st_size)])
    refused(any_site, made["id"], named=(file.name,))
    Path(made["manifest"]).unlink()
    refused(any_site, str(file), named=(file.name,))


@pytest.mark.three_engines
@pytest.mark.parametrize("where", [0.35, 0.6, 0.9])
def test_fault_33_a_dump_that_does_not_load_fails_its_drill_and_is_not_restored(
    any_site: Site, where: float
) -> None:
    made = make(any_site)
    go_on(any_site)

    def spoil(raw: bytes) -> bytes:
        # A third of it is overwritten: the head stays, so that it looks right.
        begin = int(len(raw) * where)
        end = min(len(raw), begin + len(raw) // 3)
        return raw[:begin] + b"\xee" * (end - begin) + raw[end:]

    forge(made, spoil)
    assert verify(any_site, made["id"])["ok"], "the hashes must match"
    found = drill(any_site, made["id"], check=False)
    assert not found["ok"]
    assert found["problems"]
    assert beside(any_site) == []
    assert "DOES NOT RESTORE" in any_site.manage("list_backups").stdout
    (backup,) = [item for item in listed(any_site) if item["id"] == made["id"]]
    assert backup["drilled"]["ok"] is False
    refused(any_site, made["id"])


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_fault_33_rows_that_are_missing_from_the_dump_are_noticed(
    postgres_site: Site, strategy: str
) -> None:
    made = make(postgres_site)
    postgres_site.query("DELETE FROM shop_cartitem")
    fewer = dump_of(postgres_site, "-Fc", "-Z0", "--no-owner")
    go_on(postgres_site)
    forge(made, lambda _raw: fewer)
    text = refused(postgres_site, made["id"], strategy, "--no-safety-backup")
    assert "shop_cartitem has 0 rows" in text
    found = drill(postgres_site, made["id"], check=False)
    assert "shop_cartitem has 0 rows" in " ".join(found["problems"])


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_fault_36_a_missing_role_rolls_back_unless_grants_are_left_out(
    postgres_site: Site, strategy: str
) -> None:
    database = postgres_site.database
    assert database
    role = f"{database.name}_reader"
    database.cluster.execute(f"CREATE ROLE {role}")
    postgres_site.query(f"GRANT SELECT ON shop_order TO {role}")
    then = digest(postgres_site)
    made = make(postgres_site)
    postgres_site.query(f"REVOKE ALL ON shop_order FROM {role}")
    database.cluster.execute(f"DROP ROLE {role}")
    go_on(postgres_site)
    text = refused(postgres_site, made["id"], strategy, "--no-safety-backup")
    assert role in text
    assert drill(postgres_site, made["id"])["ok"], "a drill needs no role of a grant"
    restore(postgres_site, made["id"], strategy, "--no-privileges")
    assert digest(postgres_site) != then
    rows = postgres_site.query("SELECT count(*) FROM shop_category WHERE category_name = 'after'")
    assert rows == [(0,)]


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_fault_36_a_missing_extension_rolls_back(postgres_site: Site, strategy: str) -> None:
    # The archive makes a domain; of the same length, it wants an extension instead.
    statement = b"CREATE DOMAIN public.surely_not_here AS integer;"
    postgres_site.query(statement.decode())
    made = make(postgres_site)
    wanted = b"CREATE EXTENSION nosuch".ljust(len(statement) - 1) + b";"

    def want_extension(raw: bytes) -> bytes:
        assert raw.count(statement) == 1
        return raw.replace(statement, wanted)

    forge(made, want_extension)
    go_on(postgres_site)
    text = refused(postgres_site, made["id"], strategy, "--no-safety-backup")
    assert "nosuch" in text
