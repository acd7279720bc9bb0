"""The app in Django's admin: a way to the page, and rows to look at."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Permission, User
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from trustbackup.models import AuditEvent, Backup, Copy, Destination, Plan, PlanDue, Route, Run

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
        "route": Route.objects.create(name="team", channel="email").pk,
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


@pytest.mark.parametrize("model", ["backup", "run", "auditevent", "copy", "plandue"])
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


SET_UP = {
    "plan": ("plans/add/", "plan/nightly/change/"),
    "destination": ("destinations/", "destinations/nas/"),
    "route": ("notifications/", "notification/team/change/"),
}


@pytest.mark.parametrize("model", SET_UP)
def test_what_is_set_up_on_the_page_leads_there(
    admin_client: Client, rows: dict[str, object], model: str
) -> None:
    row = f"/admin/trustbackup/{model}/{rows[model]}"
    add, change = SET_UP[model]
    assert 'class="addlink"' in admin_client.get(f"/admin/trustbackup/{model}/").content.decode()
    shown = [
        admin_client.get(f"/admin/trustbackup/{model}/add/", follow=True),
        admin_client.get(f"{row}/change/", follow=True),
    ]
    assert [each.redirect_chain for each in shown] == [
        [(f"/settings/backups/{page}", 302)] for page in (add, change)
    ]
    assert [each.status_code for each in shown] == [200, 200]
    # The admin's own forms would save what the page refuses, and show what it hides.
    for name in ("change", "delete"):
        assert admin_client.post(f"{row}/{name}/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"/admin/trustbackup/{model}/add/", {}).status_code == 403


def test_who_may_only_look_is_shown_the_row(client: Client, rows: dict[str, object]) -> None:
    reader = User.objects.create_user("reader", password="a password of a test", is_staff=True)
    names = ("view_plan", "view_backup", "view_destination")
    reader.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(reader)
    assert "addlink" not in client.get("/admin/trustbackup/plan/").content.decode()
    for model in ("plan", "destination"):
        answer = client.get(f"/admin/trustbackup/{model}/{rows[model]}/change/")
        assert answer.status_code == 200
        assert "sealed-of-the-tests" not in answer.content.decode()
    gone = client.get("/admin/trustbackup/plan/4711/change/")
    assert (gone.status_code, gone.headers["Location"]) == (302, "/admin/")


@override_settings(ROOT_URLCONF="tests.integration.test_admin")
def test_a_site_without_the_page_is_shown_the_row(
    admin_client: Client, rows: dict[str, object]
) -> None:
    assert admin_client.get(f"/admin/trustbackup/plan/{rows['plan']}/change/").status_code == 200
    assert admin_client.get("/admin/trustbackup/plan/add/").status_code == 403


urlpatterns = [path("admin/", admin.site.urls)]


def test_who_has_no_right_sees_nothing_of_it(client: Client) -> None:
    other = User.objects.create_user("somebody", password="a password", is_staff=True)
    client.force_login(other)
    assert "trustbackup" not in client.get("/admin/").content.decode()
    assert client.get("/admin/trustbackup/run/").status_code == 403
    other.user_permissions.add(Permission.objects.get(codename="view_backup"))
    assert client.get("/admin/trustbackup/backup/").status_code == 302
    assert client.get("/admin/trustbackup/run/").status_code == 403
