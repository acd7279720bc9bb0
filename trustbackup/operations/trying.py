"""Test a destination while somebody waits for the answer, with what need not be saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError

from trustbackup import models
from trustbackup.destinations.base import Destination, Space, Step
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.places import connect, open_secrets, place_of
from trustbackup.operations.site import Site

PATIENCE = {"timeout": 10.0, "connect_timeout": 5.0, "read_timeout": 10.0}
"""Seconds at most, by a configuration's field. The test ends at the first step that fails, so
that it takes about twice as long at worst: less than the 30 seconds that web servers wait."""


@dataclass(frozen=True)
class OfferedKey:
    """A server's host key that was not pinned yet, or is another than the pinned one."""

    line: str
    fingerprint: str
    pinned: str = ""
    """The fingerprint of the one that was pinned."""


@dataclass(frozen=True)
class Trial:
    """How a test went, step by step to the first that failed."""

    steps: list[Step]
    space: Space = field(default_factory=Space)
    host_key: OfferedKey | None = None

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def problem(self) -> str:
        return next((step.detail for step in self.steps if not step.ok), "")


def try_destination(kind: str, options: Mapping[str, Any], secrets: Mapping[str, str]) -> Trial:
    """Test what a form holds. Raises nothing: what is wrong is in a step."""
    limits = {name: min(float(options.get(name, most)), most) for name, most in PATIENCE.items()}
    try:
        destination = connect(kind, {**options, **limits}, secrets)
    except TrustbackupError as error:
        return _refused(error)
    with destination:
        steps = list(_steps(destination))
        space = Space()
        if all(step.ok for step in steps) and destination.capabilities.knows_space:
            with suppress(TrustbackupError):
                space = destination.space()
    last = steps[-1] if steps else None
    if kind == "sftp" and last and last.name == "host key" and not last.ok:
        return Trial(steps, host_key=_offered(options, limits["timeout"]))
    return Trial(steps, space)


def try_saved(row: models.Destination) -> Trial:
    """Test a destination as it is saved, and write down how that ended."""
    try:
        secrets = open_secrets(row)
    except TrustbackupError as error:
        trial = _refused(error)
    else:
        trial = try_destination(row.kind, row.options, secrets)
    place_of(row).note(trial.problem)
    if trial.ok:
        known = {"free_bytes": trial.space.free, "used_bytes": trial.space.used}
        with suppress(DatabaseError):
            models.Destination.objects.filter(pk=row.pk).update(**known)
    return trial


def _refused(error: TrustbackupError) -> Trial:
    return Trial([Step("settings", ok=False, seconds=0.0, detail=str(error))])


def _steps(destination: Destination) -> Iterator[Step]:
    try:
        yield from destination.check()
    except TrustbackupError as error:
        yield from _refused(error).steps


def _offered(options: Mapping[str, Any], timeout: float) -> OfferedKey | None:
    from trustbackup.destinations.sftp.connection import fetch_host_key
    from trustbackup.destinations.sftp.host_keys import parse_host_key

    try:
        found = fetch_host_key(
            str(options["host"]),
            int(options.get("port", 22)),
            timeout=timeout,
            allowed_hosts=Site.current().settings.allowed_hosts,
        )
        pinned = options.get("host_key")
        known = parse_host_key(str(pinned)).fingerprint if pinned else ""
    except TrustbackupError:
        return None
    return OfferedKey(found.line, found.fingerprint, known)
