"""``--identity``: with what a command opens encrypted backups."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.store.identities import (
    PASSPHRASE,
    VARIABLE,
    Identities,
    from_environment,
    merged,
    read_identities,
    read_identity_file,
)


def add_identity_argument(parser: CommandParser) -> None:
    parser.add_argument(
        "--identity",
        action="append",
        default=[],
        metavar="FILE",
        help="The file with the secret key that opens an encrypted backup; may be repeated"
        f" (default: what the variable {VARIABLE} holds, or names as file:/path).",
    )


def identities_of(options: dict[str, Any]) -> Identities:
    """Those that were given; none for a command that reads no backup.

    Raises SecretError, UsageError, ConfigurationError.
    """
    if "identity" not in options:
        return Identities()
    if not options["identity"]:
        return from_environment(_ask)
    contents = [read_identity_file(Path(name)) for name in options["identity"]]
    return merged([read_identities(content, _passphrase) for content in contents])


def _passphrase() -> str:
    return os.environ.get(PASSPHRASE, "") or _ask()


def _ask() -> str:
    """The passphrase of an identity; "" where there is nobody to ask."""
    return getpass.getpass("Passphrase of the identity: ") if sys.stdin.isatty() else ""
