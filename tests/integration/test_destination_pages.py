"""Destinations on the page: forms of each kind, tests without saving, secrets that stay secret."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support import sshd
from tests.support.destination_forms import (
    CANARY,
    LIST,
    PAGES,
    form_of,
    html,
    said,
    saved,
    sftp_form,
)
from trustbackup.destinations.kind import DestinationKind
from trustbackup.destinations.registry import kinds
from trustbackup.models import AuditEvent, Copy, Destination
from trustbackup.operations.offsite.targets import find_destination, open_secrets
from trustbackup.views.destinations.forms import form_class

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]
LEFT_OUT = {"allowed_hosts", "connect_timeout", "read_timeout"}
"""What is the site's own, or what nobody turns."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    (tmp_path / "backups").mkdir()
    return tmp_path


@pytest.fixture
def offsite(settings: Any, folder: Path) -> None:
    """A storage that no visitor sees."""
    options = {"location": str(folder / "offsite")}
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {**settings.STORAGES, "offsite": {"BACKEND": backend, "OPTIONS": options}}


@pytest.mark.parametrize("kind", kinds().values(), ids=lambda kind: kind.name)
def test_a_form_asks_for_each_field_of_its_kind(kind: DestinationKind) -> None:
    known = {item.name for item in fields(kind.configuration)}
    assert set(form_class(kind).base_fields) == (known - LEFT_OUT) | {"name", "automatic"}


@pytest.mark.parametrize(
    ("kind", "data", "address"),
    [
        ("sftp", sftp_form(folder="a b", port=2222), "sftp://backup@127.0.0.1:2222/a%20b"),
        ("folder", {"name": "disk", "path": "/mnt/disk"}, "file:///mnt/disk"),
        ("storage", {"name": "cloud", "alias": "offsite", "folder": "x"}, "storage://offsite/x"),
        (
            "s3",
            {"name": "s3", "bucket": "shop", "access_key": "AK", "secret_key": CANARY},
            "s3://shop",
        ),
    ],
)
def test_each_kind_is_added_listed_changed_and_removed(
    operator: Client, kind: str, data: dict[str, Any], address: str, offsite: None
) -> None:
    name = data["name"]
    assert operator.get(f"{PAGES}add/{kind}/").status_code == 200
    answer = operator.post(f"{PAGES}add/{kind}/", data)
    assert (answer.status_code, answer.url) == (302, PAGES), html(answer)
    row = Destination.objects.get()
    assert row.automatic is ("automatic" in data)
    assert find_destination(name).open().address == address
    page = html(operator.get(PAGES))
    assert address in page
    assert "not used yet" in page
    assert operator.get(f"{PAGES}{name}/").status_code == 200
    changed = {key: value for key, value in data.items() if value != CANARY}
    assert operator.post(f"{PAGES}{name}/", {**changed, "automatic": "on"}).status_code == 302
    row.refresh_from_db()
    assert row.automatic
    assert ("secret_key" in data or "password" in data) is bool(open_secrets(row))
    again = operator.post(f"{PAGES}add/{kind}/", data)
    assert again.status_code == 422
    assert "of this name already" in html(again)
    operator.post(f"{PAGES}{name}/reset/")
    row.refresh_from_db()
    assert (row.options, row.secrets, row.automatic) == ({}, "", False)
    listing = html(operator.get(PAGES))
    assert "not set up" in listing
    assert "file:" not in listing
    assert "://" not in listing.partition("<tbody>")[2], "it is nowhere"
    assert operator.get(f"{PAGES}{name}/").status_code == 200
    assert operator.post(f"{PAGES}{name}/test/").status_code == 200
    operator.post(f"{PAGES}{name}/delete/")
    assert not Destination.objects.exists()
    events = AuditEvent.objects.order_by("at").values_list("actor", "action", "target", "address")
    assert [event for event in events if event[1] != "test destination"] == [
        ("operator", f"{action} destination", name, "127.0.0.1")
        for action in ("add", "change", "reset", "delete")
    ]
    assert CANARY not in str(list(AuditEvent.objects.values()))


def test_an_unsaved_form_is_tested_step_by_step(operator: Client, shared_sshd: sshd.Server) -> None:
    answer = operator.post(f"{PAGES}add/sftp/", form_of(shared_sshd, test_connection="1"))
    assert answer.status_code == 200
    trial = answer.context["result"]
    assert trial.ok, trial.problem
    assert [step.name for step in trial.steps][:4] == ["name", "connection", "host key", "sign-in"]
    assert "copies can go there" in html(answer)
    assert not Destination.objects.exists()
    assert not list((shared_sshd.home / "of-the-page").glob("**/.trustbackup-test*"))


def test_the_buttons_of_such_pages_mean_the_destination_named_sftp(
    operator: Client, shared_sshd: sshd.Server
) -> None:
    form = form_of(shared_sshd)
    del form["name"], form["automatic"]

    def press(button: str, **data: Any) -> str:
        return said(operator.post(LIST, {button: "1", **data}, follow=True))

    assert "enter one first" in press("test_sftp_connection")
    assert "no settings" in press("reset_backup_settings")
    assert "works" in press("test_sftp_connection", **form)
    assert not Destination.objects.exists()
    assert "Port" in press("save_backup_settings", **{**form, "port": ""})
    assert "was saved" in press("save_backup_settings", **form)
    row = Destination.objects.get(name="sftp")
    assert (row.automatic, open_secrets(row)) == (True, {"password": shared_sshd.user.password})
    assert "was saved" in press("save_backup_settings", **{**form, "password": ""})
    assert "works" in press("test_sftp_connection")
    assert "wrong" in press("test_sftp_connection", **{**form, "password": "wrong"})
    assert "no bucket" not in press("save_backup_settings")
    assert "nothing is copied there" in press("reset_backup_settings")
    row.refresh_from_db()
    assert (row.options, row.secrets, row.automatic) == ({}, "", False)
    Destination.objects.update(kind="s3")
    for button in ("test_sftp_connection", "save_backup_settings", "reset_backup_settings"):
        assert "another kind" in press(button, **form)


def test_the_list_shows_where_each_backup_is_in_a_constant_number_of_queries(
    operator: Client, folder: Path
) -> None:
    places = [saved(name=f"nas-{number}") for number in range(3)]
    counts = []
    for count in (2, 15):
        for number in range(count):
            identifier = f"2026-11-{number + 1:02d}_10-00-00"
            (folder / "backups" / f"backup_{identifier}.dump").write_bytes(b"x")
            for place, state in zip(places, ("stored", "failed", "waiting"), strict=True):
                Copy.objects.get_or_create(
                    identifier=identifier,
                    destination=place,
                    defaults={"state": state, "changed": timezone.now(), "bytes": 7},
                )
        operator.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            page = html(operator.get(LIST))
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert page.count("nas-1: failed") == 15
    usage = html(operator.get(PAGES))
    assert "105\xa0bytes" in usage  # 15 of 7 bytes


def test_a_copy_to_a_destination_that_is_gone_is_a_message(operator: Client) -> None:
    for action in ("copy", "verify_copy"):
        for name in ("", "nobody", "x" * 500, "a\x00b"):
            answer = operator.post(
                f"{LIST}act/{action}/",
                {"selected": "2026-11-20_10-00-00", "destination": name},
                follow=True,
            )
            assert "no such destination" in said(answer)
