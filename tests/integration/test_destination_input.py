"""Bad input in a destination's form, and destinations that do not answer: sentences."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support import buckets, sshd
from tests.support.destination_forms import (
    PAGES,
    form_of,
    html,
    saved,
    sftp_form,
)
from trustbackup.models import Destination
from trustbackup.operations.offsite.connection_test import try_saved

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("runs_at_once")]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    (tmp_path / "backups").mkdir()
    return tmp_path


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
        trial = answer.context["result"]
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
    assert answer.context["result"].ok, answer.context["result"].problem
    assert moto_bucket.keys() == []
    answer = operator.post(f"{PAGES}add/s3/", {**form, "bucket": "there-is-none"})
    assert "there-is-none" in answer.context["result"].problem


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


@pytest.mark.parametrize("button", ["save", "test_connection"])
def test_case_t2_the_storage_that_visitors_see_is_refused_as_its_folder_is(
    operator: Client, button: str
) -> None:
    data = {"name": "cloud", "alias": "default", "folder": "x", button: "1"}
    answer = operator.post(f"{PAGES}add/storage/", data)
    assert answer.status_code == 422
    assert "inside MEDIA_ROOT" in html(answer)
    assert not Destination.objects.exists()
    result = try_saved(saved(kind="storage", options={"alias": "default"}, secrets=""))
    assert "inside MEDIA_ROOT" in result.problem


def test_unknown_ones_are_not_found(operator: Client) -> None:
    for path in ("add/ftp/", "nobody/", "add/", "a%20b/"):
        assert operator.get(f"{PAGES}{path}").status_code == 404
    for path in ("nobody/test/", "nobody/reset/", "nobody/delete/"):
        assert operator.post(f"{PAGES}{path}").status_code == 404
