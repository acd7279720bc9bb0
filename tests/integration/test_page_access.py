"""Attacks 22 and 23: every URL of the page, by every method, for every role."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from trustbackup.models import Destination, Plan, Route, Run
from trustbackup.views.destinations.sftp_shortcuts import BUTTONS

pytestmark = pytest.mark.django_db

NAME = "backup_2026-11-20_10-00-00.dump"
ID = "2026-11-20_10-00-00"
RUN = uuid.UUID(int=7)
PAGES = {
    "manage": ([], "GET"),
    "detail": ([ID], "GET"),
    "activity": ([], "GET"),
    "run": ([RUN], "GET"),
    "progress": ([RUN], "GET"),
    "download": ([NAME], "GET"),
    "restore": ([ID], "GET POST"),
    "upload": ([], "GET POST"),
    "bundle": (["zip"], "POST"),
    "delete": ([], "POST"),
    "act": (["keep"], "POST"),
    "cancel": ([RUN], "POST"),
    "sign_in": ([], "POST"),
    "undo": ([], "POST"),
    "destinations": ([], "GET"),
    "add_destination": (["sftp"], "GET POST"),
    "destination": (["disk"], "GET POST"),
    "test_destination": (["disk"], "POST"),
    "reset_destination": (["disk"], "POST"),
    "delete_destination": (["disk"], "POST"),
    "plans": ([], "GET"),
    "retention": ([], "GET"),
    "accept_plan": ([], "POST"),
    "plan": (["nightly"], "GET"),
    "add_plan": ([], "GET POST"),
    "change_plan": (["nightly"], "GET POST"),
    "switch_plan": (["nightly"], "POST"),
    "run_plan": (["nightly"], "POST"),
    "delete_plan": (["nightly"], "POST"),
    "notifications": ([], "GET"),
    "add_notification": (["email"], "GET POST"),
    "notification": (["ops"], "GET"),
    "change_notification": (["ops"], "GET POST"),
    "test_notification": (["ops"], "POST"),
    "switch_notification": (["ops"], "POST"),
    "delete_notification": (["ops"], "POST"),
    "tokens": ([], "GET"),
    "add_token": ([], "GET POST"),
    "revoke_token": (["deploy"], "POST"),
}
"""Each page: its arguments and its methods."""
RIGHTS = ["view", "add", "change", "delete", "download", "restore", "destination", "plan"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    (tmp_path / NAME).write_bytes(b"no dump at all")
    Run.objects.create(id=RUN, action="create", state="succeeded", started="2026-11-20T10:00:00Z")
    Destination.objects.create(name="disk", kind="folder", options={"path": "/none/of/it"})
    Plan.objects.create(name="nightly", schedule="30 4 * * *")
    addresses = {"addresses": ["ops@shop.example"]}
    Route.objects.create(name="ops", channel="email", events=["failure"], options=addresses)
    return tmp_path


def user(*rights: str) -> User:
    found = User.objects.create_user("somebody", password="a password of a test")
    names = [
        f"change_{right}" if right in ("destination", "plan") else f"{right}_backup"
        for right in rights
    ]
    found.user_permissions.set(Permission.objects.filter(codename__in=names))
    return found


def ask(client: Client, page: str, method: str, **data: Any) -> Any:
    arguments, _methods = PAGES[page]
    return getattr(client, method.lower())(reverse(f"trustbackup:{page}", args=arguments), data)


@pytest.mark.parametrize("page", PAGES)
def test_attack_22_who_is_not_signed_in_is_sent_to_the_login(client: Client, page: str) -> None:
    for method in ("GET", "POST"):
        response = ask(client, page, method)
        assert response.status_code == 302
        assert response.url.startswith("/login/?next=")


@pytest.mark.parametrize(
    "page", [page for page, (_, methods) in PAGES.items() if methods == "POST"]
)
def test_attack_23_what_changes_something_is_post_and_wants_its_token(page: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user(*RIGHTS))
    assert ask(client, page, "GET").status_code == 405
    assert ask(client, page, "POST").status_code == 403


def test_attack_23_the_buttons_of_the_list_want_their_token(folder: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user(*RIGHTS))
    assert client.post(reverse("trustbackup:manage"), {"create_backup": "1"}).status_code == 403
    assert Run.objects.count() == 1


def test_attack_22_two_buttons_at_once_take_the_right_to_back_up(client: Client) -> None:
    client.force_login(user("view", "destination"))
    for button in BUTTONS:
        answer = client.post(reverse("trustbackup:manage"), {button: "1"})
        assert (answer.status_code, answer.url) == (302, reverse("trustbackup:manage"))
        both = {button: "1", "create_backup": "1"}
        assert client.post(reverse("trustbackup:manage"), both).status_code == 403


def test_who_may_only_look_starts_nothing(client: Client) -> None:
    client.force_login(user("view"))
    assert client.post(reverse("trustbackup:manage"), {"create_backup": "1"}).status_code == 403
    html = client.get(reverse("trustbackup:manage")).content.decode()
    for word in ("create_backup", "/delete/", "/bundle/", "/act/", "/download/"):
        assert word not in html


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "..",
        "/etc/passwd",
        "backup_2026-11-20_10-00-00.dump\x00.gz",
        "backup_2026-11-20_10-00-00.dump\n",
        "backup_2026-11-20_10-00-01.dump",
        "x" * 5000,
        ".drafts",
        "<script>alert(1)</script>",
    ],
)
def test_odd_names_are_not_found_and_never_a_500(client: Client, folder: Path, name: str) -> None:
    (folder.parent / "secret").write_text("secret")
    client.force_login(user(*RIGHTS))
    from urllib.parse import quote

    for page in ("download", "backup"):
        response = client.get(f"/settings/backups/{page}/{quote(name, safe='')}/")
        assert response.status_code == 404
    for page in ("bundle/zip", "act/keep", "delete"):
        response = client.post(f"/settings/backups/{page}/", {"selected": [name], "confirmed": "1"})
        assert response.status_code in (200, 302), page
        assert b"secret" not in response.content
    assert (folder.parent / "secret").exists()


def test_a_link_in_the_folder_is_not_followed(client: Client, folder: Path) -> None:
    (folder.parent / "secret").write_text("secret")
    (folder / "backup_2026-11-20_11-00-00.dump").symlink_to(folder.parent / "secret")
    client.force_login(user(*RIGHTS))
    address = "/settings/backups/download/backup_2026-11-20_11-00-00.dump/"
    assert client.get(address).status_code == 404


def test_an_unknown_archive_format_is_not_found(client: Client) -> None:
    client.force_login(user(*RIGHTS))
    for name in ("rar", "ZIP", "tar", "zip%0a"):
        assert (
            client.post(f"/settings/backups/bundle/{name}/", {"selected": [ID]}).status_code == 404
        )


@pytest.mark.parametrize("page", ["bundle/zip", "bundle/tar.gz", "delete", "act/keep", "act/drill"])
def test_an_empty_selection_is_a_message(client: Client, page: str) -> None:
    client.force_login(user(*RIGHTS))
    response = client.post(f"/settings/backups/{page}/", follow=True)
    assert response.redirect_chain[-1][0] == reverse("trustbackup:manage")
    assert "Nothing was selected" in response.content.decode()


@pytest.mark.parametrize(("count", "status"), [(900, 200), (10_000, 400)])
@pytest.mark.parametrize("page", ["bundle/zip", "delete", "act/keep"])
def test_ten_thousand_names_are_no_500(client: Client, page: str, count: int, status: int) -> None:
    """Django refuses more fields than DATA_UPLOAD_MAX_NUMBER_FIELDS, which are 1,000."""
    client.force_login(user(*RIGHTS))
    selected = [f"2026-11-20_10-00-00_{number}" for number in range(2, count + 2)]
    response = client.post(f"/settings/backups/{page}/", {"selected": selected}, follow=True)
    assert response.status_code == status


def test_only_a_type_that_can_be_made_is_begun(client: Client) -> None:
    client.force_login(user(*RIGHTS))
    before = Run.objects.count()
    for kind in ("everything", "x' OR 1=1"):
        data = {"create_backup": "1", "type": kind}
        answer = client.post(reverse("trustbackup:manage"), data, follow=True)
        assert "Select a valid choice" in answer.content.decode()
    assert Run.objects.count() == before


def test_who_may_back_up_can_not_stop_a_restore(client: Client) -> None:
    Run.objects.filter(pk=RUN).update(action="restore", state="running")
    client.force_login(user(*(right for right in RIGHTS if right != "restore")))
    assert ask(client, "cancel", "POST").status_code == 403
    assert not Run.objects.get(pk=RUN).cancel


@pytest.mark.parametrize("page", ["manage", "detail", "restore", "download"])
def test_a_folder_that_can_not_be_read_is_a_sentence_and_no_500(
    client: Client, settings: Any, folder: Path, page: str
) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder / NAME}  # a file
    client.force_login(user(*RIGHTS))
    response = ask(client, page, "GET")
    assert response.status_code in (404, 409)
    assert page == "download" or "folder" in response.content.decode()


def test_attack_24_a_restore_takes_the_typed_name_and_the_password(
    client: Client, settings: Any
) -> None:
    client.force_login(user(*RIGHTS))
    address = reverse("trustbackup:restore", args=[ID])
    for data in ({}, {"typed": "wrong", "password": "a password of a test"}):
        assert client.post(address, data).status_code in (200, 422)
    assert not Run.objects.filter(action="restore").exists()
