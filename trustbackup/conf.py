"""The app's settings, typed: the one reader of ``settings.TRUSTBACKUP``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings

from trustbackup.exceptions import ConfigurationError
from trustbackup.phrases import gettext as _

X_SENDFILE = "X-Sendfile"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What ``TRUSTBACKUP = {"ROOT": …, …}`` may say; names there are upper case."""

    root: Path
    """The backup folder; default ``BASE_DIR / "backups"``."""
    databases: tuple[str, ...] = ()
    """Aliases that a backup holds when none is named; default all that differ."""
    compression: str = "gzip"
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    """Newest first; the first signs and encrypts, all check and decrypt. Default
    ``SECRET_KEY`` and its fallbacks."""
    engines: dict[str, str] = field(default_factory=dict)
    """More engines: a Django connection's vendor → dotted path of a Database class."""
    drill_checks: tuple[str, ...] = ()
    """Dotted paths of callables that a drill asks: each gets the alias, which then means
    the scratch database, and returns a sentence on what is wrong, or nothing."""
    keep_local: int | None = None
    """How many of the newest backups keep their data in the backup folder once a destination has
    it; 0 for none, None for all."""
    wait: float = 30.0
    """Seconds to wait for a locked database before giving up."""
    connect_timeout: float = 10.0
    """Seconds to wait for a database server to answer."""
    allowed_hosts: tuple[str, ...] = ()
    """If there are any, destinations are connected to on no others: names, ``.example.com`` for
    a whole domain, addresses or networks."""
    sendfile: str = ""
    """Who sends a file that is downloaded: "" for the site itself, ``X-Sendfile`` for Apache or
    lighttpd, or the path of an internal location of nginx, such as ``/backups-internal/``."""


def get_settings() -> Settings:
    """Read the settings afresh, so that a changed setting counts at once.

    Raises ConfigurationError for an unknown key or a value of the wrong type.
    """
    given = getattr(django_settings, "TRUSTBACKUP", {})
    if not isinstance(given, dict):
        raise ConfigurationError(
            _("TRUSTBACKUP is not a dictionary"), todo=_("See the settings page.")
        )
    known = {item.name.upper() for item in fields(Settings)}
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key).upper(), known, n=1)
            todo = (
                _("Did you mean %(near)r?", near=near[0])
                if near
                else _("Known are %(known)s.", known=", ".join(sorted(known)))
            )
            raise ConfigurationError(
                _("TRUSTBACKUP has an unknown key %(key)s", key=repr(key)), todo=todo
            )
    values: dict[str, Any] = {str(key).lower(): value for key, value in given.items()}
    values["root"] = _root(values.get("root"))
    values["databases"] = _strings("DATABASES", values.get("databases", ()))
    values["drill_checks"] = _strings("DRILL_CHECKS", values.get("drill_checks", ()))
    values["allowed_hosts"] = _strings("ALLOWED_HOSTS", values.get("allowed_hosts", ()))
    values["secret_keys"] = _strings("SECRET_KEYS", values.get("secret_keys", ())) or (
        django_settings.SECRET_KEY,
        *django_settings.SECRET_KEY_FALLBACKS,
    )
    for name in ("wait", "connect_timeout"):
        value = values.get(name, getattr(Settings, name))
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
            raise ConfigurationError(
                _("TRUSTBACKUP[%(name)r] is %(value)s", name=name.upper(), value=repr(value)),
                todo=_("Give seconds, above 0 and below a million."),
            )
    _check_sendfile(values.get("sendfile", ""))
    _check_keep_local(values.get("keep_local"))
    return Settings(**values)


def _check_sendfile(value: object) -> None:
    if not isinstance(value, str) or (
        value not in ("", X_SENDFILE) and not (value.startswith("/") and value.endswith("/"))
    ):
        raise ConfigurationError(
            _("TRUSTBACKUP['SENDFILE'] is %(value)s", value=repr(value)),
            todo=_("Give 'X-Sendfile', or the path of an internal location such as '/internal/'."),
        )


def _check_keep_local(value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ConfigurationError(
            _("TRUSTBACKUP['KEEP_LOCAL'] is %(value)s", value=repr(value)),
            todo=_("Give a whole number from 0 on, or None to keep the data of all backups here."),
        )


def _root(value: object) -> Path:
    if value in (None, ""):
        base = getattr(django_settings, "BASE_DIR", None)
        if base is None:
            raise ConfigurationError(
                _("The backup folder is not known"),
                why=_("neither TRUSTBACKUP['ROOT'] nor BASE_DIR is set"),
                todo=_("Set TRUSTBACKUP = {'ROOT': '/path/to/backups'}."),
            )
        value = Path(base) / "backups"
    if not isinstance(value, str | Path):
        raise ConfigurationError(
            _("TRUSTBACKUP['ROOT'] is %(value)s", value=repr(value)), todo=_("Give a path.")
        )
    return Path(value).absolute()


def _strings(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise ConfigurationError(
        _("TRUSTBACKUP[%(name)r] is not a list of texts", name=name),
        todo=_("Write %(name)r: ['…'].", name=name),
    )
