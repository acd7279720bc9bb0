"""Keys of age, made by its own programs: nothing of ours has to be right for these tests."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Key:
    """A public key, and the file with its identity."""

    recipient: str
    identity: Path

    @property
    def option(self) -> tuple[str, str]:
        return "--identity", str(self.identity)


def new_key(folder: Path, name: str = "key") -> Key:
    """An X25519 key, as ``age-keygen`` makes it."""
    path = folder / f"{name}.txt"
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    public = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True)
    return Key(public.stdout.strip(), path)


def new_ssh_key(folder: Path, passphrase: str = "") -> Key:
    """An SSH key of type ed25519."""
    path = folder / "id_ed25519"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "of a test", "-f", path],
        check=True,
    )
    return Key(path.with_suffix(".pub").read_text().strip(), path)


def opened(key: Key, file: Path) -> bytes:
    """What the program ``age`` makes of an encrypted file."""
    done = subprocess.run(["age", "-d", "-i", key.identity, file], check=True, capture_output=True)
    return done.stdout
