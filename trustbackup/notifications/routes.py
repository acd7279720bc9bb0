"""Which routes there are: rows, those of ``TRUSTBACKUP["NOTIFICATIONS"]``, and the usual one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings as django_settings
from django.views.decorators.debug import sensitive_variables

from trustbackup.conf import HOOKABLE, get_settings
from trustbackup.events import PROBLEMS, SELECTABLE, Event, EventKind
from trustbackup.exceptions import ConfigurationError, TrustbackupError
from trustbackup.models import Route
from trustbackup.notifications.channel import Channel
from trustbackup.phrases import gettext as _
from trustbackup.policy.plan import NAME
from trustbackup.sealing import unseal_secrets

ROW, SETTINGS, USUAL = "row", "settings", "usual"
ADMINS = "admins"
"""The name of the usual route."""
_KEYS = {"CHANNEL", "ENABLED", "EVENTS", "PLANS", "ACTIONS", "LANGUAGE"}


@dataclass(frozen=True, kw_only=True)
class RouteSpec:
    """Which events go to whom by what, wherever that is written."""

    name: str
    channel: str
    events: frozenset[EventKind]
    plans: tuple[str, ...] = ()
    """() is all, and what belongs to none."""
    actions: tuple[str, ...] = ()
    """() is all; what is no run's goes to everybody."""
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)
    """Opens what is sealed. Raises SecretError."""
    language: str = ""
    enabled: bool = True
    source: str = ROW

    def wants(self, event: Event) -> bool:
        """Whether it is told of this."""
        action = event.detail.get("action")
        return (
            self.enabled
            and event.kind in self.events
            and (not self.plans or event.plan in self.plans)
            and (not self.actions or not action or action in self.actions)
        )

    @sensitive_variables()
    def open(self) -> Channel:
        """What sends its messages; connects to nothing. Raises TrustbackupError."""
        # Mail and HTTP are loaded when there is something to send.
        from trustbackup.notifications.channels.registry import open_channel

        return open_channel(self.channel, self.options, self.secrets())


def all_routes(using: str | None = None) -> list[RouteSpec]:
    """Rows and settings, by name; without any, the usual one, if the site has ADMINS.

    ``using`` is the alias to ask. Raises DatabaseError.
    """
    rows = [spec_of(row) for row in Route.objects.using(using).all()]
    found = {spec.name: spec for spec in (*rows, *settings_routes())}
    if not found and get_settings().notifications is None and django_settings.ADMINS:
        return [_usual()]
    return sorted(found.values(), key=lambda spec: spec.name)


def spec_of(row: Route) -> RouteSpec:
    """What a row says. Names that this version does not know are left out."""
    known = set(EventKind)
    return RouteSpec(
        name=row.name,
        channel=row.channel,
        events=frozenset(EventKind(kind) for kind in row.events if kind in known),
        plans=tuple(row.plans),
        actions=tuple(row.actions),
        options=row.options,
        secrets=lambda: unseal_secrets(row.secrets),
        language=row.language,
        enabled=row.enabled,
        source=ROW,
    )


def settings_routes(*, usual: bool = False) -> list[RouteSpec]:
    """Those of the settings that make sense; ``settings_problems`` says what is wrong with others.

    ``usual`` adds the usual one where the settings have none: for when no row can be read.
    """
    configured = get_settings().notifications
    if configured is None:
        return [_usual()] if usual and django_settings.ADMINS else []
    return _read(configured)[0]


def unreadable_routes() -> dict[str, TrustbackupError]:
    """Those of the settings that say nothing to go by, by name: what is wrong with each."""
    return _read(get_settings().notifications or {})[1]


@sensitive_variables("configured", "values")
def _read(
    configured: Mapping[str, Any],
) -> tuple[list[RouteSpec], dict[str, TrustbackupError]]:
    found, problems = [], {}
    for name, values in configured.items():
        try:
            found.append(read_route(name, values))
        except TrustbackupError as error:
            problems[name] = error
    return found, problems


