"""Attacks 1, 2 and 5 to 7 in a destination's form: secrets go in only, keys are confirmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from tests.support import sshd
from tests.support.destination_forms import (
    CANARY,
    PAGES,
    form_of,
    html,
    saved,
    sftp_form,
)
from trustbackup.models import Destination
from trustbackup.operations.offsite.connection_test import try_destination
from trustbackup.operations.offsite.targets import open_secrets

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    (tmp_path / "backups").mkdir()
    return tmp_path


def everything() -> str:
    """All rows of all tables."""
    rows = (model._default_manager.values_list() for model in apps.get_models())
    return "\n".join(str(list(each)) for each in rows)


def test_attack_7_a_secret_is_never_sent_back_and_blank_keeps_it(operator: Client) -> None:
    row = saved()
    pages = [operator.get(f"{PAGES}nas/")]
    form = sftp_form(host="nas.example.com", password="")
    pages.append(operator.post(f"{PAGES}nas/", {**form, "port": ""}))  # refused
    pages.append(operator.post(f"{PAGES}nas/", {**form, "user": "other"}, follow=True))
    row.refresh_from_db()
    assert row.options["user"] == "other"
    assert open_secrets(row) == {"password": CANARY}
    typed = {"password": f"{CANARY}-new", "private_key": CANARY, "passphrase": CANARY}
    pages.append(operator.post(f"{PAGES}nas/", {**form, **typed, "port": "0"}))
    pages.append(operator.post(f"{PAGES}nas/", {**form, **typed, "make_key_pair": "1"}))
    assert open_secrets(Destination.objects.get()) == {"password": CANARY}
    for page in pages:
        assert CANARY not in html(page)
        assert row.secrets not in html(page)
    operator.post(f"{PAGES}nas/", {**form, "clear_password": "on"})
    assert Destination.objects.get().secrets == ""


def test_attack_7_another_server_does_not_get_the_stored_password(operator: Client) -> None:
    saved()
    form = sftp_form(host="127.0.0.1", password="")
    for button in ("save", "test_connection"):
        answer = operator.post(f"{PAGES}nas/", {**form, button: "1"})
        assert answer.status_code == 422
        assert "This is another server" in html(answer)


@pytest.mark.parametrize("kind", ["sftp", "s3"])
def test_attacks_5_and_6_a_secret_is_nowhere_but_as_ciphertext(
    operator: Client, kind: str, folder: Path
) -> None:
    data = sftp_form(port=1, private_key="", passphrase=CANARY)
    if kind == "s3":
        data = {"name": "nas", "bucket": "shop", "endpoint": "http://127.0.0.1:1"}
        data |= {"access_key": "AK", "secret_key": CANARY, "session_token": CANARY}
    seen = [operator.post(f"{PAGES}add/{kind}/", {**data, "test_connection": "1"})]
    assert CANARY not in everything()  # nor in the session
    draft = seen[0].context["draft"]
    blank = {key: "" if value == CANARY else value for key, value in data.items()}
    seen.append(operator.post(f"{PAGES}add/{kind}/", {**blank, "draft": draft}, follow=True))
    stored = open_secrets(Destination.objects.get())
    assert set(stored.values()) == {CANARY}
    seen.append(operator.post(f"{PAGES}nas/test/"))
    paths = ["destinations/", "destinations/nas/", "runs/", ""]
    seen += [operator.get(f"/settings/backups/{path}") for path in paths]
    row = Destination.objects.get()
    admin = f"/admin/trustbackup/destination/{row.pk}/change/"
    seen += [operator.get(admin, follow=True), operator.get("/admin/trustbackup/destination/")]
    for page in seen:
        assert page.status_code == 200
        assert CANARY not in html(page)
        assert row.secrets not in html(page)
    assert CANARY not in everything()
    assert row.secrets


def test_a_typed_secret_is_kept_for_its_own_form_only(operator: Client) -> None:
    data = sftp_form(port=1, test_connection="1")
    draft = operator.post(f"{PAGES}add/sftp/", data).context["draft"]
    saved(name="other", secrets="")
    blank = sftp_form(password="", name="x", host="127.0.0.1")
    operator.post(f"{PAGES}other/", {**blank, "draft": draft})
    assert Destination.objects.get(name="other").secrets == ""
    operator.get(f"{PAGES}add/sftp/")  # begins anew
    operator.post(f"{PAGES}add/sftp/", {**blank, "draft": draft})
    assert Destination.objects.get(name="x").secrets == ""


def test_a_secret_may_be_kept_elsewhere(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = operator.post(f"{PAGES}add/sftp/", sftp_form(password="env:OF_THE_TESTS"))
    assert answer.status_code == 422
    assert "env:OF_THE_TESTS" in html(answer)
    monkeypatch.setenv("OF_THE_TESTS", CANARY)
    operator.post(f"{PAGES}add/sftp/", sftp_form(password="env:OF_THE_TESTS"))
    assert open_secrets(Destination.objects.get()) == {"password": "env:OF_THE_TESTS"}


def test_attack_7_no_server_gets_the_sites_own_secret_key(
    operator: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """A session that was taken over knows where it is, and a server that writes down passwords."""
    monkeypatch.setenv("OF_THE_SITE", settings.SECRET_KEY)
    reached: list[str] = []
    monkeypatch.setattr("socket.socket.connect", lambda *_: reached.append("a server"))
    result = try_destination(
        "sftp",
        {"host": "127.0.0.1", "port": 22, "user": "backup"},
        {"password": "env:OF_THE_SITE"},
    )
    assert not result.ok
    assert "its secret is one of the site's own secret keys" in result.problem
    assert not reached


def test_secrets_that_no_key_opens_are_said_and_not_lost(operator: Client, settings: Any) -> None:
    row = saved()
    settings.SECRET_KEY = "another one, without the former as a fallback"
    operator.force_login(User.objects.get())
    page = operator.get(f"{PAGES}nas/")
    assert "A stored secret can&#x27;t be read" in html(page)
    operator.post(f"{PAGES}nas/", sftp_form(host="nas.example.com", password=""))
    assert Destination.objects.get().secrets == row.secrets
    assert "can&#x27;t be read" in html(operator.post(f"{PAGES}nas/test/"))


def test_attack_2_a_host_key_is_pinned_only_when_a_person_confirms_it(
    operator: Client, shared_sshd: sshd.Server
) -> None:
    form = form_of(shared_sshd, host_key="")
    answer = operator.post(f"{PAGES}add/sftp/", {**form, "test_connection": "1"})
    offered = answer.context["result"].host_key
    assert offered.fingerprint in html(answer)
    assert "This is the right server" in html(answer)
    assert not offered.pinned
    draft = answer.context["draft"]
    blank = {**form, "password": "", "draft": draft}
    answer = operator.post(
        f"{PAGES}add/sftp/", {**blank, "test_connection": "1", "pin": offered.line}
    )
    assert answer.context["result"].ok
    assert offered.line in html(answer)
    operator.post(f"{PAGES}add/sftp/", {**blank, "draft": answer.context["draft"]})
    assert "host_key" not in Destination.objects.get().options
    pinned = {**blank, "host_key": offered.line, "password": form["password"]}
    operator.post(f"{PAGES}nas/", pinned)
    row = Destination.objects.get()
    assert row.options["host_key"] == offered.line
    assert operator.post(f"{PAGES}nas/test/").context["result"].ok
    row.refresh_from_db()
    assert row.succeeded_at is not None
    assert row.free_bytes


def test_attack_1_a_changed_host_key_is_said_with_both_fingerprints(
    operator: Client, shared_sshd: sshd.Server, tmp_path: Path
) -> None:
    sshd.new_key(tmp_path / "other", "ed25519")
    line = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    answer = operator.post(
        f"{PAGES}add/sftp/", form_of(shared_sshd, host_key=line, test_connection="1")
    )
    shown = html(answer)
    assert sshd.fingerprint_of(tmp_path / "other.pub") in shown
    assert answer.context["result"].host_key.fingerprint in shown
    assert "This is not the server that was confirmed" in shown


def test_a_key_pair_is_made_sealed_at_once_and_used(
    operator: Client, shared_sshd: sshd.Server
) -> None:
    form = form_of(shared_sshd, password="", passphrase="of a former key")
    answer = operator.post(f"{PAGES}add/sftp/", {**form, "make_key_pair": "1"})
    line = answer.context["public_line"]
    assert line.startswith("ssh-ed25519 ")
    assert line in html(answer)
    assert "PRIVATE KEY" not in html(answer) + everything()
    shared_sshd.authorize(line)
    form = {**form, "passphrase": "", "draft": answer.context["draft"]}
    answer = operator.post(f"{PAGES}add/sftp/", {**form, "test_connection": "1"})
    assert answer.context["result"].ok, answer.context["result"].problem
    operator.post(f"{PAGES}add/sftp/", {**form, "draft": answer.context["draft"]})
    assert "PRIVATE KEY" in open_secrets(Destination.objects.get())["private_key"]
    page = html(operator.get(f"{PAGES}nas/"))
    assert line in page
    assert "PRIVATE KEY" not in page + everything()
