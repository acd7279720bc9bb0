"""The manifest of an encrypted backup: what a stranger needs lies open, all else is sealed in it.

Open are the id, the type, the time, each file with its size and hash, and the fingerprints of the
keys that it was encrypted to. The whole document lies in ``sealed`` twice: once by a key that
comes from the site's own secret, so that the site lists, compares and cleans up without any
identity, and once to the backup's public keys, so that who has an identity needs no site. The
signature covers all of it.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store import age, identities, manifest, names, old_schemas
from trustbackup.store.fingerprints import fingerprints
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.members import invalid, list_of, texts_of
from trustbackup.store.signature import Signature, Signer

SEALED = "sealed"
_SITE, _KEYS = "site", "keys"
_OPEN = ("schema", "id", "kind", "created")
_OPEN_OF_PART = ("file", "bytes", "sha256")
_MEMBERS = {*_OPEN, "recipients", "parts", SEALED, "signature"}


def dump(found: Manifest, signer: Signer) -> bytes:
    """The signed file, sealed where its backup is encrypted. Raises ManifestError."""
    if not found.recipients:
        return manifest.dump(found, signer)
    return manifest.dump(found, signer, seal=lambda document: _sealed(document, signer))


def read(data: bytes, signer: Signer) -> tuple[dict[str, Any], Signature]:
    """The document in a manifest file, opened, and who signed it. Raises ManifestError.

    What neither the site nor an identity in use can open has nothing but what lies open: its
    ``Manifest`` is sealed then.
    """
    document, signature = manifest.read_signed(data, signer)
    return (_opened(document, signer) if SEALED in document else document), signature


def _sealed(document: dict[str, Any], signer: Signer) -> dict[str, Any]:
    inner = json.dumps(document, ensure_ascii=False).encode()
    recipients = document["recipients"]
    encrypted = age.library().encrypt(inner, age.keys_of(recipients))
    return {
        **{name: document[name] for name in _OPEN},
        "recipients": list(fingerprints(recipients)),
        "parts": [{name: part[name] for name in _OPEN_OF_PART} for part in document["parts"]],
        SEALED: {_SITE: signer.seal(inner), _KEYS: base64.b64encode(encrypted).decode()},
    }


def _opened(document: dict[str, Any], signer: Signer) -> dict[str, Any]:
    if document.keys() != _MEMBERS:
        raise invalid(_("what is open of it is not what it should be"))
    sealed = texts_of(document[SEALED], SEALED)
    inner = signer.unseal(sealed.get(_SITE, "")) or _by_identity(sealed.get(_KEYS, ""))
    if not inner:
        return _strangers(document)
    full = manifest.read_document(inner)
    if SEALED in full or not _fits(document, full):
        raise ManifestError(
            _("The manifest is not valid"), why=_("what is sealed in it is of another backup")
        )
    return {**full, "signature": document["signature"]}


def _by_identity(text: str) -> bytes:
    known = identities.in_use()
    if not known or not text:
        return b""
    pyrage = age.library()
    try:
        return bytes(pyrage.decrypt(base64.b64decode(text, validate=True), list(known.keys)))
    except (pyrage.DecryptError, binascii.Error, ValueError):
        return b""


def _fits(document: Mapping[str, Any], full: Mapping[str, Any]) -> bool:
    """Whether what lies open says the same as what is sealed."""
    recipients = full.get("recipients")
    if not isinstance(recipients, list) or not all(isinstance(key, str) for key in recipients):
        return False
    parts = list_of(full.get("parts"), "parts")
    shown = [
        {name: part.get(name) for name in _OPEN_OF_PART} for part in parts if isinstance(part, dict)
    ]
    return (
        all(document[name] == full.get(name) for name in _OPEN)
        and document["recipients"] == list(fingerprints(recipients))
        and document["parts"] == shown
    )


def _strangers(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with all members, of which those that are sealed are empty."""
    parts = []
    for item in list_of(document["parts"], "parts"):
        if not isinstance(item, dict) or item.keys() != set(_OPEN_OF_PART):
            raise invalid(_("what is open of it is not what it should be"))
        parsed = names.parse(str(item["file"]))
        parts.append({**_EMPTY_PART, **item, "part": (parsed and parsed.part) or "default"})
    moment = document["created"]
    return {
        **_EMPTY,
        **{name: document[name] for name in (*_OPEN, "recipients", "signature")},
        "started": moment,
        "finished": moment,
        "parts": parts,
    }


def _empty_of(cls: type) -> dict[str, Any]:
    kinds: dict[str, Any] = {"str": "", "int": 0}
    return {item.name: kinds.get(str(item.type)) for item in dataclasses.fields(cls)}


_EMPTY_PART = {**_empty_of(Part), "tables": [], "migrations": [], "excluded": []}
_EMPTY = {**_empty_of(Manifest), "versions": {}, "schema": old_schemas.NEWEST}


def require_open(found: Manifest) -> None:
    """Raises IdentityNeeded where nothing can be known of what a backup holds."""
    if found.is_sealed:
        name = names.manifest_name(found.id)
        known = identities.in_use()
        raise identities.wrong(name, known) if known else identities.needed(name)
