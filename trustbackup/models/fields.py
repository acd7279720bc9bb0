"""Fields of our models: texts that a page translates, and moments in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from trustbackup import phrases
from trustbackup.conf.zone import site_zone


class PhraseField(models.TextField):  # type: ignore[type-arg]  # generic for mypy alone
    """A text that may be a phrase, which a page translates."""

    def get_prep_value(self, value: object) -> object:
        return phrases.dumps(value) if isinstance(value, str) else value

    def from_db_value(self, value: str | None, *_details: object) -> str | None:
        return value if value is None else phrases.loads(value)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """To a migration it is a text."""
        name, _path, arguments, options = super().deconstruct()
        return name, "django.db.models.TextField", arguments, options


class MomentField(models.DateTimeField):  # type: ignore[type-arg]  # generic for mypy alone
    """An aware datetime, whatever ``USE_TZ`` says: a backup is of one instant.

    Where Django would keep local times without a zone, a database without zones has the moment
    in UTC, as it has with ``USE_TZ``: the hour that autumn repeats is not ambiguous, and the
    setting can be changed later.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: ANN401
        value = _aware(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:  # noqa: ANN401
        return super().get_prep_value(_aware(self.to_python(value)))

    def get_db_prep_value(
        self,
        value: Any,  # noqa: ANN401
        connection: BaseDatabaseWrapper,
        prepared: bool = False,
    ) -> Any:  # noqa: ANN401
        if not prepared:
            value, prepared = self.get_prep_value(value), True
        zones = settings.USE_TZ or connection.features.supports_timezones
        if isinstance(value, datetime) and not zones:
            value = timezone.make_naive(value, UTC)
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(
        self, value: datetime | None, _expression: object, connection: BaseDatabaseWrapper
    ) -> datetime | None:
        if value is None or timezone.is_aware(value):
            return value
        zone = _session_zone(connection) if connection.features.supports_timezones else UTC
        return value.replace(tzinfo=zone)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """To a migration it is a datetime."""
        name, _path, arguments, options = super().deconstruct()
        return name, "django.db.models.DateTimeField", arguments, options


def _session_zone(connection: BaseDatabaseWrapper) -> tzinfo:
    """The zone in which a server tells the times that Django then takes the zone from.

    Without a ``TIME_ZONE`` Django leaves a session in the server's own.
    """
    if settings.TIME_ZONE:
        return site_zone()
    try:
        return ZoneInfo(connection.connection.info.parameter_status("TimeZone"))
    except (KeyError, ValueError, OSError):  # one that is no name, such as "<+03>-03"
        return UTC


def _aware(value: Any) -> Any:  # noqa: ANN401
    """A datetime without a zone is taken for one of the site's ``TIME_ZONE``."""
    if isinstance(value, datetime) and timezone.is_naive(value):
        return timezone.make_aware(value, site_zone())
    return value
