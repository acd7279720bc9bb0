"""One app's data: out, checked, and in again, and nothing else is touched."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import assert_refused, listed, make, verify
from tests.support.content import Content, content
from tests.support.gallery import add_gallery, go_round
from tests.support.sites import SECRET_KEY, Site
from trustbackup.contents.app_data.formats import FORMATS
from trustbackup.store import manifest as manifests
from trustbackup.store.signature import Signer

SHOP = ("--type", "app", "--app", "shop")


def rows(site: Site) -> Content:
    """What the tables of a database hold, without what SQLite counts by."""
    return {name: found for name, found in content(site).items() if _is_data(name)}


def _is_data(name: str) -> bool:
    table = name.rpartition(".")[2]
    return table.startswith(("shop_", "gallery_", "visits_", "auth_"))


def restore(site: Site, made: dict[str, Any], *options: str, **env: str) -> dict[str, Any]:
    arguments = ("restore_backup", made["id"], "--force", "--json", *options)
    found: dict[str, Any] = site.manage(*arguments, env=env).json
    return found


def resigned(site: Site, made: dict[str, Any], data: bytes, **facts: Any) -> None:
    """Let the backup hold other rows, as if this site had signed them."""
    (file,) = made["files"]
    packed = gzip.compress(data)
    Path(file["path"]).write_bytes(packed)
    signer, path = Signer([SECRET_KEY]), Path(made["manifest"])
    document, _signature = manifests.read_signed(path.read_bytes(), signer)
    found = manifests.load(document, expected_id=made["id"])
    values = {
        "bytes": len(packed),
        "raw_bytes": len(data),
        "sha256": hashlib.sha256(packed).hexdigest(),
        **facts,
    }
    part = replace(found.parts[0], **values)
    path.write_bytes(manifests.dump(replace(found, parts=(part,), signature={}), signer))


def rewritten(site: Site, made: dict[str, Any], before: str, after: str) -> None:
    text = gzip.decompress(Path(made["files"][0]["path"]).read_bytes()).decode()
    assert before in text
    resigned(site, made, text.replace(before, after).encode())


NEW_PRODUCT = (
    "INSERT INTO shop_product (name, description, price, stock, category_id, picture)"
    " VALUES ('new', '', 1, 1, 1, '')"
)
# What is to go is named by a row that stays, which will name another.
NAME_IT = (
    "UPDATE shop_orderitem SET product_id = (SELECT max(product_id) FROM shop_product)"
    " WHERE order_item_id = 5"
)
CHANGE = (
    "UPDATE shop_product SET stock = stock + 7 WHERE product_id < 3",
    "DELETE FROM shop_orderitem WHERE order_item_id < 4",
    "DELETE FROM shop_cartitem",
    "INSERT INTO shop_category (category_name) VALUES ('new')",
    NEW_PRODUCT,
    NAME_IT,
)


def change(site: Site) -> None:
    for statement in CHANGE:
        site.query(statement)


@pytest.mark.three_engines
def test_an_apps_data_goes_out_and_comes_back(any_site: Site) -> None:
    then = rows(any_site)
    made = make(any_site, *SHOP)
    (file,) = made["files"]
    assert made["kind"] == "app"
    assert file["file"] == f"backup_{made['id']}.app-shop.jsonl.gz"
    (found,) = listed(any_site)
    assert (found["databases"], found["state"]) == (["app-shop"], "complete")
    assert verify(any_site, made["id"])["ok"]
    change(any_site)
    assert rows(any_site) != then
    planned = any_site.manage(
        "restore_backup", made["id"], "--mode", "replace", "--dry-run", "--json"
    ).json
    assert planned["models"]["shop.Category"]["deleted"] == 1
    assert planned["models"]["shop.OrderItem"]["added"] == 3
    assert planned["models"]["shop.OrderItem"]["updated"] == 1
    assert planned["models"]["shop.Product"]["updated"] == 2
    assert planned["models"]["shop.Product"]["deleted"] == 1
    assert rows(any_site) != then
    now = rows(any_site)
    done = restore(any_site, made, "--mode", "replace")
    assert done["models"] == planned["models"]
    assert rows(any_site) == then
    # What was there before is a backup of its own.
    undone = restore(any_site, {"id": done["safety_backup"]}, "--mode", "replace")
    assert rows(any_site) == now
    assert undone["deleted_outside"] == {}
    # Numbers that were given once are not given again.
    any_site.query("INSERT INTO shop_category (category_name) VALUES ('newer')")
    numbers = [row[0] for row in any_site.query("SELECT category_id FROM shop_category")]
    assert len(numbers) == len(set(numbers))


def test_a_sequence_goes_on_after_the_highest_and_never_back(postgres_site: Site) -> None:
    made = make(postgres_site, *SHOP)
    ((highest,),) = postgres_site.query("SELECT max(cart_item_id) FROM shop_cartitem")
    sequence = "pg_get_serial_sequence('shop_cartitem', 'cart_item_id')"
    for before, following in ((1, highest + 1), (5000, 5000)):
        postgres_site.query("DELETE FROM shop_cartitem")
        postgres_site.query(f"SELECT setval({sequence}, {before}, false)")
        restore(postgres_site, made)
        assert postgres_site.query(f"SELECT nextval({sequence})") == [(following,)]


def test_every_format_keeps_every_value(any_site: Site) -> None:
    add_gallery(any_site)
    wanted = [("--format", name) for name in FORMATS]
    wanted += [(*each, "--natural") for each in wanted]
    wanted += [("--format", name, "--indent", "2") for name in FORMATS if name != "jsonl"]
    rounds = go_round(any_site, wanted)
    assert len(rounds) == len(wanted)
    for options, found in zip(wanted, rounds, strict=True):
        assert not found["changed"], (options, found["changed"])
        for counts in found["planned"].values():
            assert counts == {**counts, "added": 0, "updated": 0, "deleted": 0}, options
        assert found["done"]["gallery.Picture"]["added"] == 4
        assert found["done"]["gallery.Tag"] == {"added": 0, "updated": 0, "same": 3, "deleted": 1}
        # What is as it was is not written, and nothing but a raw row is.
        assert "Picture True True default" in found["told"]
        assert {line.split()[1] for line in found["told"]} == {"True"}
        assert not [line for line in found["told"] if line.startswith("Tag ")]


def test_content_types_are_named_and_not_numbered(sqlite_site: Site) -> None:
    add_gallery(sqlite_site)
    made = make(sqlite_site, "--type", "app", "--app", "gallery")
    text = gzip.decompress(Path(made["files"][0]["path"]).read_bytes()).decode()
    found = [json.loads(line) for line in text.split("\n") if "gallery.picture" in line]
    assert {tuple(row["fields"]["about"]) for row in found} == {("auth", "user")}
    assert {type(row["fields"]["group"]) for row in found} == {int}
    # As in a database whose content types were made in another order.
    sqlite_site.query("UPDATE django_content_type SET id = id + 1000")
    sqlite_site.query("UPDATE auth_permission SET content_type_id = content_type_id + 1000")
    sqlite_site.query("DELETE FROM gallery_picture")
    restore(sqlite_site, made)
    assert sqlite_site.query(
        "SELECT DISTINCT model FROM django_content_type c JOIN gallery_picture p"
        " ON p.about_id = c.id"
    ) == [("user",)]


@pytest.mark.parametrize("mode", ["add", "update"])
def test_what_is_not_in_the_backup_stays(sqlite_site: Site, mode: str) -> None:
    made = make(sqlite_site, *SHOP)
    stock = sqlite_site.query("SELECT stock FROM shop_product WHERE product_id = 1")[0][0]
    change(sqlite_site)
    done = restore(sqlite_site, made, "--mode", mode)
    assert done["models"]["shop.OrderItem"]["added"] == 3
    assert sqlite_site.query("SELECT count(*) FROM shop_category WHERE category_name = 'new'") == [
        (1,)
    ]
    now = sqlite_site.query("SELECT stock FROM shop_product WHERE product_id = 1")[0][0]
    assert now == (stock if mode == "update" else stock + 7)


@pytest.mark.three_engines
def test_rows_of_other_apps_are_counted_before_they_go(any_site: Site) -> None:
    add_gallery(any_site)
    made = make(any_site, "--type", "app", "--app", "gallery")
    any_site.query("INSERT INTO gallery_tag (slug) VALUES ('late')")
    ((tag,),) = any_site.query("SELECT id FROM gallery_tag WHERE slug = 'late'")
    any_site.query(f"INSERT INTO visits_visit (tag_id) VALUES ({tag})")
    any_site.query(
        f"INSERT INTO visits_favourite (visit_id, tag_id) SELECT id, {tag} FROM visits_visit"
    )
    any_site.query(f"INSERT INTO visits_award (tag_id) VALUES ({tag})")
    arguments = ("restore_backup", made["id"], "--mode", "replace")
    before = rows(any_site)
    refused = any_site.manage(*arguments, "--force", check=False)
    assert_refused(refused, "visits.Award", "forbids")
    assert rows(any_site) == before
    any_site.query("DELETE FROM visits_award")
    before = rows(any_site)
    planned = any_site.manage(*arguments, "--dry-run", "--json").json
    assert planned["deleted_outside"] == {"visits.Visit": 1, "visits.Favourite": 1}
    assert rows(any_site) == before
    done = restore(any_site, made, "--mode", "replace")
    assert done["deleted_outside"] == planned["deleted_outside"]
    assert any_site.query("SELECT count(*) FROM visits_visit") == [(0,)]
    # One app's data would not bring them back.
    (safety,) = [item for item in listed(any_site) if item["id"] == done["safety_backup"]]
    assert (safety["kind"], safety["protected"]) == ("database", True)


def test_a_key_that_points_nowhere_is_found_before_anything_is_written(
    sqlite_site: Site,
) -> None:
    add_gallery(sqlite_site)
    made = make(sqlite_site, "--type", "app", "--app", "gallery")
    sqlite_site.query("UPDATE gallery_picture SET group_id = NULL, title = ''")
    sqlite_site.query("DELETE FROM auth_group")
    before = rows(sqlite_site)
    refused = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(refused, "gallery.picture.group", "auth.Group")
    assert rows(sqlite_site) == before
    assert len(listed(sqlite_site)) == 1


@pytest.mark.three_engines
def test_an_error_in_the_midst_changes_nothing(any_site: Site) -> None:
    made = make(any_site, *SHOP)
    then = rows(any_site)
    cart, product = any_site.query("SELECT cart_id, product_id FROM shop_cartitem")[0]
    change(any_site)
    # A new row is where one is to come back, in the table that is filled last.
    any_site.query(
        "INSERT INTO shop_cartitem (cart_item_id, cart_id, product_id, quantity)"
        f" VALUES (100000, {cart}, {product}, 1)"
    )
    before = rows(any_site)
    refused = any_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(refused, "Nothing was changed", "--mode replace")
    assert rows(any_site) == before
    restore(any_site, made, "--mode", "replace")
    assert rows(any_site) == then
