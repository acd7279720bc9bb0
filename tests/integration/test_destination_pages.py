"""Destinations on the page: forms of each kind, tests without saving, secrets that stay secret."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.module_loading import import_string

from tests.support import buckets, sshd
from trustbackup.destinations.settings import CONFIGS
from trustbackup.models import AuditEvent, Copy, Destination
from trustbackup.operations.places import find_place, open_secrets, seal_secrets
from trustbackup.views.destination_forms import FORMS

pytestmark = pytest.mark.django_db
PAGES = "/settings/backups/destinations/"
CANARY = "canary-of-the-tests-7319"
LEFT_OUT = {"allowed_hosts", "connect_timeout", "read_timeout"}
"""What is the site's own, or what nobody turns."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"ROOT": tmp_path / "backups"}
    (tmp_path / "backups").mkdir()
    return tmp_path


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator", password="a password"))
    return client


def sftp_form(**changes: Any) -> dict[str, Any]:
    form = {
        "name": "nas",
        "host": "127.0.0.1",
        "port": "22",
        "user": "backup",
        "password": CANARY,
        "timeout": "20",
        "automatic": "on",
    }
    return {**form, **changes}


def form_of(server: sshd.Server, **changes: Any) -> dict[str, Any]:
    if not server.user.password:
        pytest.skip("sshd checks passwords only where root runs the tests")
    values = {
        "host": server.host,
        "port": server.port,
        "user": server.user.name,
        "password": server.user.password,
        "host_key": server.host_key(),
        "folder": "of-the-page",
    }
    return sftp_form(**{**values, **changes})


def saved(**changes: Any) -> Destination:
    options = {"host": "nas.example.com", "port": 22, "user": "backup"}
    values = {"name": "nas", "kind": "sftp", "options": options}
    sealed = seal_secrets({"password": CANARY})
    return Destination.objects.create(**{**values, "secrets": sealed, **changes})


def everything() -> str:
    """All rows of all tables."""
    rows = (model._default_manager.values_list() for model in apps.get_models())
    return "\n".join(str(list(each)) for each in rows)


def html(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_asks_for_each_field_of_its_kind(kind: str) -> None:
    known = {item.name for item in fields(import_string(CONFIGS[kind]))}
    assert set(FORMS[kind].base_fields) == (known - LEFT_OUT) | {"name", "automatic"}
    assert set(FORMS) == set(CONFIGS)


@pytest.mark.django_db(transaction=True)  # the audit trail is written beside, on its own
@pytest.mark.parametrize(
    ("kind", "data", "address"),
    [
        ("sftp", sftp_form(folder="a b", port=2222), "sftp://backup@127.0.0.1:2222/a%20b"),
        ("folder", {"name": "disk", "path": "/mnt/disk"}, "file:///mnt/disk"),
        ("storage", {"name": "cloud", "alias": "default", "folder": "x"}, "storage://default/x"),
        (
            "s3",
            {"name": "s3", "bucket": "shop", "access_key": "AK", "secret_key": CANARY},
            "s3://shop",
        ),
    ],
)
def test_each_kind_is_added_listed_changed_and_removed(
    operator: Client, kind: str, data: dict[str, Any], address: str
) -> None:
    name = data["name"]
    assert operator.get(f"{PAGES}add/{kind}/").status_code == 200
    answer = operator.post(f"{PAGES}add/{kind}/", data)
    assert (answer.status_code, answer.url) == (302, PAGES), html(answer)
    row = Destination.objects.get()
    assert row.automatic is ("automatic" in data)
    assert find_place(name).open().address == address
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
        ("operator", f"{verb} destination", name, "127.0.0.1")
        for verb in ("add", "change", "reset", "delete")
    ]
    assert CANARY not in str(list(AuditEvent.objects.values()))


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
    seen += [operator.get(admin), operator.get("/admin/trustbackup/destination/")]
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


def test_secrets_that_no_key_opens_are_said_and_not_lost(operator: Client, settings: Any) -> None:
    row = saved()
    settings.SECRET_KEY = "another one, without the former as a fallback"
    operator.force_login(User.objects.get())
    page = operator.get(f"{PAGES}nas/")
    assert "A stored secret can&#x27;t be read" in html(page)
    operator.post(f"{PAGES}nas/", sftp_form(host="nas.example.com", password=""))
    assert Destination.objects.get().secrets == row.secrets
    assert "can&#x27;t be read" in html(operator.post(f"{PAGES}nas/test/"))


