"""Destinations as URLs, there and back; and what a URL may not hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.sites import CHECKOUT
from trustbackup.destinations.address import destination_at, is_address, parse
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.folder.config import FolderConfig
from trustbackup.destinations.registry import kind_named
from trustbackup.destinations.s3.config import URL_OPTIONS, S3Config
from trustbackup.destinations.sftp.config import SFTP_KEY_FILE, SFTP_VARIABLES, SftpConfig
from trustbackup.destinations.storage.config import StorageConfig
from trustbackup.exceptions import UsageError
from trustbackup.vault import SecretError

SECRET = "c4n4ry"


@pytest.mark.parametrize(
    ("address", "kind", "config"),
    [
        ("sftp://shop@nas", "sftp", SftpConfig(host="nas", user="shop")),
        (
            "sftp://shop@nas:2222/a%20b/c",
            "sftp",
            SftpConfig(host="nas", user="shop", port=2222, folder="a b/c"),
        ),
        ("sftp://a%40b@[::1]//srv", "sftp", SftpConfig(host="::1", user="a@b", folder="/srv")),
        ("s3://copies", "s3", S3Config(bucket="copies")),
        (
            "s3://Copies.a/b/c%27d?endpoint=https%3A%2F%2Fs3.example%3A9000&region=eu-1",
            "s3",
            S3Config(
                bucket="Copies.a",
                prefix="b/c'd",
                endpoint="https://s3.example:9000",
                region="eu-1",
            ),
        ),
        (
            (
                "s3://copies?storage_class=STANDARD_IA&encryption=aws%3Akms&kms_key=k"
                "&lock_mode=GOVERNANCE&lock_days=30&addressing_style=path"
            ),
            "s3",
            S3Config(
                bucket="copies",
                storage_class="STANDARD_IA",
                encryption="aws:kms",
                kms_key="k",
                lock_mode="GOVERNANCE",
                lock_days=30,
                addressing_style="path",
            ),
        ),
        ("file:///mnt/a%20b", "folder", FolderConfig(Path("/mnt/a b"))),
        ("storage://off_site", "storage", StorageConfig(alias="off_site")),
        ("storage://cloud/a/b%20c", "storage", StorageConfig(alias="cloud", folder="a/b c")),
    ],
)
def test_an_address_there_and_back(address: str, kind: str, config: object) -> None:
    assert is_address(address)
    found, parsed = parse(address, {})
    assert (found.name, parsed) == (kind, config)
    assert parse(found.to_url(config), {}) == (found, config)
    with destination_at(address, {}) as destination:
        assert destination.address == found.to_url(config)


def test_an_endpoint_may_stand_in_the_query_as_it_is() -> None:
    _, config = parse("s3://copies?endpoint=https://s3.example:9000&region=eu", {})
    assert config == S3Config(bucket="copies", endpoint="https://s3.example:9000", region="eu")


def test_secrets_come_from_the_environment_and_stay_out_of_the_address(tmp_path: Path) -> None:
    environ = {variable: f"{SECRET} {variable}" for variable in SFTP_VARIABLES.values()}
    _, config = parse("sftp://shop@nas/x", environ)
    assert {name: getattr(config, name) for name in SFTP_VARIABLES} == {
        name: f"{SECRET} {variable}" for name, variable in SFTP_VARIABLES.items()
    }
    assert SFTP_VARIABLES["password"] not in repr(config)
    assert SECRET not in destination_at("sftp://shop@nas/x", environ).address
    key = tmp_path / "key"
    key.write_text("the key\n")
    key.chmod(0o600)
    _, config = parse("sftp://shop@nas/x", {SFTP_KEY_FILE: str(key)})
    assert isinstance(config, SftpConfig)
    assert config.private_key == "the key\n"
    both = {SFTP_KEY_FILE: str(key), SFTP_VARIABLES["private_key"]: "x"}
    with pytest.raises(DestinationError, match="are set"):
        parse("sftp://shop@nas/x", both)


def test_attack_27_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(SECRET)
    key.chmod(0o644)
    with pytest.raises(SecretError, match="other users"):
        parse("sftp://shop@nas/x", {SFTP_KEY_FILE: str(key)})


def test_attack_5_a_secret_in_an_address_is_refused_and_not_repeated() -> None:
    for address in (
        f"sftp://shop:{SECRET}@nas/x",
        f"sftp://shop:{SECRET}@nas:99999999/x",
        f"sftp://nas:{SECRET}/x",
        f"s3://key:{SECRET}@copies/x",
        f"s3://{SECRET}@copies/x",
        f"s3://copies/x?secret_key={SECRET}",
        f"s3://copies?endpoint=https://key:{SECRET}@s3.example",
        f"storage://x:{SECRET}@alias",
        f"file://x:{SECRET}@/srv",
        f"ftp://x:{SECRET}@host/",
        f"sftp://shop:{SECRET}@[nas/x",
        f"shop:{SECRET}@nas",
    ):
        with pytest.raises(DestinationError) as caught:
            parse(address, {})
        shown: list[Any] = [caught.value, caught.value.__cause__, repr(caught.value)]
        assert SECRET not in str(shown), address
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        assert caught.value.permanent
        assert caught.value.todo


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("", "no URL"),
        ("nas", "no URL"),
        ("ftp://nas/x", "'ftp' is no kind"),
        ("sftp://nas/x", "no host, or no user"),
        ("sftp://shop@/x", "no host, or no user"),
        ("sftp://shop@nas:99999999/x", "host or port"),
        ("sftp://shop@nas/x?y=1", r"has a \?"),
        ("sftp://shop@nas/x#y", "has a #"),
        ("sftp://shop@nas/a\nb", "control character"),
        ("sftp://shop@nas/a b", "a space"),
        ("s3://", "no bucket's name"),
        ("s3://copies;rm", "no bucket's name"),
        ("s3://copies/../x", "only dots"),
        ("s3://copies/a%0Ab", "control character"),
        ("s3://copies?regoin=x", "Did you mean region"),
        ("s3://copies?region=a&region=b", "twice"),
        ("s3://copies?lock_days=soon", "no number"),
        ("s3://copies?lock_days=3", "both its mode and its days"),
        ("s3://copies?encryption=rot13", "Known are AES256, aws:kms"),
        ("s3://copies?endpoint=ftp://x", "no https://"),
        ("s3://copies?endpoint=https://x:0", "no https://|impossible port"),
        ("s3://copies?endpoint=https://x:99999999", "impossible port"),
        ("file://nas/x", "no folder of this machine"),
        ("file:x", "no folder of this machine"),
        ("storage://a/../b", "only dots"),
    ],
)
def test_a_wrong_address_is_a_sentence(address: str, cause: str) -> None:
    with pytest.raises(DestinationError, match=cause) as caught:
        parse(address, {})
    assert caught.value.todo


def test_a_name_is_no_address() -> None:
    for name in ("nas", "offsite 2", "a:b", "latest"):
        assert not is_address(name)


def test_attack_3_an_endpoint_is_https_unless_http_is_written_out() -> None:
    assert (
        S3Config(bucket="copies", endpoint="s3.example:9000").endpoint == "https://s3.example:9000"
    )
    assert S3Config(bucket="copies", endpoint="http://nas").endpoint == "http://nas"


def test_no_secret_is_an_option_of_a_url_or_shown() -> None:
    config = S3Config(bucket="copies", access_key="AKID", secret_key=SECRET, session_token=SECRET)
    assert SECRET not in repr(config)
    assert config.address == "s3://copies"
    assert not {"access_key", "secret_key", "session_token"} & set(URL_OPTIONS)


def test_reading_an_address_loads_no_sdk() -> None:
    program = (
        "import sys, trustbackup.destinations.address as it\n"
        "from trustbackup.destinations.registry import kinds\n"
        "assert len(kinds()) == 4\n"
        "for url in ('s3://copies', 'sftp://shop@nas', 'file:///srv', 'storage://x'):\n"
        "    kind, config = it.parse(url)\n"
        "    kind.to_url(config)\n"
        "sdks = {'boto3', 'botocore', 'paramiko', 'cryptography', 'storages'}\n"
        "print(sdks & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "set()\n"


def test_an_unknown_kind_is_a_sentence_that_names_the_others() -> None:
    with pytest.raises(UsageError, match="Known are folder, s3, sftp, storage"):
        kind_named("disk")
