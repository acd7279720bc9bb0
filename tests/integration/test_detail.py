"""The page of one backup: how its tables differ from the backup before, and what it tells."""

from __future__ import annotations

import html
import re

from tests.support.backups import make
from tests.support.sites import Site

PAGE = """
from django.contrib.auth.models import User
from django.test import Client
user, _new = User.objects.get_or_create(username="looker", is_superuser=True, is_staff=True)
client = Client(SERVER_NAME="localhost")
client.force_login(user)
print(client.get("/settings/backups/backup/IDENTIFIER/").content.decode())
"""


def page(site: Site, identifier: str) -> str:
    code = PAGE.replace("IDENTIFIER", identifier)
    shown = site.manage("shell", "--verbosity", "0", "-c", code).stdout
    return html.unescape(shown.replace("<wbr>", ""))


def row(text: str, table: str) -> str:
    found = re.search(rf'<tr[^>]*><th scope="row">(?:public\.)?{table}</th>.*?</tr>', text)
    assert found, table
    return found[0]


def test_a_table_that_lost_rows_since_the_backup_before_is_marked(any_site: Site) -> None:
    first = make(any_site)
    any_site.query("DELETE FROM shop_cartitem")
    any_site.query("DELETE FROM shop_orderitem WHERE order_item_id % 2 = 0")
    second = make(any_site)
    text = page(any_site, second["id"])
    lost = row(text, "shop_orderitem")
    assert "tb-changed" in lost
    assert re.search(r"\N{MINUS SIGN}\d+ \(\N{MINUS SIGN}(49|50) %\)", lost)
    same = row(text, "shop_customer")
    assert "tb-changed" not in same
    assert ">=</td>" in same
    assert f"/backup/{first['id']}/" in text
    assert "sha256sum -c" in text
    assert "gunzip -c" in text
    first_page = page(any_site, first["id"])
    assert "Since the backup before" not in first_page
    assert "tb-changed" not in first_page
