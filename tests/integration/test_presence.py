"""Case H3: who has no password here shows in another way that the session is still theirs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.http import HttpRequest
from django.test import Client

from trustbackup.models import Run
from trustbackup.operations.restore.full_plan import FullPlan, plan_full_restore
from trustbackup.signals import SIGNED_IN
from trustbackup.views.backups import restore

pytestmark = pytest.mark.django_db

RESTORE = "/settings/backups/backup/2026-11-20_10-00-00/restore/"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    head = b"SQLite format 3\x00" + bytes(84)
    (tmp_path / "backup_2026-11-20_10-00-00.dump").write_bytes(head)
    monkeypatch.setattr("trustbackup.runs.queue.enqueue", lambda *_arguments: None)

    # A stranger's dump, which the page would refuse: here it is about who asks, not for what.
    def plan(*arguments: Any, **options: Any) -> FullPlan:
        whole = plan_full_restore(*arguments, **options)
        return replace(whole, databases=replace(whole.databases, refusals=()))

    monkeypatch.setattr(restore, "plan_full_restore", plan)
    return tmp_path


def signed_in(*, password: str | None = None, ago: float = 0) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator", password=password))
    session = client.session
    assert abs(session[SIGNED_IN] - time.time()) < 60, "every sign-in is noted"
    session[SIGNED_IN] -= ago
    session.save()
    return client


def confirm(client: Client, **data: str) -> int:
    """The answer's status: 302 where a run was started."""
    page = client.get(RESTORE)
    typed = page.context["expected"]
    answer = client.post(RESTORE, {"typed": typed, **data})
    assert Run.objects.exists() == (answer.status_code == 302)
    return answer.status_code


def test_case_h3_an_account_without_a_password_signs_in_anew() -> None:
    client = signed_in(ago=601)
    page = client.get(RESTORE).content.decode()
    assert 'name="password"' not in page
    assert "Sign in again before you go on" in page
    assert confirm(client) == 422
    answer = client.post("/settings/backups/sign-in/", {"next": RESTORE})
    assert answer.status_code == 302
    assert answer.url == f"/login/?next={RESTORE.replace('/', '%2F')}"  # type: ignore[attr-defined]
    assert client.get(RESTORE).status_code == 302, "the session has ended"
    client.force_login(User.objects.get())
    assert "Sign in again" not in client.get(RESTORE).content.decode()
    assert confirm(client) == 302


def test_case_h3_an_account_with_a_password_gives_it_however_fresh_it_is() -> None:
    client = signed_in(password="a password")
    assert confirm(client) == 422
    assert confirm(client, password="another") == 422
    assert confirm(client, password="a password") == 302


@pytest.mark.parametrize(("ago", "status"), [(0, 302), (590, 302), (601, 422), (-60, 422)])
def test_case_h3_a_site_may_want_a_fresh_sign_in_of_all(
    settings: Any, ago: float, status: int
) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "CONFIRM_RESTORE_BY": "sign-in"}
    assert confirm(signed_in(password="a password", ago=ago)) == status


def ask_colleague(request: HttpRequest) -> str:
    return "" if request.POST.get("typed") and request.GET.get("second") else "Ask a colleague."


def test_case_h3_a_site_may_ask_in_a_way_of_its_own(settings: Any) -> None:
    way = f"{__name__}.ask_colleague"
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "CONFIRM_RESTORE_BY": way}
    client = signed_in(password="a password", ago=10_000)
    page = client.get(RESTORE)
    answer = client.post(RESTORE, {"typed": page.context["expected"]})
    assert (answer.status_code, Run.objects.count()) == (422, 0)
    assert "Ask a colleague." in answer.content.decode()
    data = {"typed": page.context["expected"]}
    assert client.post(f"{RESTORE}?second=1", data).status_code == 302


@pytest.mark.parametrize("value", ["nothing", 3, "", None])
def test_case_h3_a_wrong_way_is_said_by_the_system_check(settings: Any, value: object) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "CONFIRM_RESTORE_BY": value}
    assert "trustbackup.E001" in [message.id for message in run_checks(tags=["trustbackup"])]


def test_case_h3_a_way_that_is_not_there_is_a_sentence(settings: Any) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "CONFIRM_RESTORE_BY": "no.such.function"}
    client = signed_in(password="a password")
    answer = client.post(RESTORE, {"typed": "x"})
    assert answer.status_code == 409
    assert "CONFIRM_RESTORE_BY" in answer.content.decode()


@pytest.mark.parametrize("following", ["https://evil.example/", "//evil.example/", "x:y", ""])
def test_case_h3_after_the_sign_in_one_stays_here(following: str) -> None:
    client = signed_in()
    answer = client.post("/settings/backups/sign-in/", {"next": following})
    assert answer.url == "/login/?next=%2Fsettings%2Fbackups%2F"  # type: ignore[attr-defined]
