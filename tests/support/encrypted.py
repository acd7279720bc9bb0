"""Small encrypted backups in a folder, and keys for them, for tests inside this process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyrage

from tests.support.manifests import MANIFEST, PART
from trustbackup.store import names, sealed_manifest
from trustbackup.store.folder import BackupFolder
from trustbackup.store.new_identity import NewIdentity, new_identity

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def new_pair() -> NewIdentity:
    return new_identity()


def encrypt(data: bytes, recipients: Sequence[str]) -> bytes:
    keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
    return bytes(pyrage.encrypt(data, keys))


def put_encrypted(
    folder: BackupFolder, number: int, recipients: Sequence[str], *, data: bytes = b"x"
) -> str:
    """A signed backup whose one file is ``data``, encrypted to these keys; its id."""
    moment = BEGIN + timedelta(seconds=number)
    identifier = names.backup_id(moment)
    stored = encrypt(data, recipients)
    held = replace(
        PART,
        part="default",
        file=names.part_name(identifier, "default", "dump", ".gz.age"),
        bytes=len(stored),
        raw_bytes=len(data),
        sha256=hashlib.sha256(stored).hexdigest(),
        plain_bytes=len(data),
        plain_sha256=hashlib.sha256(data).hexdigest(),
    )
    made = replace(
        MANIFEST, id=identifier, created=moment, parts=(held,), recipients=tuple(recipients)
    )
    folder.root.mkdir(exist_ok=True, parents=True)
    (folder.root / held.file).write_bytes(stored)
    manifest = sealed_manifest.dump(made, folder.signer)
    (folder.root / names.manifest_name(identifier)).write_bytes(manifest)
    return identifier
