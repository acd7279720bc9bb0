"""A plan, read strictly: from its row or from the settings it becomes one frozen description.

Pure: whether its databases and destinations are there is found out when it runs.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, NoReturn

from trustbackup.exceptions import ConfigurationError
from trustbackup.phrases import Phrase
from trustbackup.phrases import gettext as _
from trustbackup.policy.retention import RetentionPolicy
from trustbackup.policy.schedule import Schedule, ScheduleError, parse_schedule

NAME = re.compile(r"[A-Za-z0-9_-]{1,50}", re.ASCII)
"""What a plan may be called: it stands in addresses and in file names' company."""
DEFAULT_GRACE = timedelta(hours=2)
KINDS = ("database", "full", "media", "settings", "app")
"""The types of backups that a plan can make."""
OF_FILES = ("full", "media")
"""Those of them that hold uploaded files."""
OF_DATABASES = ("database", "full")
"""Those of them that hold whole databases: no other brings a lost site back."""
_LONGEST_GRACE = timedelta(days=366)


class Source(StrEnum):
    """Where a plan is written down."""

    ROW = "row"
    SETTINGS = "settings"


@dataclass(frozen=True, kw_only=True)
class DrillRule:
    """When a plan's backups are restored in a drill; without a number, never by itself."""

    every: int | None = None
    """After each so many backups."""
    days: int | None = None
    """At least once in so many days."""
    window: tuple[time, time] | None = None
    """Only between these times of the plan's zone; the end may be on the next day."""

    def as_dict(self) -> dict[str, Any]:
        """Its JSON form, without what is not set."""
        window = [f"{at:%H:%M}" for at in self.window] if self.window else None
        given = {"every": self.every, "days": self.days, "window": window}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class PlanSpec:
    """What to back up, how, when, where copies go, and how long to keep it."""

    name: str
    enabled: bool = True
    source: Source = Source.ROW
    kind: str = "database"
    databases: tuple[str, ...] = ()
    """Aliases; () for those that a backup holds when none is named. Of rows at most one."""
    app: str = ""
    """The label of the app whose data it holds; "" for every other kind."""
    excluded: tuple[str, ...] = ()
    """Tables whose rows are left out, with or without their schema."""
    archive: bool = False
    """Whether uploaded files are one archive in each backup; else they are objects."""
    compression: str = ""
    """"" for the site's."""
    encrypt_to: tuple[str, ...] = ()
    """Public keys of age; none leaves its backups as they are."""
    destinations: tuple[str, ...] = ()
    """Besides those that take every backup."""
    schedule: Schedule | None = None
    """None for a plan that runs by hand alone."""
    retention: RetentionPolicy | None = None
    """None for a plan that never deletes anything."""
    destination_retention: Mapping[str, RetentionPolicy] = field(default_factory=dict)
    """By a destination's name, where it differs there."""
    drill: DrillRule = DrillRule()
    skip_unchanged: bool = False
    grace: timedelta = DEFAULT_GRACE
    """How long after a due time its backup is late."""
    created: datetime | None = None
    """Since when it has this schedule: due times before are none of its. None if not known."""

    @property
    def holds_databases(self) -> bool:
        """Whether what it makes brings a lost site back."""
        return self.kind in OF_DATABASES

    @property
    def incremental(self) -> bool:
        """Whether its backups share what did not change."""
        return self.kind in OF_FILES and not self.archive and not self.encrypt_to


def read_plan(
    name: str, values: Mapping[str, object], source: Source, created: datetime | None = None
) -> PlanSpec:
    """A plan from its row's fields or its settings, whose keys are PlanSpec's in any case.

    ``schedule`` is a cron line or "", ``zone`` a name, ``grace`` minutes. Raises
    ConfigurationError.
    """
    reader = _Reader(name)
    if not NAME.fullmatch(name):
        reader.refuse(
            _("its name is not one"), _("Use at most 50 letters, digits, dashes and underscores.")
        )
    given = {str(key).lower(): value for key, value in values.items()}
    for key in given:
        if key not in _READERS and key not in ("schedule", "zone"):
            reader.refuse_key(key)
    found = {key: read(reader, key, given[key]) for key, read in _READERS.items() if key in given}
    schedule = reader.schedule(given.get("schedule") or "", given.get("zone", ""))
    spec = PlanSpec(name=name, source=source, schedule=schedule, created=created, **found)
    reader.check_kind(spec)
    return spec


