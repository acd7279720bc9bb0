"""Cases H2, H7 and H8: sites whose admin, sign-in, users and middleware are their own."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import CheckMessage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.support.hosts import strict
from trustbackup.models import Destination, Run
from trustbackup.views.checks import check_pages

pytestmark = pytest.mark.django_db

PAGES = "/settings/backups/"
HOSTS = "tests.support.hosts."
ID = "2026-11-20_10-00-00"
PATHS = [
    "",
    "runs/",
    "upload/",
    "destinations/",
    "destinations/add/sftp/",
    "destinations/add/folder/",
    "notifications/",
    "notifications/add/webhook/",
    f"backup/{ID}/",
    f"backup/{ID}/restore/",
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": []}]
    settings.LOGIN_URL = "/accounts/login/"
    (tmp_path / f"backup_{ID}.dump").write_bytes(b"no dump at all")
    return tmp_path


def without(settings: Any, *apps: str) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app not in apps]


def without_messages(settings: Any) -> None:
    without(settings, "django.contrib.messages", "django.contrib.admin")
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "messages" not in name]
    templates = copy.deepcopy(settings.TEMPLATES)
    options = templates[0]["OPTIONS"]
    options["context_processors"] = [
        name for name in options["context_processors"] if "messages" not in name
    ]
    settings.TEMPLATES = templates


def look(client: Client) -> str:
    """Every page is shown; the list."""
    run = Run.objects.create(action="create", state="succeeded", started="2026-11-20T10:00:00Z")
    for path in [*PATHS, f"runs/{run.pk}/"]:
        assert client.get(PAGES + path).status_code == 200, path
    assert client.get(PAGES + "backup/none/").status_code == 404
    return client.get(PAGES).content.decode()


def found() -> list[str]:
    messages: list[CheckMessage] = list(check_pages())
    return [str(message.id).removeprefix("trustbackup.") for message in messages]


def test_case_h2_an_admin_site_of_its_own_is_the_shell(operator: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = HOSTS + "own_admin"
    page = look(operator)
    assert "The office" in page
    assert 'href="/office/"' in page
    assert found() == []


@pytest.mark.parametrize("installed", [True, False])
def test_case_h2_without_an_admin_the_pages_have_a_plain_shell(
    operator: Client, settings: Any, installed: bool
) -> None:
    settings.ROOT_URLCONF = HOSTS + "no_admin"
    if not installed:
        without(settings, "django.contrib.admin")
    page = look(operator)
    assert page.count("<h1>Backups</h1>") == 1
    assert "trustbackup/backups.css" in page
    assert "Home" not in page


def test_case_h2_a_missing_template_is_said_by_the_system_check(settings: Any) -> None:
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [], "APP_DIRS": False}]
    assert found() == ["E006"]


@pytest.mark.parametrize(
    ("urls", "login", "leads"),
    [
        ("own_admin", "/accounts/login/", "/office/login/"),
        ("own_admin", "no-such-name", "/office/login/"),
        ("own_admin", "https://sso.example.org/in?x=1", "https://sso.example.org/in"),
        ("catch_all", "/accounts/login/", "/admin/login/"),
        ("catch_all", "/members/", "/members/"),
        ("own_admin", "/office/login", "/office/login"),
        ("own_admin", "office:login", "/office/login/"),
    ],
)
def test_case_h7_who_is_not_signed_in_goes_where_one_can(
    client: Client, settings: Any, urls: str, login: str, leads: str
) -> None:
    settings.ROOT_URLCONF, settings.LOGIN_URL = HOSTS + urls, login
    answer = client.get(PAGES)
    assert answer.status_code == 302
    assert answer.url.partition("?")[0] == leads  # type: ignore[attr-defined]
    assert "next=" in answer.url  # type: ignore[attr-defined]
    assert found() == []


def test_case_h7_where_nobody_can_sign_in_it_is_said(client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = HOSTS + "no_admin"
    answer = client.get(PAGES)
    assert answer.status_code == 403
    assert "LOGIN_URL" in answer.content.decode()
    assert found() == ["W004"]


def test_case_h8_without_messages_a_page_says_it_itself(operator: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = HOSTS + "no_admin"
    without_messages(settings)
    look(operator)
    Destination.objects.create(name="nas", kind="folder", options={"path": "/mnt/nas"})
    page = operator.post(PAGES + "destinations/nas/delete/", follow=True).content.decode()
    assert "Destination nas was removed" in page
    assert "Destination nas was removed" not in operator.get(PAGES).content.decode()
    answer = operator.post(PAGES + "delete/", follow=True)
    assert re.search(r'<p class="tb-active"[^>]*>Nothing was selected', answer.content.decode())


def test_case_h8_rights_that_want_an_object_are_asked_for_with_one(
    client: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = HOSTS + "no_admin"  # Django's own admin asks without
    settings.AUTHENTICATION_BACKENDS = [HOSTS + "strict.StrictBackend"]
    user = strict.StrictUser.objects.create_superuser("strict", password="a password")
    client.force_login(user, HOSTS + "strict.StrictBackend")
    with pytest.raises(TypeError):
        user.has_perm("trustbackup.view_backup")  # type: ignore[call-arg]
    look(client)


def test_case_h8_an_upload_asks_the_sites_own_csrf_middleware(folder: Path, settings: Any) -> None:
    settings.MIDDLEWARE = [
        HOSTS + "strict.OwnCsrfMiddleware" if "csrf" in name else name
        for name in settings.MIDDLEWARE
    ]
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("operator", password="a password"))
    client.cookies["own_csrf"] = "x" * 32
    for token, status in (("x" * 32, 422), ("y" * 32, 403), ("", 403)):
        data = {
            "files": SimpleUploadedFile("odd.bin", b"\xff\x00odd"),
            "complete": "1",
            "csrfmiddlewaretoken": token,
        }
        assert client.post(PAGES + "upload/", data).status_code == status, token


@pytest.mark.parametrize(
    ("middleware", "number"), [("SessionMiddleware", "W002"), ("AuthenticationMiddleware", "W003")]
)
def test_case_h8_what_the_pages_need_is_said_by_the_system_check(
    settings: Any, middleware: str, number: str
) -> None:
    settings.LOGIN_URL = "login"
    assert found() == []
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if middleware not in name]
    assert found() == [number]


def test_a_site_without_these_pages_needs_nothing(settings: Any) -> None:
    settings.ROOT_URLCONF, settings.MIDDLEWARE = "webshop.shop.urls", []
    assert found() == []
