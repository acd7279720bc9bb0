"""Rows alone over HTTP: the settings out of a full backup, and one app's data."""

from __future__ import annotations

import json

from tests.support.api_server import Program, new_token, serving
from tests.support.sites import Site


def names(site: Site) -> set[str]:
    return {str(row[0]) for row in site.query("SELECT name FROM auth_group")}


def orders(site: Site) -> int:
    return int(site.query("SELECT count(*) FROM shop_order")[0][0])


def change(site: Site, code: str) -> None:
    site.manage("shell", "--no-imports", "-c", code)


GROUPS = "from django.contrib.auth.models import Group; "
ORDERS = "from webshop.shop.models import Order; "


def test_settings_come_back_out_of_a_full_backup_and_an_app_out_of_its_own(
    sqlite_site: Site,
) -> None:
    site = sqlite_site
    change(site, f"{GROUPS}Group.objects.create(name='clerks')")
    token = new_token(site)
    with serving(site) as address:
        program = Program(address, token)
        full = program.follow("POST", "backups/", {"kind": "full"})["backup"]
        shop = program.follow("POST", "backups/", {"kind": "app", "app": "shop"})["backup"]
        before = orders(site)
        change(
            site,
            f"{GROUPS}{ORDERS}Group.objects.all().delete(); Order.objects.first().delete();"
            "Group.objects.create(name='later')",
        )
        where = f"backups/{full}/"
        plan = program.ask(f"{where}plan/?parts=settings&mode=replace")
        assert (plan["confirm"], plan["parts"], plan["folders"]) == ("settings", [], [])
        counts = next(each for each in plan["models"] if each["model"].lower() == "auth.group")
        assert (counts["added"], counts["deleted"]) == (1, 1)
        body = {"parts": ["settings"], "mode": "replace", "confirm": plan["confirm"]}
        for wrong in ({"confirm": "shop"}, {"parts": ["settings", "media"]}):
            status, _headers, told = program.call("POST", f"{where}restore/", {**body, **wrong})
            assert (status, json.loads(told)["code"] in ("not_confirmed", "refused")) == (409, True)
        assert names(site) == {"later"}
        program.follow("POST", f"{where}restore/", {**body, "shown": plan["shown"]})
        assert names(site) == {"clerks"}
        assert orders(site) == before - 1, "settings are no app's data"
        where = f"backups/{shop}/"
        plan = program.ask(f"{where}plan/")
        assert plan["confirm"] == "shop"
        counts = next(each for each in plan["models"] if each["model"].lower() == "shop.order")
        assert (counts["added"], counts["deleted"]) == (1, 0)
        program.follow(
            "POST", f"{where}restore/", {"confirm": plan["confirm"], "shown": plan["shown"]}
        )
        assert orders(site) == before
        # What was there before is a protected backup of each.
        safety = [each for each in program.ask("backups/")["results"] if each["protected"]]
        assert sorted(each["kind"] for each in safety) == ["app", "settings"]
