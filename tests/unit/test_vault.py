"""Row 50, attacks 6 and 27: secrets at rest, and secrets that are kept elsewhere."""

from __future__ import annotations

import base64
import hmac
import os
from pathlib import Path

import pytest

from trustbackup import vault
from trustbackup.store.signature import Signer
from trustbackup.vault import SecretError, Vault, resolve

CANARY = "c4n4ry-p@ss w'o\"rd%/:?#ü"


def test_what_was_sealed_is_unsealed() -> None:
    for text in ("", CANARY, "x" * 10_000):
        assert Vault(["key"]).unseal(Vault(["key"]).seal(text)) == text


def test_attack_6_a_sealed_secret_shows_neither_the_secret_nor_a_key() -> None:
    box = Vault(["the site's secret key"])
    first, second = box.seal(CANARY), box.seal(CANARY)
    assert first != second
    for token in (first, second):
        assert CANARY not in token
        assert "secret key" not in token
        token.encode("ascii")


def test_attack_6_the_vault_uses_a_key_for_nothing_else() -> None:
    # RFC 5869, written out: what was sealed once must be read by every later version.
    pseudorandom = hmac.digest(bytes(32), b"key", "sha256")
    derived = hmac.digest(pseudorandom, b"trustbackup vault v1\x01", "sha256")
    assert vault._derive("key") == base64.urlsafe_b64encode(derived)
    signature = Signer(["key"]).sign({"a": "b"})
    assert vault._derive("key").decode()[:16] not in str(signature)


def test_fault_50_a_rotated_key_still_reads() -> None:
    token = Vault(["old"]).seal(CANARY)
    both = Vault(["new", "old"])
    assert both.unseal(token) == CANARY
    assert Vault(["new"]).unseal(both.seal(CANARY)) == CANARY
    assert Vault(["new"]).unseal(both.reseal(token)) == CANARY


@pytest.mark.parametrize("read", [Vault.unseal, Vault.reseal])
def test_fault_50_a_lost_key_is_a_clear_refusal(read: object) -> None:
    token = Vault(["lost"]).seal(CANARY)
    for broken in (token, token[:-4] + "AAAA", "", "no token", "ü"):
        with pytest.raises(SecretError, match=r"SECRET_KEYS.*or enter the secret again") as caught:
            read(Vault(["new"]), broken)  # type: ignore[operator]
        assert caught.value.permanent


def test_a_text_is_itself() -> None:
    for text in (CANARY, "", "environment", "ENV:X", "file", "http://x"):
        assert resolve(text) == text
        assert not vault.is_reference(text)


def test_a_secret_of_the_environment() -> None:
    assert resolve("env:NAME", environ={"NAME": CANARY}) == CANARY
    for environ in ({}, {"NAME": ""}):
        with pytest.raises(SecretError, match="env:NAME can't be read: the environment has no"):
            resolve("env:NAME", environ=environ)


def a_file(folder: Path, content: bytes = CANARY.encode() + b"\n", mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_secret_of_a_file(tmp_path: Path) -> None:
    path = a_file(tmp_path)
    assert resolve(f"file:{path}") == CANARY
    assert resolve(f"file:{path}", private_key=True) == CANARY + "\n"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644])
@pytest.mark.parametrize("private_key", [True, False])
def test_attack_27_a_file_that_others_may_read_or_write_is_refused(
    tmp_path: Path, mode: int, private_key: bool
) -> None:
    path = a_file(tmp_path, mode=mode)
    with pytest.raises(SecretError, match="other users of this machine") as caught:
        resolve(f"file:{path}", private_key=private_key)
    assert "c4n4ry" not in str(caught.value)


def test_attack_27_a_container_may_show_a_password_to_all_and_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "_CONTAINER", tmp_path)
    path = a_file(tmp_path, mode=0o444)
    assert resolve(f"file:{path}") == CANARY
    with pytest.raises(SecretError, match="other users"):
        resolve(f"file:{path}", private_key=True)
    path.chmod(0o666)
    with pytest.raises(SecretError, match="other users"):
        resolve(f"file:{path}")


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"", "empty"), (b"\n", "empty"), (b"\xff\xfe", "no text"), (b"x" * 70_000, "larger")],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, cause: str) -> None:
    with pytest.raises(SecretError, match=cause):
        resolve(f"file:{a_file(tmp_path, content)}")


def test_a_path_that_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, cause in (
        ("pipe", "no regular file"),
        ("", "no regular|directory"),
        ("x", "No such"),
    ):
        with pytest.raises(SecretError, match=cause):
            resolve(f"file:{tmp_path / name}")
    with pytest.raises(SecretError, match="not absolute"):
        resolve("file:secret")
