"""A backup goes along with an email if it is encrypted and small enough, and never otherwise."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.support.backups import make, more_settings, verify
from tests.support.keys import Key, new_key, opened
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.sites import SECRET_KEY, Site
from trustbackup.events import Event, EventKind
from trustbackup.exceptions import TrustbackupError
from trustbackup.notifications import attachments
from trustbackup.notifications.channel import Limits
from trustbackup.notifications.channels.email import MOST_ATTACHED, Email
from trustbackup.notifications.routes import read_route
from trustbackup.phrases import gettext as _

CANARY = "the-canary-that-no-mail-may-hold"
ROUTE = {
    "CHANNEL": "email",
    "ADDRESSES": ["ops@shop.example"],
    "EVENTS": ["success", "partial", "failure"],
    "ATTACH_LIMIT": 5_000_000,
}


def tell_by_mail(site: Site, mailbox: Mailbox) -> None:
    lines = [f"{name} = {value!r}" for name, value in mailbox.settings().items()]
    lines.append(f"TRUSTBACKUP = {{**TRUSTBACKUP, 'NOTIFICATIONS': {{'mail': {ROUTE!r}}}}}")
    more_settings(site, "\n".join(lines))
    site.query(f"UPDATE shop_product SET name = '{CANARY}' WHERE product_id = 1")


def files_in(message: EmailMessage) -> dict[str, bytes]:
    found = {}
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[str(part.get_filename())] = content
    return found


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.fixture
def encrypted(sqlite_site: Site, tmp_path: Path, settings: Any) -> dict[str, Any]:
    """An encrypted backup of a site whose folder and key this process uses."""
    made = make(sqlite_site, "--encrypt-to", new_key(tmp_path).recipient)
    settings.SECRET_KEY = SECRET_KEY
    settings.TRUSTBACKUP = {"BACKUP_DIR": sqlite_site.backups}
    return made


def made_event(identifier: str, **detail: Any) -> Event:
    given = {"action": "create", **detail}
    return Event(
        kind=EventKind.SUCCESS, sentence=_("Made."), key="run:1", subject=identifier, detail=given
    )


def test_an_encrypted_backup_is_in_the_mailbox_and_a_plain_one_never(
    sqlite_site: Site, tmp_path: Path
) -> None:
    key: Key = new_key(tmp_path)
    with running_mailbox() as mailbox:
        tell_by_mail(sqlite_site, mailbox)
        made = make(sqlite_site, "--encrypt-to", key.recipient)
        make(sqlite_site)
        secret, plain = mailbox.messages
    on_disk = [Path(made["manifest"]), *(Path(file["path"]) for file in made["files"])]
    found = files_in(secret)
    assert found == {path.name: path.read_bytes() for path in on_disk}
    size = sum(map(len, found.values()))
    assert f"The encrypted backup is attached ({size:,} bytes)." in text_of(secret)
    arrived = tmp_path / "arrived"
    arrived.mkdir()
    for name, content in found.items():
        (arrived / name).write_bytes(content)
    (data,) = arrived.glob("*.age")
    assert CANARY.encode() in gzip.decompress(opened(key, data))
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'NOTIFICATIONS': {}}")
    sqlite_site.manage("delete_backup", made["id"], "--yes")
    for path in arrived.iterdir():
        path.replace(sqlite_site.backups / path.name)
    assert verify(sqlite_site, made["id"])["ok"]
    assert not files_in(plain)
    assert "The backup is not attached: it is not encrypted." in text_of(plain)
    for message in (secret, plain):
        assert CANARY not in message.as_string()


def test_a_mail_server_that_takes_no_such_size_gets_the_message_without_it(
    sqlite_site: Site, tmp_path: Path
) -> None:
    with running_mailbox(largest=20_000) as mailbox:
        tell_by_mail(sqlite_site, mailbox)
        make(sqlite_site, "--encrypt-to", new_key(tmp_path).recipient)
        (message,) = mailbox.messages
    assert not files_in(message)
    assert "the mail server takes no message that is so large" in text_of(message)


def test_the_limit_counts_every_file_and_is_kept_to_the_byte(encrypted: dict[str, Any]) -> None:
    size = Path(encrypted["manifest"]).stat().st_size + encrypted["files"][0]["bytes"]
    event = made_event(encrypted["id"])
    assert len(attachments.attached_to(event, size).files) == 2
    without = attachments.attached_to(event, size - 1)
    assert not without.files
    assert f"it has {size:,} bytes, more than {size - 1:,}" in without.sentence


def test_only_what_a_run_has_just_made_goes_along(encrypted: dict[str, Any]) -> None:
    for event in (
        made_event(encrypted["id"], action="drill"),
        made_event(encrypted["id"], outcome={"unchanged": True}),
        made_event(""),
    ):
        assert attachments.attached_to(event, MOST_ATTACHED) == attachments.NOTHING
    assert attachments.attached_to(made_event(encrypted["id"]), 0) == attachments.NOTHING
    gone = attachments.attached_to(made_event("2020-01-01_00-00-00"), MOST_ATTACHED)
    assert not gone.files
    assert "There is no backup" in gone.sentence


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: gzip.compress(CANARY.encode()).ljust(len(data), b"\0"),
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    ],
    ids=["plain bytes under an encrypted name", "one bit"],
)
def test_a_file_that_is_not_the_encrypted_one_does_not_go_along(
    encrypted: dict[str, Any], spoil: Callable[[bytes], bytes]
) -> None:
    path = Path(encrypted["files"][0]["path"])
    path.write_bytes(spoil(path.read_bytes()))
    found = attachments.attached_to(made_event(encrypted["id"]), MOST_ATTACHED)
    assert not found.files
    assert "is not what its manifest says" in found.sentence


@pytest.mark.parametrize("value", [-1, True, "5 MB", 1.5, MOST_ATTACHED + 1])
def test_a_limit_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(TrustbackupError, match=r"attach_limit|more than mail servers take"):
        Email.configure({"admins": True, "attach_limit": value}, {}, Limits())


def test_who_never_hears_of_success_is_attached_nothing_and_the_settings_say_so() -> None:
    with pytest.raises((TrustbackupError, ImproperlyConfigured), match="does not hear of success"):
        read_route("mail", {**ROUTE, "EVENTS": ["failure"]})
