"""The keys on the page: listed, named, tried by what is pasted, and retired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from tests.support.api import robot
from tests.support.encrypted import new_pair, put_encrypted
from tests.support.index import backup_folder
from trustbackup.models import AuditEvent, EncryptionKey, KeyProof, Plan, Run
from trustbackup.store.new_identity import new_identity

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("folder", "runs_at_once"),
]
KEYS = "/settings/backups/keys/"
RIGHTS = ("view_backup", "change_backup", "change_plan")


def browser(*rights: str, name: str = "robot") -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(robot(*rights, name=name))
    return client


def shown(client: Client) -> str:
    return unescape(client.get(KEYS).content.decode()).replace("\xa0", " ")


def said(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_a_key_is_added_proven_by_what_is_pasted_and_retired(folder: Any) -> None:
    client = browser(*RIGHTS)
    office = new_pair()
    secret = office.text.splitlines()[-1]
    assert "There are no keys" in shown(client)
    asked = {"name": "office", "recipient": f" {office.recipient}\r\n"}
    assert "Key office is known." in said(client.post(f"{KEYS}add/", asked, follow=True))
    folder.parent.mkdir()
    made = put_encrypted(backup_folder(folder), 1, [office.recipient])
    ended = client.post(f"{KEYS}prove/", {"identity": office.text}, follow=True)
    assert ended.status_code == 200
    run = Run.objects.get(action="prove key")
    assert (run.state, run.target) == ("succeeded", "office")
    proof = KeyProof.objects.get()
    assert (proof.place, proof.identifier) == ("", made)
    KeyProof.objects.update(at=datetime.now(UTC) - timedelta(days=12))
    page = shown(client)
    assert "here 1 week ago" in page
    assert "1 of them is opened by no other key" in page
    asked_first = said(client.post(f"{KEYS}office/retire/"))
    assert "Keep its identity: 1 backup here is opened by no other key" in asked_first
    assert EncryptionKey.objects.get().retired is None
    client.post(f"{KEYS}office/retire/", {"confirmed": "1"})
    assert EncryptionKey.objects.get().retired is not None
    for text in (
        page,
        said(ended),
        *map(str, Run.objects.values()),
        *map(str, client.session.items()),
    ):
        assert secret not in text
    assert {event.action for event in AuditEvent.objects.all()} >= {"add key", "retire key"}


def test_a_strangers_identity_and_what_is_none_prove_nothing(folder: Any) -> None:
    client = browser(*RIGHTS)
    office, stranger = new_pair(), new_pair()
    folder.parent.mkdir()
    put_encrypted(backup_folder(folder), 1, [office.recipient])
    client.post(f"{KEYS}prove/", {"identity": stranger.text})
    run = Run.objects.get(action="prove key")
    assert run.state == "failed"
    assert "No backup there is encrypted to this key." in str(run.error)
    locked = new_identity("of a test")
    for asked, sentence in (
        ({"identity": ""}, "That is no identity"),
        ({"identity": "no key"}, "That is no identity"),
        ({"identity": "x" * 70_000}, "That is no identity"),
        ({"identity": locked.text}, "protected by a passphrase"),
        ({"identity": locked.text, "passphrase": "another"}, "the passphrase is another one"),
    ):
        assert sentence in said(client.post(f"{KEYS}prove/", asked, follow=True))
    assert Run.objects.count() == 1
    assert KeyProof.objects.count() == 0


def test_who_has_not_the_right_is_neither_shown_the_forms_nor_heard() -> None:
    EncryptionKey.objects.create(
        name="office", recipient="age1x", fingerprint="f", created="2026-01-01T00:00Z"
    )
    client = browser("view_backup")
    page = shown(client)
    assert "office" in page
    assert "Paste an identity" not in page
    assert "Add the key" not in page
    for address in ("add/", "prove/", "office/retire/"):
        assert client.post(KEYS + address, {"confirmed": "1"}).status_code == 403
    assert browser(*RIGHTS, name="other").post(f"{KEYS}nobody/retire/").status_code == 404
    assert Client().get(KEYS).status_code == 302


def test_a_key_in_use_is_not_retired_on_the_page(folder: Any) -> None:
    client = browser(*RIGHTS)
    office = new_pair()
    client.post(f"{KEYS}add/", {"name": "office", "recipient": office.recipient})
    Plan.objects.create(name="nightly", encrypt_to=[office.recipient])
    asked = client.post(f"{KEYS}office/retire/", {"confirmed": "1"}, follow=True)
    assert "these plans encrypt to it: nightly" in said(asked)
    page = shown(client)
    assert "which was never proven to open a backup" in page
