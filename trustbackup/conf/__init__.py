"""The app's settings, typed: the one reader of ``settings.TRUSTBACKUP``."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings

from trustbackup.conf.contents import check_contents
from trustbackup.conf.values import (
    RESTORE_DOORS,
    check_environment,
    check_keep_local,
    check_notifications,
    check_pgbouncer,
    check_plans,
    check_sendfile,
    check_site_url,
    read_doors,
    read_hooks,
    read_strings,
)
from trustbackup.exceptions import ConfigurationError
from trustbackup.phrases import Phrase
from trustbackup.phrases import gettext as _

BY_PASSWORD, BY_SIGN_IN = "password", "sign-in"
HOOKABLE = (
    "create",
    "copy",
    "sync",
    "fetch",
    "upload",
    "verify",
    "verify_copy",
    "scrub",
    "drill",
    "restore",
    "undo",
    "delete",
    "prune",
)
"""The actions that hooks may stand before and after."""
_SHORTEST_TOKEN = 20
"""Characters."""
RENAMED = {
    "ROOT": "BACKUP_DIR",
    "WAIT": "LOCK_TIMEOUT",
    "ALLOWED_HOSTS": "DESTINATION_HOSTS",
    "ENGINES": "DATABASE_ENGINES",
}
"""What the first versions called a setting; whoever still does is told its name."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What ``TRUSTBACKUP = {"BACKUP_DIR": …, …}`` may say; names there are upper case."""

    backup_dir: Path
    """The backup folder; default ``BASE_DIR / "backups"``."""
    databases: tuple[str, ...] = ()
    """Aliases that a backup holds when none is named; default all that differ."""
    compression: str = "gzip"
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    """Newest first; the first signs and encrypts, all check and decrypt. Default
    ``SECRET_KEY`` and its fallbacks."""
    database_engines: dict[str, str] = field(default_factory=dict)
    """More engines: a Django connection's vendor → dotted path of a Database class."""
    contents: dict[str, dict[str, Any]] | None = None
    """Name → what folder of uploaded files it is, as ``conf/contents.py`` checks it; None for
    ``MEDIA_ROOT``."""
    settings_models: tuple[str, ...] | None = None
    """Models that hold a site's settings, such as ``sites.Site``; None for the usual ones of those
    apps that are installed."""
    drill_checks: tuple[str, ...] = ()
    """Dotted paths of callables that a drill asks: each gets the alias, which then means
    the scratch database, and returns a sentence on what is wrong, or nothing."""
    hooks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """``before_…`` or ``after_…`` and an action → dotted paths of functions (``runs/hooks.py``)."""
    keep_local: int | None = None
    """How many of the newest backups keep their data in the backup folder once a destination has
    it; 0 for none, None for all."""
    notifications: dict[str, dict[str, Any]] | None = None
    """Name → who hears of what, and how, as ``notifications/routes.py`` reads it; None lets the
    ADMINS hear of what goes wrong, unless somebody has set up a route on the page."""
    notification_hosts: tuple[str, ...] = ()
    """If there are any, webhooks and pings go to no others; written as ``destination_hosts``."""
    apprise_schemes: tuple[str, ...] = (
        "discord",
        "gchat",
        "line",
        "opsgenie",
        "pagerduty",
        "pbul",
        "pover",
        "slack",
        "tgram",
        "threema",
        "webex",
        "wxteams",
    )
    """What addresses for apprise may begin with: services that are where they always are."""
    site_url: str = ""
    """Where the site is, such as ``https://shop.example``, for links in messages."""
    pgbouncer: dict[str, str] = field(default_factory=dict, repr=False)
    """Alias → address of the console of the PgBouncer before it, which is told to let its clients
    wait while a restore swaps the database."""
    lock_timeout: float = 30.0
    """Seconds to wait for a locked database before giving up."""
    connect_timeout: float = 10.0
    """Seconds to wait for a database server to answer."""
    destination_hosts: tuple[str, ...] = ()
    """If there are any, destinations are connected to on no others: names, ``.example.com`` for
    a whole domain, addresses or networks."""
    destination_kinds: tuple[str, ...] = ()
    """More kinds of destinations: dotted paths of DestinationKind objects."""
    confirm_restore_by: str = BY_PASSWORD
    """How a person confirms a restore or an undo on the page: ``password`` (an account without one
    by a fresh sign-in), ``sign-in``, or the dotted path of a function that gets the request and
    returns a sentence on what is missing, or nothing."""
    restore: tuple[str, ...] = RESTORE_DOORS
    """From where a restore or an undo may be started."""
    environment: str = ""
    """What this site is, such as ``production`` or ``staging``: backups of another one are restored
    only by its name, and never from a page or by a program where this is production."""
    plans: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """Name → what to back up, when, and so on, as ``policy.plan.read_plan`` reads it."""
    version: str = ""
    """Which version of the site's own code this is, for names of backups; "" looks at git."""
    backup_before_migrate: bool = False
    """Whether ``migrate`` makes a protected backup first when there is something to apply."""
    monitoring_token: str = field(default="", repr=False)
    """Who sends it as a bearer may read the metrics and the details of the health."""
    secrets_kept: dict[str, str] = field(default_factory=dict)
    """A secret's name → where it is kept, for the recovery sheet; never the secret."""
    recovery_notes: str = ""
    """What else a stranger must know, for the recovery sheet: where the code is, whom to call."""
    scrub_days: int = 90
    """After how many days a copy is read again; 0 for never."""
    scrub_bytes: int = 2 << 30
    """How many bytes of copies are read again in a day."""
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
            if key in RENAMED:
                raise ConfigurationError(
                    _("TRUSTBACKUP[%(old)r] is called %(new)r now", old=key, new=RENAMED[key]),
                    todo=_("Rename it in the settings; it means what it meant."),
                )
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
    values["backup_dir"] = _backup_dir(values.get("backup_dir"))
    values["databases"] = read_strings("DATABASES", values.get("databases", ()))
    values["drill_checks"] = read_strings("DRILL_CHECKS", values.get("drill_checks", ()))
    if values.get("settings_models") is not None:
        values["settings_models"] = read_strings("SETTINGS_MODELS", values["settings_models"])
    values["destination_kinds"] = read_strings(
        "DESTINATION_KINDS", values.get("destination_kinds", ())
    )
    values["destination_hosts"] = read_strings(
        "DESTINATION_HOSTS", values.get("destination_hosts", ())
    )
    for name in ("notification_hosts", "apprise_schemes"):
        values[name] = read_strings(name.upper(), values.get(name, getattr(Settings, name)))
    values["secret_keys"] = read_strings("SECRET_KEYS", values.get("secret_keys", ())) or (
        _key(django_settings.SECRET_KEY),
        *map(_key, django_settings.SECRET_KEY_FALLBACKS),
    )
    check_pgbouncer(values.get("pgbouncer", {}))
    check_plans(values.get("plans", {}))
    check_contents(values.get("contents"))
    for name in ("lock_timeout", "connect_timeout"):
        value = values.get(name, getattr(Settings, name))
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
            raise ConfigurationError(
                _("TRUSTBACKUP[%(name)r] is %(value)s", name=name.upper(), value=repr(value)),
                todo=_("Give seconds, above 0 and below a million."),
            )
    check_sendfile(values.get("sendfile", ""))
    _check_confirmation(values.get("confirm_restore_by", BY_PASSWORD))
    values["restore"] = read_doors(values.get("restore", RESTORE_DOORS))
    check_keep_local(values.get("keep_local"))
    values["hooks"] = read_hooks(values.get("hooks", {}), HOOKABLE)
    _check_watching(values)
    check_notifications(values.get("notifications"))
    check_site_url(values.get("site_url", ""))
    check_environment(values.get("environment", ""))
    return Settings(**values)


