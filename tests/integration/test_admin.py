"""The app in Django's admin: a way to the page, and rows to look at."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission, User
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory

from trustbackup.models import AuditEvent, Backup, Copy, Destination, Plan, PlanDue, Run

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def rows(tmp_path: Path, settings: Any) -> dict[str, object]:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    place = Destination.objects.create(name="nas", kind="sftp", secrets="sealed-of-the-tests")
    copy = Copy.objects.create(identifier="x", destination=place, changed=NOW)
    return {
        "destination": place.pk,
        "copy": copy.pk,
        "backup": Backup.objects.create(identifier="2026-11-20_10-00-00", created=NOW).pk,
        "plan": Plan.objects.create(name="nightly", schedule="30 4 * * *").pk,
        "plandue": PlanDue.objects.create(plan="nightly", due=NOW, at=NOW, state="skipped").pk,
        "run": Run.objects.create(id=uuid.UUID(int=1), action="create", started=NOW).pk,
        "auditevent": AuditEvent.objects.create(at=NOW, actor="operator", action="create").pk,
    }


def test_the_index_leads_to_the_page(admin_client: Client) -> None:
    index = admin_client.get("/admin/").content.decode()
    assert 'href="/admin/trustbackup/backup/"' in index
    answer = admin_client.get("/admin/trustbackup/backup/", follow=True)
    assert answer.redirect_chain == [("/settings/backups/", 302)]
    assert answer.status_code == 200


def test_the_index_says_what_is_late_to_those_who_may_know(
    admin_client: Client, client: Client, rows: dict[str, object], settings: Any
) -> None:
    index = admin_client.get("/admin/").content.decode()
    assert "is late" not in index
    Plan.objects.update(scheduled_at=NOW)
    index = admin_client.get("/admin/", headers={"Accept-Language": "de"}).content.decode()
    assert "Plan nightly hat noch nie" in index
    assert 'href="/settings/backups/"' in index
    user = User.objects.create_user("editor", password="a password of a test", is_staff=True)
    client.force_login(user)
    assert "nightly" not in client.get("/admin/").content.decode()
    # A setting that is wrong ends no index of the site's.
    settings.TRUSTBACKUP = {"PLANS": 7}
    assert admin_client.get("/admin/").status_code == 200


class OwnIndex(AdminSite):
    index_template = "admin/index.html"


@pytest.mark.parametrize(("own", "said"), [(AdminSite("staff"), True), (OwnIndex("own"), False)])
def test_an_admin_site_of_ones_own_says_it_unless_it_has_an_index_of_its_own(
    own: AdminSite, said: bool, rf: RequestFactory, admin_user: User
) -> None:
    Plan.objects.update(scheduled_at=NOW)
    request = rf.get("/staff/")
    request.user = admin_user
    answer = own.index(request)
    assert isinstance(answer, TemplateResponse)
    assert ("Plan nightly has never made" in answer.rendered_content) is said


@pytest.mark.parametrize(
    "model", ["backup", "run", "auditevent", "destination", "copy", "plan", "plandue"]
)
def test_rows_are_shown_and_cannot_be_changed(
    admin_client: Client, rows: dict[str, object], model: str
) -> None:
    page = f"/admin/trustbackup/{model}/{rows[model]}/"
    answer = admin_client.get(f"{page}change/")
    assert answer.status_code == 200
    assert "sealed-of-the-tests" not in answer.content.decode()
    assert admin_client.post(f"{page}change/", {}).status_code == 403
    assert admin_client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"/admin/trustbackup/{model}/add/").status_code == 403
    assert admin_client.get(f"/admin/trustbackup/{model}/?q=x", follow=True).status_code == 200


def test_who_has_no_right_sees_nothing_of_it(client: Client) -> None:
    other = User.objects.create_user("somebody", password="a password", is_staff=True)
    client.force_login(other)
    assert "trustbackup" not in client.get("/admin/").content.decode()
    assert client.get("/admin/trustbackup/run/").status_code == 403
    other.user_permissions.add(Permission.objects.get(codename="view_backup"))
    assert client.get("/admin/trustbackup/backup/").status_code == 302
    assert client.get("/admin/trustbackup/run/").status_code == 403