def test_an_unsaved_form_is_tested_step_by_step(operator: Client, shared_sshd: sshd.Server) -> None:
    answer = operator.post(f"{PAGES}add/sftp/", form_of(shared_sshd, test_connection="1"))
    assert answer.status_code == 200
    trial = answer.context["trial"]
    assert trial.ok, trial.problem
    assert [step.name for step in trial.steps][:4] == ["name", "connection", "host key", "sign-in"]
    assert "copies can go there" in html(answer)
    assert not Destination.objects.exists()
    assert not list((shared_sshd.home / "of-the-page").glob("**/.trustbackup-test*"))


def test_attack_2_a_host_key_is_pinned_only_when_a_person_confirms_it(
    operator: Client, shared_sshd: sshd.Server
) -> None:
    form = form_of(shared_sshd, host_key="")
    answer = operator.post(f"{PAGES}add/sftp/", {**form, "test_connection": "1"})
    offered = answer.context["trial"].host_key
    assert offered.fingerprint in html(answer)
    assert "This is the right server" in html(answer)
    assert not offered.pinned
    draft = answer.context["draft"]
    blank = {**form, "password": "", "draft": draft}
    answer = operator.post(
        f"{PAGES}add/sftp/", {**blank, "test_connection": "1", "pin": offered.line}
    )
    assert answer.context["trial"].ok
    assert offered.line in html(answer)
    operator.post(f"{PAGES}add/sftp/", {**blank, "draft": answer.context["draft"]})
    assert "host_key" not in Destination.objects.get().options
    pinned = {**blank, "host_key": offered.line, "password": form["password"]}
    operator.post(f"{PAGES}nas/", pinned)
    row = Destination.objects.get()
    assert row.options["host_key"] == offered.line
    assert operator.post(f"{PAGES}nas/test/").context["trial"].ok
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
    assert answer.context["trial"].host_key.fingerprint in shown
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
    assert answer.context["trial"].ok, answer.context["trial"].problem
    operator.post(f"{PAGES}add/sftp/", {**form, "draft": answer.context["draft"]})
    assert "PRIVATE KEY" in open_secrets(Destination.objects.get())["private_key"]
    page = html(operator.get(f"{PAGES}nas/"))
    assert line in page
    assert "PRIVATE KEY" not in page + everything()


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody listens, and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("button", ["save", "test_connection"])
@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("sftp", {"port": ""}, "required"),
        ("sftp", {"port": "0"}, "greater than or equal to 1"),
        ("sftp", {"port": "99999999"}, "less than or equal to 65535"),
        ("sftp", {"port": "ssh"}, "whole number"),
        ("sftp", {"host": ""}, "required"),
        ("sftp", {"host": "http://nas/x"}, "name or the address alone"),
        ("sftp", {"host": "nas\x00"}, "Null characters"),
        ("sftp", {"timeout": "0"}, "greater than or equal to 1"),
        ("sftp", {"host_key": "nonsense"}, "pinned host key can&#x27;t be read"),
        ("sftp", {"private_key": "nonsense"}, "private key"),
        ("sftp", {"private_key": sshd.x25519_key()}, "its type is none of"),
        ("sftp", {"password": "file:/nowhere/at/all"}, "file:/nowhere/at/all"),
        ("sftp", {"name": "../nas"}, "valid “slug”"),
        ("folder", {"path": "relative"}, "beginning with a slash"),
        ("folder", {"path": ""}, "required"),
        ("s3", {"bucket": "a b"}, "no bucket&#x27;s name"),
        ("s3", {"access_key": "AK", "secret_key": ""}, "belong together"),
        ("s3", {"endpoint": "ftp://x"}, "no https:// URL"),
        ("s3", {"endpoint": "https://a:b@x"}, "user or password in it"),
        ("s3", {"lock_mode": "GOVERNANCE"}, "both its mode and its days"),
        ("s3", {"lock_days": "-1"}, "greater than or equal to 0"),
        ("storage", {"alias": "nothing"}, "not one of the available choices"),
        ("storage", {"folder": "../up"}, "only dots"),
    ],
)
def test_bad_input_is_a_sentence_in_the_form(
    operator: Client, kind: str, changes: dict[str, str], said: str, button: str
) -> None:
    usual = {
        "sftp": sftp_form(),
        "folder": {"name": "disk", "path": "/mnt/disk"},
        "s3": {"name": "s3", "bucket": "shop"},
        "storage": {"name": "cloud", "alias": "default"},
    }
    answer = operator.post(f"{PAGES}add/{kind}/", {**usual[kind], **changes, button: "1"})
    assert answer.status_code == 422
    assert said in html(answer)
    assert not Destination.objects.exists()


