from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEBUG = True
    monkeypatch.delenv("DEMO_ADMIN_PASSWORD", raising=False)


def create() -> str:
    """Runs the command and returns the password that it prints."""
    output = io.StringIO()
    call_command("create_demo_admin", stdout=output)
    [line] = output.getvalue().splitlines()
    start = "Admin: name admin, password "
    assert line.startswith(start)
    return line.removeprefix(start)


def test_the_printed_password_opens_the_admin(client: Client) -> None:
    assert client.login(username="admin", password=create())
    assert client.get("/admin/").status_code == 200


def test_a_password_is_random() -> None:
    assert create() != create()


def test_an_admin_that_exists_gets_a_new_password() -> None:
    create()
    User.objects.update(is_active=False, is_superuser=False)
    password = create()
    user = User.objects.get()
    assert user.check_password(password)
    assert user.is_active
    assert user.is_superuser


def test_the_password_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_ADMIN_PASSWORD", "my own words")
    assert create() == "my own words"


def test_it_refuses_when_debug_is_off(settings: Settings) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG is off"):
        create()
    assert not User.objects.exists()