def settings_problems() -> list[TrustbackupError]:
    """What is wrong with the routes of the settings, each opened without connecting."""
    problems: list[TrustbackupError] = []
    for name, values in (get_settings().notifications or {}).items():
        try:
            read_route(name, values).open()
        except TrustbackupError as error:
            what = _("TRUSTBACKUP['NOTIFICATIONS'][%(name)r] can't be used", name=name)
            problems.append(ConfigurationError(what, why=error.sentence, todo=error.todo))
    return problems


@sensitive_variables("values", "secrets")
def read_route(name: str, values: Mapping[str, Any]) -> RouteSpec:
    """One route of the settings. Raises TrustbackupError."""
    from trustbackup.notifications.channels.registry import channel_named

    if not NAME.fullmatch(name):
        raise ConfigurationError(
            _("The notification can't be used"),
            why=_("%(name)r can't be its name", name=name),
            todo=_("Use at most 50 letters, digits, dashes and underscores."),
        )
    channel = channel_named(values.get("CHANNEL", ""))
    own = {key.upper() for key in (*channel.option_names, *channel.secret_names)}
    for key in values:
        if key not in (known := _KEYS | own):
            near = difflib.get_close_matches(str(key).upper(), known, n=1)
            raise ConfigurationError(
                _("%(key)r is no key of a notification", key=str(key)),
                todo=_("Did you mean %(near)r?", near=near[0])
                if near
                else _("Known are %(known)s.", known=", ".join(sorted(known))),
            )
    enabled, language = values.get("ENABLED", True), values.get("LANGUAGE", "")
    if not isinstance(enabled, bool) or not isinstance(language, str):
        raise _wrong(_("ENABLED is no bool, or LANGUAGE no text"))
    secrets = {key: values[key.upper()] for key in channel.secret_names if key.upper() in values}
    if not all(isinstance(secret, str) for secret in secrets.values()):
        raise _wrong(_("an address or a secret is no text"))
    events = parse_events(values.get("EVENTS", sorted(channel.usual_events)))
    options = {key: values[key.upper()] for key in channel.option_names if key.upper() in values}
    if options.get("attach_limit") and EventKind.SUCCESS not in events:
        raise _wrong(_("it is to attach backups, and does not hear of success"))
    return RouteSpec(
        name=name,
        channel=channel.name,
        events=events,
        plans=_names("PLANS", values.get("PLANS", ())),
        actions=parse_actions(values.get("ACTIONS", channel.usual_actions)),
        options=options,
        secrets=lambda: secrets,
        language=language,
        enabled=enabled,
        source=SETTINGS,
    )


def parse_events(names: Sequence[str]) -> frozenset[EventKind]:
    """Kinds of events by name. Raises ConfigurationError for none, or one that is unknown."""
    kinds = _names("EVENTS", names)
    for name in kinds:
        if name not in SELECTABLE:
            raise ConfigurationError(
                _("There is no event %(name)r", name=name),
                todo=_("Choose one of %(known)s.", known=", ".join(SELECTABLE)),
            )
    if not kinds:
        raise _wrong(_("it hears of no event"))
    return frozenset(map(EventKind, kinds))


def parse_actions(names: Sequence[str]) -> tuple[str, ...]:
    """Actions by name. Raises ConfigurationError for one that is unknown."""
    for name in (actions := _names("ACTIONS", names)):
        if name not in HOOKABLE:
            raise ConfigurationError(
                _("There is no action %(name)r", name=name),
                todo=_("Choose one of %(known)s.", known=", ".join(HOOKABLE)),
            )
    return actions


def _names(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple | set | frozenset) and all(
        isinstance(item, str) for item in value
    ):
        return tuple(value)
    raise _wrong(_("%(key)s is not a list of texts", key=key))


def _wrong(why: str) -> ConfigurationError:
    return ConfigurationError(
        _("The notification can't be used"), why=why, todo=_("See the page on notifications.")
    )


def _usual() -> RouteSpec:
    """The ADMINS hear of what goes wrong, as of the site's other errors."""
    return RouteSpec(
        name=ADMINS,
        channel="email",
        events=PROBLEMS | {EventKind.RECOVERED},
        options={"admins": True},
        source=USUAL,
    )
