"""What single settings may say; what they say wrong is a ConfigurationError."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from trustbackup.exceptions import ConfigurationError
from trustbackup.phrases import gettext as _

RESTORE_DOORS = ("page", "api", "command")
X_SENDFILE = "X-Sendfile"
_LONGEST_ENVIRONMENT = 50


def check_pgbouncer(value: object) -> None:
    if not isinstance(value, dict) or not all(
        isinstance(item, str) for pair in value.items() for item in pair
    ):
        raise ConfigurationError(
            _("TRUSTBACKUP['PGBOUNCER'] is not followed"),
            why=_("it does not give an address for each alias"),
            todo=_("Write 'PGBOUNCER': {'default': 'postgres://user:…@host:6432/pgbouncer'}."),
        )


def check_plans(value: object) -> None:
    """Only the form: what is wrong with one plan must stop no other, and no command."""
    if not isinstance(value, dict) or not all(
        isinstance(name, str) and isinstance(plan, dict) for name, plan in value.items()
    ):
        raise ConfigurationError(
            _("TRUSTBACKUP['PLANS'] is not a dictionary of dictionaries"),
            todo=_("Write 'PLANS': {'nightly': {'SCHEDULE': '30 4 * * *'}}."),
        )


def check_keep_local(value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ConfigurationError(
            _("TRUSTBACKUP['KEEP_LOCAL'] is %(value)s", value=repr(value)),
            todo=_("Give a whole number from 0 on, or None to keep the data of all backups here."),
        )


def read_doors(value: object) -> tuple[str, ...]:
    """From where a restore may be started."""
    if isinstance(value, list | tuple) and all(door in RESTORE_DOORS for door in value):
        return tuple(value)
    raise ConfigurationError(
        _("TRUSTBACKUP['RESTORE'] is %(value)s", value=repr(value)[:100]),
        todo=_("Give a list of some of %(known)s.", known=", ".join(map(repr, RESTORE_DOORS))),
    )


def check_notifications(value: object) -> None:
    """Only the form: what is wrong with one route must stop no other, and no backup."""
    if value is not None and (
        not isinstance(value, dict)
        or not all(
            isinstance(name, str) and name and isinstance(route, dict)
            for name, route in value.items()
        )
    ):
        raise ConfigurationError(
            _("TRUSTBACKUP['NOTIFICATIONS'] is not a dictionary of dictionaries"),
            todo=_("Write 'NOTIFICATIONS': {'admins': {'CHANNEL': 'email'}}."),
        )


def check_site_url(value: object) -> None:
    if not isinstance(value, str) or (value and not value.startswith(("http://", "https://"))):
        raise ConfigurationError(
            _("TRUSTBACKUP['SITE_URL'] is %(value)s", value=repr(value)),
            todo=_("Give the site's address, such as 'https://shop.example'."),
        )


def read_hooks(value: object, actions: Sequence[str]) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ConfigurationError(
            _("TRUSTBACKUP['HOOKS'] is not a dictionary"),
            todo=_("Write 'HOOKS': {'before_create': ['dotted.path.of.a_function']}."),
        )
    for name in value:
        when, _space, action = str(name).partition("_")
        if when not in ("before", "after") or action not in actions:
            known = [f"{when}_{action}" for when in ("before", "after") for action in actions]
            near = difflib.get_close_matches(str(name), known, n=1)
            raise ConfigurationError(
                _("TRUSTBACKUP['HOOKS'] has an unknown key %(key)s", key=repr(name)),
                todo=_("Did you mean %(near)r?", near=near[0])
                if near
                else _("Known are %(known)s.", known=", ".join(known)),
            )
    return {str(name): read_strings("HOOKS", paths) for name, paths in value.items()}


def read_strings(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise ConfigurationError(
        _("TRUSTBACKUP[%(name)r] is not a list of texts", name=name),
        todo=_("Write %(name)r: ['…'].", name=name),
    )


def check_sendfile(value: object) -> None:
    if not isinstance(value, str) or (
        value not in ("", X_SENDFILE) and not (value.startswith("/") and value.endswith("/"))
    ):
        raise ConfigurationError(
            _("TRUSTBACKUP['SENDFILE'] is %(value)s", value=repr(value)),
            todo=_("Give 'X-Sendfile', or the path of an internal location such as '/internal/'."),
        )


def check_environment(value: object) -> None:
    """It stands in each manifest, and is typed by people."""
    if (
        not isinstance(value, str)
        or len(value) > _LONGEST_ENVIRONMENT
        or not value.isprintable()
        or value != value.strip()
    ):
        raise ConfigurationError(
            _("TRUSTBACKUP['ENVIRONMENT'] is %(value)s", value=repr(value)[:100]),
            todo=_("Give a short name, such as 'production' or 'staging'."),
        )