def test_a_key_with_a_wrong_passphrase_is_a_sentence_in_the_form(
    operator: Client, tmp_path: Path
) -> None:
    sshd.new_key(tmp_path / "key", "ed25519", passphrase="right")
    form = sftp_form(private_key=(tmp_path / "key").read_text(), passphrase="wrong")
    answer = operator.post(f"{PAGES}add/sftp/", form)
    assert answer.status_code == 422
    assert "the passphrase is wrong" in html(answer)
    assert operator.post(f"{PAGES}add/sftp/", {**form, "passphrase": "right"}).status_code == 302


def test_what_does_not_answer_is_a_sentence_within_its_time_limit(
    operator: Client, silent: int, shared_sshd: sshd.Server, folder: Path
) -> None:
    disk = {"name": "disk", "path": str(folder / "absent" / "disk")}
    bucket = {"name": "s3", "bucket": "shop", "access_key": "a", "secret_key": "b"}
    for kind, form, step in [
        ("sftp", sftp_form(host="nas.invalid"), "name"),
        ("sftp", sftp_form(host="169.254.169.254"), "name"),
        ("sftp", sftp_form(port=1), "connection"),
        ("sftp", sftp_form(port=silent, timeout=1), "connection"),
        ("sftp", form_of(shared_sshd, password="wrong"), "sign-in"),
        ("sftp", form_of(shared_sshd, folder="/proc/nothing"), "folder"),
        ("folder", disk, "folder"),
        ("s3", {**bucket, "endpoint": "http://127.0.0.1:1"}, "connection"),
    ]:
        answer = operator.post(f"{PAGES}add/{kind}/", {**form, "test_connection": "1"})
        assert answer.status_code == 200
        trial = answer.context["trial"]
        assert trial.steps[-1].name == step, trial
        assert trial.problem.count(":") >= 1
        assert trial.host_key is None
        assert "copies can go there" not in html(answer)


def test_a_bucket_is_tested_and_a_missing_one_is_told(
    operator: Client, moto_bucket: buckets.Bucket
) -> None:
    server = moto_bucket.server
    form = {
        "name": "s3",
        "bucket": moto_bucket.name,
        "endpoint": server.endpoint,
        "region": server.region,
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "test_connection": "1",
    }
    answer = operator.post(f"{PAGES}add/s3/", form)
    assert answer.context["trial"].ok, answer.context["trial"].problem
    assert moto_bucket.keys() == []
    answer = operator.post(f"{PAGES}add/s3/", {**form, "bucket": "there-is-none"})
    assert "there-is-none" in answer.context["trial"].problem


def test_attack_21_copies_do_not_go_where_visitors_or_backups_are(
    operator: Client, folder: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = str(folder / "media")
    for path, said in [
        ("media/copies", "inside MEDIA_ROOT"),
        ("backups", "in the backup folder itself"),
        ("x/../backups/deeper", "in the backup folder itself"),
    ]:
        answer = operator.post(f"{PAGES}add/folder/", {"name": "d", "path": str(folder / path)})
        assert answer.status_code == 422
        assert said in html(answer)


def test_unknown_ones_are_not_found(operator: Client) -> None:
    for path in ("add/ftp/", "nobody/", "add/", "a%20b/"):
        assert operator.get(f"{PAGES}{path}").status_code == 404
    for path in ("nobody/test/", "nobody/reset/", "nobody/delete/"):
        assert operator.post(f"{PAGES}{path}").status_code == 404


LIST = "/settings/backups/"


def said(answer: Any) -> str:
    assert answer.redirect_chain == [(LIST, 302)]
    return " ".join(str(message) for message in answer.context["messages"])


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