class _Reader:
    """Reads the values of one plan, and names it in what it raises."""

    def __init__(self, name: str) -> None:
        self._name = name

    def refuse(self, why: str, todo: str) -> NoReturn:
        raise ConfigurationError(
            _("Plan %(name)r can't be followed", name=self._name), why=why, todo=todo
        )

    def refuse_key(self, key: str) -> NoReturn:
        known = [name.upper() for name in (*_READERS, "schedule", "zone")]
        near = difflib.get_close_matches(key.upper(), known, n=1)
        self.refuse(
            _("it has an unknown key %(key)r", key=key.upper()),
            _("Did you mean %(near)r?", near=near[0])
            if near
            else _("Known are %(known)s.", known=", ".join(sorted(known))),
        )

    def _refuse_value(self, key: str, value: object, todo: Phrase) -> NoReturn:
        self.refuse(_("its %(key)s is %(value)s", key=key.upper(), value=repr(value)[:100]), todo)

    def boolean(self, key: str, value: object) -> bool:
        if not isinstance(value, bool):
            self._refuse_value(key, value, _("Say True or False."))
        return value

    def text(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            self._refuse_value(key, value, _("Give a text."))
        return value

    def kind(self, key: str, value: object) -> str:
        if value not in KINDS:
            todo = _("Choose one of %(known)s.", known=", ".join(KINDS))
            self._refuse_value(key, value, todo)
        return str(value)

    def check_kind(self, spec: PlanSpec) -> None:
        """What a plan of one app's data needs, and what is of whole databases alone."""
        if spec.app and spec.kind != "app":
            self._refuse_value("app", spec.app, _("Set its KIND to 'app', or leave it out."))
        if spec.kind == "full" and spec.skip_unchanged:
            # By the database alone nobody sees that a file was uploaded.
            todo = _("Leave it out: whether files changed is not compared.")
            self._refuse_value("skip_unchanged", spec.skip_unchanged, todo)
        if spec.archive and spec.kind not in OF_FILES:
            todo = _("Leave it out: no uploaded files are in its backups.")
            self._refuse_value("archive", spec.archive, todo)
        if spec.kind in OF_DATABASES:
            return
        if spec.kind == "media":
            self._check_media(spec)
            return
        if spec.kind == "app" and not spec.app:
            self.refuse(_("it names no app"), _("Set its APP to the app's label, such as 'shop'."))
        if len(spec.databases) > 1:
            self._refuse_value("databases", list(spec.databases), _("Name one, or none."))
        of_databases = {
            "excluded": list(spec.excluded),
            "drill": spec.drill.as_dict(),
            "skip_unchanged": spec.skip_unchanged,
        }
        for key, value in of_databases.items():
            if value:
                todo = (
                    _("Leave it out: an app's data is no database.")
                    if spec.kind == "app"
                    else _("Leave it out: settings are no database.")
                )
                self._refuse_value(key, value, todo)

    def _check_media(self, spec: PlanSpec) -> None:
        of_databases = {
            "databases": list(spec.databases),
            "excluded": list(spec.excluded),
            "skip_unchanged": spec.skip_unchanged,
        }
        for key, value in of_databases.items():
            if value:
                todo = _("Leave it out: uploaded files are no database.")
                self._refuse_value(key, value, todo)

    def texts(self, key: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not all(
            isinstance(item, str) and item for item in value
        ):
            self._refuse_value(key, value, _("Give a list of texts."))
        return tuple(dict.fromkeys(value))

    def minutes(self, key: str, value: object) -> timedelta:
        most = int(_LONGEST_GRACE.total_seconds() // 60)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            self._refuse_value(key, value, _("Give minutes, from 1 to %(most)d.", most=most))
        return timedelta(minutes=value)

    def retention(self, key: str, value: object) -> RetentionPolicy:
        try:
            return RetentionPolicy.from_dict(self._mapping(key, value))
        except ValueError as error:
            why = error.args[0] if isinstance(error.args[0], Phrase) else str(error)
            self.refuse(_("its %(key)s: %(why)s", key=key.upper(), why=why), _SEE_RETENTION)

    def retentions(self, key: str, value: object) -> dict[str, RetentionPolicy]:
        return {
            str(name): self.retention(key, one) for name, one in self._mapping(key, value).items()
        }

    def drill(self, key: str, value: object) -> DrillRule:
        given = self._mapping(key, value)
        if unknown := given.keys() - {"every", "days", "window"}:
            self._refuse_value(key, sorted(unknown), _("Known are every, days and window."))
        for name in ("every", "days"):
            number = given.get(name)
            if number is not None and (
                isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 10_000
            ):
                self._refuse_value(f"{key} {name}", number, _("Give a number from 1 on."))
        return DrillRule(
            every=given.get("every"), days=given.get("days"), window=self._window(key, given)
        )

    def _window(self, key: str, given: Mapping[str, Any]) -> tuple[time, time] | None:
        window = given.get("window")
        if window is None:
            return None
        try:
            begin, end = (time.fromisoformat(at) for at in window)
        except (TypeError, ValueError):
            begin = end = time()
        if begin == end or begin.tzinfo or end.tzinfo:
            todo = _("Give two times, such as ['01:00', '05:00'].")
            self._refuse_value(f"{key} window", window, todo)
        return begin, end

    def schedule(self, text: object, zone: object) -> Schedule | None:
        if not text:
            return None
        try:
            return parse_schedule(self.text("schedule", text), self.text("zone", zone))
        except ScheduleError as error:
            self.refuse(error.why, error.todo)

    def _mapping(self, key: str, value: object) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            self._refuse_value(key, value, _("Give a dictionary."))
        return value


_SEE_RETENTION = _("Give numbers such as {'daily': 7, 'weekly': 4}.")
_READERS: Mapping[str, Callable[[_Reader, str, object], Any]] = {
    "enabled": _Reader.boolean,
    "kind": _Reader.kind,
    "databases": _Reader.texts,
    "app": _Reader.text,
    "excluded": _Reader.texts,
    "archive": _Reader.boolean,
    "compression": _Reader.text,
    "encrypt_to": _Reader.texts,
    "destinations": _Reader.texts,
    "retention": _Reader.retention,
    "destination_retention": _Reader.retentions,
    "drill": _Reader.drill,
    "skip_unchanged": _Reader.boolean,
    "grace": _Reader.minutes,
}
