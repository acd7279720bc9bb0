"""What is refused of one app's data, in one sentence and with nothing changed."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.integration.test_app_data import CHANGE, SHOP, resigned, restore, rows
from tests.support.backups import assert_refused, listed, make, more_settings, run_all, verify
from tests.support.sites import Site


def test_what_cant_be_made_is_refused_in_one_sentence(sqlite_site: Site) -> None:
    wanted = {
        ("--type", "app"): "--app",
        ("--type", "app", "--app", "nothing"): "nothing",
        ("--type", "app", "--app", "trustbackup"): "index",
        ("--type", "app", "--app", "staticfiles"): "no models",
        (*SHOP, "--format", "csv"): "csv",
        (*SHOP, "--indent", "4"): "--indent",
        (*SHOP, "--format", "json", "--indent", "99"): "99",
        (*SHOP, "--database", "nowhere"): "nowhere",
        (*SHOP, "--database", "default", "--database", "default"): "one database",
        (*SHOP, "--content"): "--content",
        ("--app", "shop"): "--type app",
        ("--indent", "2"): "--type app",
        ("--natural",): "--type app",
    }
    ended = run_all(sqlite_site, [["create_backup", *options] for options in wanted])
    for result, word in zip(ended, wanted.values(), strict=True):
        assert_refused(result, word)
    assert listed(sqlite_site) == []


def test_what_is_of_databases_is_refused_for_an_app(sqlite_site: Site) -> None:
    app, whole = make(sqlite_site, *SHOP), make(sqlite_site)
    ended = run_all(
        sqlite_site,
        [
            *(
                ["restore_backup", app["id"], "--force", option]
                for option in ("--swap", "--migrate")
            ),
            ["restore_backup", app["id"], "--force", "--into", "other"],
            ["restore_backup", app["id"], "--force", "--mode", "other"],
            ["restore_backup", whole["id"], "--force", "--mode", "add"],
            ["verify_backup", app["id"], "--restore"],
        ],
    )
    for result in ended:
        assert_refused(result)


def test_crafted_rows_are_refused_and_change_nothing(sqlite_site: Site) -> None:
    made = make(sqlite_site, *SHOP)
    path = Path(made["files"][0]["path"])
    text = gzip.decompress(path.read_bytes()).decode()
    first = text.split("\n")[0]
    before = rows(sqlite_site)
    for after, word in {
        text.replace('"shop.category"', '"auth.group"'): "auth.group",
        text.replace('"shop.category"', '"shop.gone"'): "shop.gone",
        text.replace('"category_name"', '"gone"'): "gone",
        text.replace('"stock": ', '"stock": "many", "x": '): "many",
        text + first + "\n": "twice",
        text.replace('"pk": 1,', '"pk": "one",', 1): "one",
        text.replace('"category": ', '"category": 99'): "shop.product.category",
        text[:-40]: "",
    }.items():
        resigned(sqlite_site, made, after.encode())
        refused = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
        assert_refused(refused, word)
        assert rows(sqlite_site) == before
    assert len(listed(sqlite_site)) == 1


def test_fault_31_a_flipped_bit_in_an_apps_data_is_refused(sqlite_site: Site) -> None:
    made = make(sqlite_site, *SHOP)
    path = Path(made["files"][0]["path"])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    before = rows(sqlite_site)
    assert not verify(sqlite_site, made["id"])["ok"]
    refused = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(refused, "corrupt")
    assert rows(sqlite_site) == before


def test_an_app_that_was_migrated_since_says_so(sqlite_site: Site) -> None:
    made = make(sqlite_site, *SHOP)
    data = gzip.decompress(Path(made["files"][0]["path"]).read_bytes())
    resigned(sqlite_site, made, data, migrations=(("shop", "0001_initial"), ("shop", "9999_new")))
    refused = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(refused, "9999_new", "--allow-unknown-migrations")
    restore(sqlite_site, made, "--allow-unknown-migrations")
    resigned(sqlite_site, made, data, migrations=())
    planned = sqlite_site.manage("restore_backup", made["id"], "--dry-run", "--json").json
    assert "migrated since" in planned["warnings"][0]


def test_an_app_stands_in_for_no_database(sqlite_site: Site) -> None:
    whole = make(sqlite_site)
    apps = [make(sqlite_site, *SHOP) for _number in range(2)]
    auth = make(sqlite_site, "--type", "app", "--app", "auth")
    for each in (whole, auth):
        refused = sqlite_site.manage("delete_backup", each["id"], "--yes", check=False)
        assert refused.returncode == 1, str(refused)
    shown = sqlite_site.manage("show_backup", "latest", "--json").json
    assert shown["id"] == whole["id"]
    assert verify(sqlite_site, apps[1]["id"])["ok"]
    sqlite_site.manage("prune_backups", "--keep", "1")
    left = {item["id"] for item in listed(sqlite_site)}
    assert left == {whole["id"], apps[1]["id"], auth["id"]}


def test_django_itself_reads_what_was_written(sqlite_site: Site) -> None:
    made = make(sqlite_site, *SHOP, "--format", "json", "--indent", "4")
    then = rows(sqlite_site)
    data = gzip.decompress(Path(made["files"][0]["path"]).read_bytes())
    fixture = sqlite_site.folder / "shop.json"
    fixture.write_bytes(data)
    for statement in CHANGE[:3]:
        sqlite_site.query(statement)
    sqlite_site.manage("loaddata", str(fixture))
    assert rows(sqlite_site) == then


def test_yaml_without_its_library_is_refused_and_offered_to_nobody(sqlite_site: Site) -> None:
    made = make(sqlite_site, *SHOP, "--format", "yaml")
    more_settings(sqlite_site, "import sys\nsys.modules['yaml'] = None")
    ended = run_all(
        sqlite_site,
        [
            ["create_backup", *SHOP, "--format", "yaml"],
            ["restore_backup", made["id"], "--dry-run"],
            ["restore_backup", made["id"], "--force"],
        ],
    )
    for result in ended:
        assert_refused(result, "PyYAML is not installed", "jsonl")
    code = "from trustbackup.operations.backup import app_data; print(app_data.offered_formats())"
    offered = sqlite_site.manage("shell", "--no-imports", "-c", code).stdout
    assert offered.strip() == "['jsonl', 'json', 'xml']"
    assert len(listed(sqlite_site)) == 1
