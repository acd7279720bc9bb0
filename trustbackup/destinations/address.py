"""Destinations as URLs without secrets; the secrets come from the environment.

    sftp://user@host:22/folder       a folder in the one where a session begins
    sftp://user@host//srv/folder     an absolute one
    s3://bucket/prefix?endpoint=https://host&region=eu-central-1
    file:///mnt/disk/folder
    storage://alias/folder           an alias of STORAGES

The way back is each destination's ``address``.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from trustbackup import vault
from trustbackup.destinations.base import Destination, DestinationError
from trustbackup.destinations.folder import FolderConfig
from trustbackup.destinations.registry import new_destination
from trustbackup.destinations.s3.config import URL_OPTIONS, S3Config
from trustbackup.destinations.sftp.config import SftpConfig
from trustbackup.destinations.storage import StorageConfig
from trustbackup.phrases import gettext as _

Config = SftpConfig | S3Config | FolderConfig | StorageConfig

SFTP_VARIABLES = {
    "password": "TRUSTBACKUP_SFTP_PASSWORD",
    "private_key": "TRUSTBACKUP_SFTP_KEY",
    "passphrase": "TRUSTBACKUP_SFTP_PASSPHRASE",
    "host_key": "TRUSTBACKUP_SFTP_HOST_KEY",
}
"""Fields of SftpConfig → the variables that they come from."""
SFTP_KEY_FILE = "TRUSTBACKUP_SFTP_KEY_FILE"
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")


def is_address(text: str) -> bool:
    """Whether a text is a URL, and no name of a destination."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", text) is not None


def destination_at(
    address: str,
    environ: Mapping[str, str] | None = None,
    allowed_hosts: tuple[str, ...] = (),
) -> Destination:
    """The destination at an address. Raises DestinationError, SecretError."""
    kind, config = parse(address, environ, allowed_hosts)
    return new_destination(kind, config)


def parse(
    address: str,
    environ: Mapping[str, str] | None = None,
    allowed_hosts: tuple[str, ...] = (),
) -> tuple[str, Config]:
    """The kind and the configuration; ``environ`` is the process's unless another is given.

    Raises DestinationError, whose text never repeats a password, and SecretError.
    """
    environ = os.environ if environ is None else environ
    url = _split(address)
    match url.scheme:
        case "sftp":
            return "sftp", _sftp(url, environ, allowed_hosts)
        case "s3":
            return "s3", _s3(url, allowed_hosts)
        case "file":
            return "folder", _folder(url)
        case "storage":
            _only_path(url)
            return "storage", StorageConfig(alias=unquote(url.netloc), folder=unquote(url.path))
    raise _wrong(
        _("%(scheme)r is no kind of destination", scheme=url.scheme)
        if url.scheme
        else _("it is no URL"),
        _("Begin with sftp://, s3://, file:/// or storage://."),
    )


def _wrong(why: str, todo: str) -> DestinationError:
    what = _("The destination's address can't be used")
    return DestinationError(what, why=why, todo=todo, permanent=True)


def _split(address: str) -> SplitResult:
    if _CONTROL.search(address):
        raise _wrong(_("it has a space or a control character in it"), _("Write %20 for a space."))
    try:
        url = urlsplit(address)
        has_password = url.password is not None
        _port = url.port
    except ValueError:
        # No "from": Python's own text repeats what stands in place of the port.
        raise _wrong(
            _("its host or port is not valid"),
            _("Ports go from 1 to 65535; IPv6 is written [::1]."),
        ) from None
    if has_password or (url.username is not None and url.scheme != "sftp"):
        raise _wrong(
            _("it has a password or key in it, which logs and other users would see"),
            _(
                "Remove it, change it, and set the new one in %(variable)s.",
                variable=SFTP_VARIABLES["password"],
            )
            if url.scheme == "sftp"
            else _("Remove it, change it, and give the new one in the environment."),
        )
    if url.fragment:
        raise _wrong(_("it has a # in it"), _("Write %23 for it."))
    return url


def _only_path(url: SplitResult) -> None:
    if url.query:
        raise _wrong(_("it has a ? in it"), _("Write %3F for it; options are for s3:// alone."))


def _sftp(
    url: SplitResult, environ: Mapping[str, str], allowed_hosts: tuple[str, ...]
) -> SftpConfig:
    _only_path(url)
    if not url.hostname or not url.username:
        raise _wrong(_("it names no host, or no user"), _("Write sftp://user@host/folder."))
    secrets: dict[str, Any] = {
        name: environ.get(variable, "") for name, variable in SFTP_VARIABLES.items()
    }
    if path := environ.get(SFTP_KEY_FILE):
        if secrets["private_key"]:
            raise _wrong(
                _(
                    "both %(one)s and %(other)s are set",
                    one=SFTP_VARIABLES["private_key"],
                    other=SFTP_KEY_FILE,
                ),
                _("Set one."),
            )
        secrets["private_key"] = vault.resolve(f"file:{path}", private_key=True)
    return SftpConfig(
        host=url.hostname,
        port=22 if url.port is None else url.port,
        user=unquote(url.username),
        folder=unquote(url.path.removeprefix("/")),
        allowed_hosts=allowed_hosts,
        **secrets,
    )


def _s3(url: SplitResult, allowed_hosts: tuple[str, ...]) -> S3Config:
    given = parse_qsl(url.query, keep_blank_values=True)
    options: dict[str, Any] = dict(given)
    for name in options:
        if name not in URL_OPTIONS:
            near = difflib.get_close_matches(name, URL_OPTIONS, n=1)
            todo = (
                _("Did you mean %(near)s?", near=near[0])
                if near
                else _("Known are %(known)s.", known=", ".join(URL_OPTIONS))
            )
            raise _wrong(_("it has an unknown option %(name)r", name=name), todo)
    if len(options) < len(given):
        raise _wrong(_("it says an option twice"), _("Say each once."))
    days = options.pop("lock_days", "0")
    if not (days.isascii() and days.isdecimal()):
        raise _wrong(_("lock_days is no number"), _("Give whole days."))
    return S3Config(
        bucket=unquote(url.netloc),
        prefix=unquote(url.path),
        lock_days=int(days),
        allowed_hosts=allowed_hosts,
        **options,
    )


def _folder(url: SplitResult) -> FolderConfig:
    _only_path(url)
    if url.netloc not in ("", "localhost") or not url.path.startswith("/"):
        raise _wrong(
            _("it names no folder of this machine"), _("Write file:///path/of/the/folder.")
        )
    return FolderConfig(Path(unquote(url.path)))
