"""Sites that keep their connections, for themselves or in psycopg's pool."""

from __future__ import annotations

import pytest

from tests.support.backups import listed, make, more_settings
from tests.support.content import digest
from tests.support.restores import drill, go_on
from tests.support.sites import Site

pytestmark = pytest.mark.field

WAYS = {
    "a pool": 'DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "timeout": 5}}',
    "for ever": 'DATABASES["default"].update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)',
}
SERVED = """
import json
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
user = User.objects.create_superuser("looker", password="x")
client = Client(SERVER_NAME="localhost")
client.force_login(user)
def look():
    return client.get("/settings/backups/").status_code
found = [look()]
call_command("restore_backup", "latest", "--force", "--json", stdout=open("/dev/null", "w"))
found += [look() for _time in range(3)]
if pool := getattr(connection, "pool", None):
    pool.close()
print(json.dumps(found))
"""


@pytest.mark.parametrize("way", WAYS)
def test_connections_that_are_kept_survive_a_restore(postgres_site: Site, way: str) -> None:
    more_settings(postgres_site, WAYS[way])
    made = make(postgres_site)
    then = digest(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    go_on(postgres_site)
    found = postgres_site.manage("shell", "--verbosity", "0", "-c", SERVED)
    assert found.json[0] == 200
    assert set(found.json[1:]) <= {200, 302, 503}, str(found)
    assert found.json[-1] in (200, 302), str(found)
    assert digest(postgres_site) == then
    assert listed(postgres_site)[0]["drilled"]["ok"]
