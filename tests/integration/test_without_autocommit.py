"""Case H5: a site with AUTOCOMMIT = False, whose connections begin a transaction by themselves."""

from __future__ import annotations

import pytest

from tests.support.backups import listed, make, more_settings
from tests.support.sites import Site

LOOK = """
import json
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
user, _new = User.objects.get_or_create(username="looker", is_superuser=True, is_staff=True)
transaction.commit()
client = Client(SERVER_NAME="localhost")
client.force_login(user)
transaction.commit()
base = "/settings/backups/"
paths = ["", "runs/", "upload/", "destinations/", "backup/ID/", "backup/ID/restore/"]
found = {path: client.get(base + path).status_code for path in paths}
print(json.dumps(found))
"""


@pytest.fixture
def manual(any_site: Site) -> Site:
    more_settings(any_site, "DATABASES['default']['AUTOCOMMIT'] = False\n")
    return any_site


def test_case_h5_a_site_that_commits_itself_backs_up_proves_and_restores(manual: Site) -> None:
    made = make(manual)
    assert [row["id"] for row in listed(manual)] == [made["id"]]
    manual.manage("verify_backup", "latest", "--restore")
    (row,) = listed(manual)
    assert row["drilled"]["ok"], "what a command writes is committed"
    code = LOOK.replace("ID", made["id"])
    found = manual.manage("shell", "--verbosity", "0", "-c", code).json
    assert set(found.values()) == {200}, found
    manual.query("DELETE FROM shop_cartitem")
    manual.manage("restore_backup", "latest", "--force")
    assert manual.query("SELECT count(*) FROM shop_cartitem") != [(0,)]
    manual.manage("undo_restore")
    assert manual.query("SELECT count(*) FROM shop_cartitem") == [(0,)]
    runs = "from trustbackup.models import Run; print(*sorted(Run.objects.values_list('state')))"
    states = manual.manage("shell", "--verbosity", "0", "-c", runs).stdout
    assert "running" not in states
