"""What the drivers call TLS, in the words of the programs of either family."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from trustbackup.databases.mysql.programs import MARIADB

DISABLED, PREFERRED, REQUIRED = "DISABLED", "PREFERRED", "REQUIRED"
VERIFY_CA, VERIFY_IDENTITY = "VERIFY_CA", "VERIFY_IDENTITY"
_FILES = ("ca", "capath", "cert", "key", "cipher")


def tls_options(parameters: Mapping[str, Any], family: str, *, pure: bool) -> dict[str, str]:
    """Options for a program, from a driver's parameters; ``pure`` for PyMySQL.

    A program is never less strict than the driver. MariaDB's can't check a certificate without
    its name: where a site asks for the former, they check both.
    """
    given: Mapping[str, Any] = {}
    if isinstance(parameters.get("ssl"), Mapping):
        given = parameters["ssl"]
    files = {
        name: str(value)
        for name in _FILES
        if (value := given.get(name) or parameters.get(f"ssl_{name}"))
    }
    mode = _mode(parameters, given, files, pure=pure)
    values = {f"ssl-{name}": value for name, value in files.items()}
    if family != MARIADB:
        return {**values, "ssl-mode": mode} if mode else values
    if mode == DISABLED:
        return {"skip-ssl": ""}
    if mode in (VERIFY_CA, VERIFY_IDENTITY):
        return {**values, "ssl": "1", "ssl-verify-server-cert": ""}
    # The newest check unasked, which the driver does not.
    unchecked = {"skip-ssl-verify-server-cert": ""}
    return {**values, "ssl": "1", **unchecked} if mode == REQUIRED else {**values, **unchecked}


def _mode(
    parameters: Mapping[str, Any], given: Mapping[str, Any], files: Mapping[str, str], *, pure: bool
) -> str:
    """As MySQL's ``--ssl-mode`` has it; "" where the site says nothing."""
    if named := str(parameters.get("ssl_mode") or "").upper():
        return named
    if parameters.get("ssl_disabled"):
        return DISABLED
    if not (files or parameters.get("ssl") or parameters.get("ssl_verify_cert")):
        return ""
    if not pure:
        return REQUIRED
    authority = "ca" in files or "capath" in files
    checked = given.get("verify_mode", parameters.get("ssl_verify_cert"))
    named_too = given.get("check_hostname", parameters.get("ssl_verify_identity"))
    if isinstance(parameters.get("ssl"), ssl.SSLContext):
        context = parameters["ssl"]
        authority, checked, named_too = True, bool(context.verify_mode), context.check_hostname
    if "ssl_ca" in parameters and named_too is None:
        named_too = False
    if named_too or (named_too is None and authority):
        return VERIFY_IDENTITY
    unchecked = str(checked).lower() in ("false", "0", "no", "none")
    if checked is None:
        unchecked = not authority
    return REQUIRED if unchecked else VERIFY_CA
