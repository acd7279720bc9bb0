"""Brothers of the cases H2, H7 and H8: settings that other sites have, and the pages with them."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import set_script_prefix

from tests.integration.test_hosts import HOSTS, ID, PAGES, folder, found, look, without
from tests.support.hosts import numbered_users, plain_users
from trustbackup.models import Run
from trustbackup.operations.context import Context

pytestmark = pytest.mark.django_db
site = folder
"""Its backups are in a folder of the test's own, and its pages in no shell of the web shop's."""

JINJA = {"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": True, "DIRS": []}
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


def without_processors(settings: Any) -> None:
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["OPTIONS"]["context_processors"] = []
    settings.TEMPLATES = templates


@pytest.mark.parametrize(
    "values",
    [
        {"USE_I18N": False},
        {"APPEND_SLASH": False},
        {"STATIC_URL": None, "INSTALLED_APPS": "without staticfiles"},
        {"SESSION_SERIALIZER": "django.contrib.sessions.serializers.JSONSerializer"},
        {"MESSAGE_STORAGE": "django.contrib.messages.storage.cookie.CookieStorage"},
        {"CSRF_USE_SESSIONS": True},
        {"LANGUAGE_CODE": "ar"},
        {"USE_THOUSAND_SEPARATOR": True, "LANGUAGE_CODE": "de"},
        {"SECURE_CONTENT_TYPE_NOSNIFF": True, "X_FRAME_OPTIONS": "DENY"},
        {"DEFAULT_AUTO_FIELD": "django.db.models.AutoField"},
    ],
    ids=lambda values: " ".join(values),
)
@pytest.mark.parametrize("urls", ["own_admin", "no_admin"])
def test_every_page_is_shown_whatever_the_site_sets(
    operator: Client, settings: Any, values: dict[str, Any], urls: str
) -> None:
    settings.ROOT_URLCONF = HOSTS + urls
    for name, value in values.items():
        if name == "INSTALLED_APPS":
            without(settings, "django.contrib.staticfiles")
        else:
            setattr(settings, name, value)
    if urls == "own_admin" and values.get("STATIC_URL", "") is None:
        settings.STATIC_URL = "static/"  # the admin itself needs one
    look(operator)


def test_sessions_may_be_in_cookies_alone(operator: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = HOSTS + "own_admin"
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    client = Client()
    client.force_login(User.objects.get(username="operator"))
    look(client)


def test_without_context_processors_the_plain_shell_is_shown(
    operator: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = HOSTS + "no_admin"
    without(settings, "django.contrib.admin")
    without_processors(settings)
    page = look(operator)
    assert "csrfmiddlewaretoken" in page


@pytest.mark.parametrize("first", [True, False])
def test_jinja_beside_djangos_templates_is_not_in_the_way(
    operator: Client, settings: Any, first: bool
) -> None:
    pytest.importorskip("jinja2")
    settings.ROOT_URLCONF = HOSTS + "own_admin"
    django = settings.TEMPLATES[0]
    settings.TEMPLATES = [JINJA, django] if first else [django, JINJA]
    look(operator)


def test_case_h8_files_that_collectstatic_has_not_seen_yet_cost_the_looks_and_no_page(
    operator: Client, settings: Any, tmp_path: Path
) -> None:
    settings.ROOT_URLCONF = HOSTS + "no_admin"
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": MANIFEST}}
    settings.STATIC_URL = "/assets/"
    page = look(operator)
    assert 'href="/assets/trustbackup/backups.css"' in page


def test_case_h7_a_login_required_middleware_sends_nobody_to_an_address_that_leads_nowhere(
    client: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = HOSTS + "own_admin"
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    run = Run.objects.create(action="create", state="running", started="2026-11-20T10:00:00Z")
    for path in ("", "runs/", "upload/", "destinations/", f"runs/{run.pk}/progress/"):
        answer = client.get(PAGES + path)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (
            302,
            "/office/login/",
        ), path
    for path in ("delete/", "act/verify/", "undo/", "sign-in/"):
        assert client.post(PAGES + path).status_code == 302, path


def test_case_h8_users_without_permissions_are_told_that_they_have_none(
    client: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = HOSTS + "no_admin"
    backend = HOSTS + "plain_users.PlainBackend"
    settings.AUTHENTICATION_BACKENDS = [backend]
    user = plain_users.PlainUser.objects.create_superuser("plain", password="a password")
    client.force_login(user, backend)
    without_processors(settings)
    answer = client.get(PAGES)
    assert answer.status_code == 403
    assert "Your account may not do this" in answer.content.decode()


def test_addresses_may_begin_with_a_language(operator: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = HOSTS + "translated"
    for language, word in (("en", "Backups"), ("de", "Sicherungen"), ("tr", "Yedek")):
        answer = operator.get(f"/{language}{PAGES}")
        assert answer.status_code == 200
        assert word in answer.content.decode()
        assert f"/{language}{PAGES}runs/" in answer.content.decode()
    stranger = Client().get(f"/de{PAGES}")
    assert stranger.headers["Location"].startswith("/de/admin/login/")
    assert found() == []


def test_a_script_name_stands_before_every_address(client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = HOSTS + "own_admin"
    set_script_prefix("/shop/")  # as Django's handlers do with FORCE_SCRIPT_NAME
    try:
        answer = client.get(PAGES)
    finally:
        set_script_prefix("/")
    assert answer.headers["Location"].startswith("/shop/office/login/")


def test_a_policy_of_djangos_own_stops_nothing_of_ours(operator: Client, settings: Any) -> None:
    page = look(operator)
    assert "<script>" not in page
    assert "style=" not in page
    assert " onclick" not in page


def test_case_h8_users_may_be_known_by_a_number(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trustbackup.runs.queue.enqueue", lambda *_arguments: None)
    settings.ROOT_URLCONF = HOSTS + "no_admin"
    backend = HOSTS + "numbered_users.NumberedBackend"
    settings.AUTHENTICATION_BACKENDS = [backend]
    user = numbered_users.NumberedUser.objects.create_superuser("x", password="a password")
    client.force_login(user, backend)
    look(client)
    client.post(PAGES + "act/verify/", {"selected": ID})
    assert Run.objects.get(action="verify").actor == str(user.pk)


def test_every_page_is_shown_where_a_site_is_only_there_by_https(
    operator: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = HOSTS + "own_admin"
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = True
    settings.CSRF_COOKIE_SECURE = True
    assert operator.get(PAGES).headers["Location"] == f"https://testserver{PAGES}"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    operator.defaults["HTTP_X_FORWARDED_PROTO"] = "https"
    assert 'href="http://' not in look(operator)


@pytest.mark.parametrize("command", ["list_backups", "create_backup", "verify_backup"])
def test_a_command_in_a_coroutine_is_refused_in_a_sentence(folder: Path, command: str) -> None:
    async def call() -> None:
        call_command(command, *(["latest"] if command == "verify_backup" else []))

    with pytest.raises(CommandError, match=r"coroutine: .* sync_to_async"):
        asyncio.run(call())
    assert Context.current()
