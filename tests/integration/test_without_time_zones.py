"""Case H1: a site with USE_TZ = False. A backup's time is of one instant all the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.test_plan_runs import make_due, run_code
from tests.support.backups import listed, make, more_settings
from tests.support.sites import Site

ZONE = "USE_TZ = False\nTIME_ZONE = 'America/New_York'\n"
LOOK = """
import json
from datetime import UTC, datetime
from django.contrib.auth.models import User
from django.test import Client
from trustbackup.models import AuditEvent, Backup, Destination, Run
user, _new = User.objects.get_or_create(username="looker", is_superuser=True, is_staff=True)
client = Client(SERVER_NAME="localhost")
client.force_login(user)
Destination.objects.get_or_create(name="nas", kind="folder", options={"path": "/nas"})
BASE = "/settings/backups/"
paths = ["", "?sort=took&since=2020-01-01&until=2030-01-01", "runs/", "upload/", "destinations/",
         "destinations/nas/", "backup/IDENTIFIER/", "backup/IDENTIFIER/restore/",
         f"runs/{Run.objects.first().pk}/", "?since=0001-01-01&until=9999-12-31"]
admin = ["backup/", "run/?started__gte=2026-01-01", "auditevent/", "copy/", "destination/"]
found = {path: client.get(BASE + path).status_code for path in paths}
found |= {path: client.get("/admin/trustbackup/" + path).status_code for path in admin}
backup = Backup.objects.get(identifier="IDENTIFIER")
print(json.dumps({
    "answers": found,
    "created": backup.created.isoformat(),
    "seconds": Run.objects.order_by("started").first().seconds,
    "destination": Destination.objects.get().created.isoformat(),
    "since": Backup.objects.filter(created__gte=backup.created).count(),
}))
"""
MOMENTS = """
from trustbackup.models import Backup, Run
print(Backup.objects.get().created.isoformat(), Run.objects.first().started.isoformat())
"""


@pytest.fixture
def zoneless(any_site: Site) -> Site:
    more_settings(any_site, ZONE)
    return any_site


def look(site: Site, identifier: str) -> dict[str, object]:
    code = LOOK.replace("IDENTIFIER", identifier)
    found: dict[str, object] = json.loads(
        site.manage("shell", "--verbosity", "0", "-c", code).stdout
    )
    return found


def moment(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def is_now(text: object) -> bool:
    return abs(datetime.now(UTC) - moment(text)) < timedelta(minutes=5)


def test_case_h1_a_site_without_time_zones_backs_up_proves_and_restores(zoneless: Site) -> None:
    made = make(zoneless)
    zoneless.manage("verify_backup", "latest", "--restore")
    found = look(zoneless, made["id"])
    answers = dict(found.pop("answers"))  # type: ignore[call-overload]
    assert set(answers.values()) <= {200, 302}, answers
    assert is_now(found["created"])
    assert is_now(found["destination"])
    assert found["since"] == 1
    assert 0 <= float(str(found["seconds"])) < 300
    zoneless.manage("restore_backup", "latest", "--force")
    zoneless.manage("prune_backups", "--keep", "1")
    assert [row["id"] for row in listed(zoneless)] == [made["id"]]


def test_case_h1_a_site_that_leaves_its_zone_to_the_machine_runs_its_plans(any_site: Site) -> None:
    plans = {"nightly": {"SCHEDULE": "30 4 * * *"}}
    more_settings(
        any_site,
        f"USE_TZ = TIME_ZONE = None\nTRUSTBACKUP = {{**TRUSTBACKUP, 'PLANS': {plans!r}}}",
    )
    any_site.variables["TZ"] = "Asia/Tokyo"
    if any_site.database is not None:
        # Django tells such a session no zone: its times are of the server's.
        name = any_site.database.name
        any_site.query(f"ALTER DATABASE \"{name}\" SET timezone TO 'America/New_York'")
    make_due(any_site)
    (made,) = any_site.manage("run_scheduled_backups", "--json").json
    due = moment(made["due"]).astimezone(UTC)
    assert (due.hour, due.minute) == (19, 30)
    # Django's own templates can show no date there, not the year.
    for text in run_code(any_site, MOMENTS).split():
        assert is_now(text)
    any_site.manage("send_notifications")
    any_site.manage("backup_doctor", check=False)
    again = any_site.manage("run_scheduled_backups", "--json").json
    assert all(each["due"] > made["due"] for each in again), again


def test_case_h1_the_setting_can_be_changed_later(any_site: Site) -> None:
    first = make(any_site)
    before = moment(look(any_site, first["id"])["created"])
    more_settings(any_site, ZONE)
    assert moment(look(any_site, first["id"])["created"]) == before
    second = make(any_site)
    more_settings(any_site, "USE_TZ = True\n")
    assert is_now(look(any_site, second["id"])["created"])