def _check_confirmation(value: object) -> None:
    if not isinstance(value, str) or (value not in (BY_PASSWORD, BY_SIGN_IN) and "." not in value):
        raise ConfigurationError(
            _("TRUSTBACKUP['CONFIRM_RESTORE_BY'] is %(value)s", value=repr(value)),
            todo=_("Give 'password', 'sign-in', or the dotted path of a function."),
        )


def _check_watching(values: Mapping[str, Any]) -> None:
    """The settings that are one text, one number, or names and texts."""
    for name in ("version", "monitoring_token", "recovery_notes"):
        if not isinstance(values.get(name, ""), str):
            _refuse(name, values[name], _("Give a text."))
    token = values.get("monitoring_token", "")
    if token and len(token) < _SHORTEST_TOKEN:
        raise ConfigurationError(
            _("TRUSTBACKUP['MONITORING_TOKEN'] can be guessed"),
            todo=_("Give at least %(count)d characters, drawn by chance.", count=_SHORTEST_TOKEN),
        )
    if not isinstance(values.get("backup_before_migrate", False), bool):
        _refuse("backup_before_migrate", values["backup_before_migrate"], _("Say True or False."))
    for name, least in (("scrub_days", 0), ("scrub_bytes", 1)):
        value = values.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 1 << 62:
            _refuse(name, value, _("Give a whole number, at least %(least)d.", least=least))
    where = values.get("secrets_kept", {})
    if not isinstance(where, dict) or not all(
        isinstance(item, str) for pair in where.items() for item in pair
    ):
        _refuse("secrets_kept", "…", _("Write 'SECRETS_KEPT': {'SECRET_KEY': 'the safe'}."))


def _refuse(name: str, value: object, todo: Phrase) -> None:
    raise ConfigurationError(
        _("TRUSTBACKUP[%(name)r] is %(value)s", name=name.upper(), value=repr(value)[:100]),
        todo=todo,
    )


def can_be_guessed(key: str) -> bool:
    """Whether a secret key is no secret: Django's own of a new project, short, or monotonous.

    https://docs.djangoproject.com/en/5.2/ref/checks/ (security.W009)
    """
    return key.startswith("django-insecure-") or len(key) < 50 or len(set(key)) < 5


def _key(secret: object) -> str:
    """Django takes keys in bytes, too; one of ASCII is the same key either way."""
    return secret.decode("latin-1") if isinstance(secret, bytes) else str(secret)


def _backup_dir(value: object) -> Path:
    if value in (None, ""):
        base = getattr(django_settings, "BASE_DIR", None)
        if base is None:
            raise ConfigurationError(
                _("The backup folder is not known"),
                why=_("neither TRUSTBACKUP['BACKUP_DIR'] nor BASE_DIR is set"),
                todo=_("Set TRUSTBACKUP = {'BACKUP_DIR': '/path/to/backups'}."),
            )
        value = Path(base) / "backups"
    if not isinstance(value, str | Path):
        raise ConfigurationError(
            _("TRUSTBACKUP['BACKUP_DIR'] is %(value)s", value=repr(value)), todo=_("Give a path.")
        )
    if str(value).startswith(("~", "$")):
        raise ConfigurationError(
            _("TRUSTBACKUP['BACKUP_DIR'] is %(value)s", value=repr(str(value))),
            why=_("nobody fills that in, and it would be another folder for each user"),
            todo=_("Write the whole path."),
        )
    path = Path(value).absolute()
    # The operator's own link, to a larger disk say, is followed once; links inside never are.
    return Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114
