"""Backups that are wrong inside: their manifests are right and signed, or say otherwise."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.postgresql_programs import postgresql_programs
from tests.support.restores import only_file
from tests.support.sites import SECRET_KEY, Site
from trustbackup.store.signature import Signer


def flip(path: Path, at: float = 0.5) -> None:
    """Flip one bit of a file, at this fraction of it."""
    data = bytearray(path.read_bytes())
    data[min(int(len(data) * at), len(data) - 1)] ^= 0x10
    path.write_bytes(data)


def forge(made: dict[str, Any], change: Callable[[bytes], bytes]) -> None:
    """Change what is inside of a backup, as if it had been made so: the manifest fits, signed."""
    file = only_file(made)
    raw = change(gzip.decompress(file.read_bytes()))
    file.write_bytes(gzip.compress(raw, 1))
    data = file.read_bytes()

    def fit(document: dict[str, Any]) -> None:
        (part,) = document["parts"]
        part["sha256"] = hashlib.sha256(data).hexdigest()
        part["bytes"], part["raw_bytes"] = len(data), len(raw)

    sign_again(made, fit)


def sign_again(
    made: dict[str, Any], change: Callable[[dict[str, Any]], None], key: str = SECRET_KEY
) -> None:
    """Change a manifest and sign it, with the site's own key unless another is given."""
    path = Path(made["manifest"])
    document = json.loads(path.read_bytes())
    change(document)
    document["signature"] = Signer([key]).sign(document)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def dump_of(site: Site, *arguments: str, name: str = "") -> bytes:
    """What PostgreSQL's own pg_dump, run by the superuser, makes of a site's database."""
    assert site.database
    url = site.database.cluster.url(name or site.database.name)
    program = f"{postgresql_programs()}/pg_dump"
    done = subprocess.run([program, *arguments, url], capture_output=True, check=True)
    return done.stdout
