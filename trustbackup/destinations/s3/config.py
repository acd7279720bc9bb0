"""Where a bucket is, and how copies are written into it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.url import wrong_address
from trustbackup.phrases import gettext as _

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", re.ASCII)
_HOST = re.compile(r"(?=.{1,253}\.?$)(?:(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.|$))+", re.ASCII)
"""Host names that the SDK takes (RFC 1123, 2.1); it refuses an underscore."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CHOICES = {
    "encryption": ("", "AES256", "aws:kms"),
    "lock_mode": ("", "GOVERNANCE", "COMPLIANCE"),
    "addressing_style": ("", "path", "virtual"),
}


@dataclass(frozen=True, kw_only=True)
class S3Config:
    """Where a bucket is, and how objects are written. Raises DestinationError when impossible."""

    bucket: str = field(metadata={"missing": _("its bucket is missing")})
    prefix: str = ""
    """A folder in the bucket, without slashes around it."""
    endpoint: str = ""
    """A URL; "" is Amazon's own. Without a scheme it means https."""
    region: str = ""
    access_key: str = ""
    """"" (with ``secret_key``) uses the environment's own credentials, as boto3 finds them."""
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    storage_class: str = ""
    encryption: str = ""
    """Of the server: "AES256", "aws:kms", or "", which leaves it to the bucket."""
    kms_key: str = ""
    lock_mode: str = ""
    """Object Lock: "GOVERNANCE", "COMPLIANCE", or ""."""
    lock_days: int = 0
    """How long an object can't be deleted; more than 0 with a ``lock_mode``."""
    addressing_style: str = ""
    """"path" or "virtual" for servers that know only one; "" lets boto3 choose."""
    allowed_hosts: tuple[str, ...] = ()
    """As in network.py."""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    """Seconds that the server may be silent."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", self.prefix.strip("/"))
        object.__setattr__(self, "endpoint", _full_endpoint(self.endpoint))
        if not _BUCKET.fullmatch(self.bucket):
            raise _wrong(
                _("%(bucket)r is no bucket's name", bucket=self.bucket),
                _("Correct the bucket's name."),
            )
        if any(part in ("", ".", "..") for part in self.prefix.split("/") if self.prefix):
            raise _wrong(
                _("the prefix has a part that is empty or only dots"), _("Correct the prefix.")
            )
        if _CONTROL.search(self.prefix):
            raise _wrong(_("the prefix has a control character"), _("Correct the prefix."))
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(choice for choice in choices if choice)
                raise _wrong(
                    _("%(name)s is %(value)r", name=name, value=getattr(self, name)),
                    _("Known are %(known)s.", known=known),
                )
        if bool(self.access_key) != bool(self.secret_key):
            raise _wrong(
                _("the access key and the secret key belong together"), _("Give both, or neither.")
            )
        if bool(self.lock_mode) != (self.lock_days > 0):
            raise _wrong(_("a lock needs both its mode and its days"), _("Give both, or neither."))
        if self.kms_key and self.encryption != "aws:kms":
            raise _wrong(_("a KMS key needs the encryption aws:kms"), _("Choose that, or no key."))

    @property
    def address(self) -> str:
        """Where it is, as a URL without secrets; ``from_url`` reads it."""
        path = f"/{quote(self.prefix)}" if self.prefix else ""
        query = {
            item.name: str(getattr(self, item.name))
            for item in fields(self)
            if item.name in URL_OPTIONS and getattr(self, item.name)
        }
        return f"s3://{self.bucket}{path}" + (f"?{urlencode(query)}" if query else "")

    @property
    def folder(self) -> str:
        """What all keys begin with."""
        return f"{self.prefix}/" if self.prefix else ""

    def target(self, name: str) -> dict[str, str]:
        """An object, as requests name it."""
        return {"Bucket": self.bucket, "Key": self.folder + name}

    def options(self) -> dict[str, Any]:
        """How any object is written, as requests say it."""
        options = {
            "StorageClass": self.storage_class,
            "ServerSideEncryption": self.encryption,
            "SSEKMSKeyId": self.kms_key,
        }
        return {key: value for key, value in options.items() if value}

    def options_of_copy(self, sha256: str) -> dict[str, Any]:
        """How a backup's file is written now."""
        options = {**self.options(), "Metadata": {"sha256": sha256}}
        if self.lock_mode:
            options["ObjectLockMode"] = self.lock_mode
            until = datetime.now(UTC) + timedelta(days=self.lock_days)
            options["ObjectLockRetainUntilDate"] = until
        return options


URL_OPTIONS = (
    "endpoint",
    "region",
    "storage_class",
    "encryption",
    "kms_key",
    "lock_mode",
    "lock_days",
    "addressing_style",
)
"""What the query of an address may say."""

S3_VARIABLES = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}
"""Fields of S3Config → the variables that boto3 takes them from."""


def from_url(url: SplitResult, _environ: Mapping[str, str]) -> S3Config:
    """Raises DestinationError."""
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
            raise wrong_address(_("it has an unknown option %(name)r", name=name), todo)
    if len(options) < len(given):
        raise wrong_address(_("it says an option twice"), _("Say each once."))
    days = options.pop("lock_days", "0")
    if not (days.isascii() and days.isdecimal()):
        raise wrong_address(_("lock_days is no number"), _("Give whole days."))
    return S3Config(
        bucket=unquote(url.netloc),
        prefix=unquote(url.path),
        lock_days=int(days),
        **options,
    )


def _wrong(why: str, todo: str) -> DestinationError:
    return DestinationError(
        _("The S3 destination can't be used"), why=why, todo=todo, permanent=True
    )


def _full_endpoint(endpoint: str) -> str:
    endpoint = endpoint.strip().rstrip("/")
    if not endpoint:
        return ""
    if "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    todo = _("Write it as https://host or https://host:port.")
    try:
        parts = urlsplit(endpoint)
        port_ok = parts.port is None or 1 <= parts.port <= 65535
    except ValueError:
        raise _wrong(_("the endpoint is no URL, or has an impossible port"), todo) from None
    if parts.username is not None or parts.password is not None:
        raise _wrong(
            _("the endpoint has a user or password in it"), _("Give the keys in their fields.")
        )
    if parts.scheme not in ("https", "http") or not parts.hostname or not port_ok:
        raise _wrong(_("the endpoint is no https:// URL with a host"), todo)
    if ":" not in parts.hostname and not _HOST.fullmatch(parts.hostname):
        raise _wrong(
            _("no program for S3 takes the endpoint's host name %(host)r", host=parts.hostname),
            _(
                "Give a name of letters, digits, dots and hyphens (a container may have an alias), "
                "or the address."
            ),
        )
    if parts.query or parts.fragment or _CONTROL.search(endpoint) or " " in endpoint:
        raise _wrong(_("the endpoint has more than a host and a path"), todo)
    return endpoint
