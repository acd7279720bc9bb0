"""Test a destination, saved or not, step by step, within a time that no server decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import DatabaseError
from django.views.decorators.debug import sensitive_variables

from trustbackup import models, phrases
from trustbackup.destinations.base import (
    DestinationBackend,
    DestinationError,
    OfferedKey,
    Space,
    Step,
)
from trustbackup.destinations.guarded import translating_surprises
from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.offsite.guard import must_be_private
from trustbackup.operations.offsite.targets import (
    connect,
    kinds,
    open_secrets,
    ref_of,
)
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.phrases import gettext as _
from trustbackup.sealing import seal_secrets, unseal_secrets

PATIENCE = {"timeout": 10.0, "connect_timeout": 5.0, "read_timeout": 10.0}
"""Seconds at most, by a configuration's field. The test ends at the first step that fails, so
that it takes about twice as long at worst."""

LONGEST = 55.0
"""Seconds of a whole test, whatever its library does; those of ours end themselves before."""

SEALED = models.Run.SEALED
_LOOK_EVERY = 0.2
"""Seconds between two looks whether somebody stopped the test."""


@dataclass(frozen=True)
class ConnectionTestResult:
    """How a test went, step by step to the first that failed."""

    steps: list[Step]
    space: Space = field(default_factory=Space)

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def host_key(self) -> OfferedKey | None:
        """What a person may confirm, so that the step that failed works."""
        return next((step.offered for step in self.steps if step.offered), None)

    @property
    def problem(self) -> str:
        return next((step.detail for step in self.steps if not step.ok), "")

    def as_outcome(self) -> dict[str, Any]:
        """Plain values for a run's row; a phrase stays one that a page can translate."""
        return {
            "steps": [{**asdict(step), "detail": phrases.dumps(step.detail)} for step in self.steps]
        }

    @classmethod
    def from_outcome(cls, outcome: Mapping[str, Any]) -> ConnectionTestResult:
        """What ``as_outcome`` wrote."""
        steps = []
        for values in outcome.get("steps", ()):
            offered = OfferedKey(**values["offered"]) if values["offered"] else None
            detail = phrases.loads(values["detail"])
            steps.append(Step(**{**values, "offered": offered, "detail": detail}))
        return cls(steps)


@sensitive_variables()
def try_destination(
    kind: str, options: Mapping[str, Any], secrets: Mapping[str, str], report: Reporter = quiet
) -> ConnectionTestResult:
    """Test what a form holds. Raises Cancelled; what is wrong is in a step."""
    try:
        with translating_surprises(_("The destination can't be used"), secrets.values()):
            limits = {
                name: min(float(options.get(name, most)), most) for name, most in PATIENCE.items()
            }
        destination = connect(kind, {**options, **limits}, secrets)
    except TrustbackupError as error:
        return _refused(error)
    return _within_time(destination, report, knows_space=kinds()[kind].capabilities.knows_space)


@sensitive_variables()
def options_to_try(
    kind: str, options: Mapping[str, Any], secrets: Mapping[str, str]
) -> dict[str, Any]:
    """What the row of a run that is to test a form holds: its secrets are sealed."""
    return {"kind": kind, "options": dict(options), SEALED: seal_secrets(secrets)}


@sensitive_variables()
def try_as_asked(asked: Mapping[str, Any], report: Reporter = quiet) -> ConnectionTestResult:
    """Test what a run was asked to: what ``options_to_try`` gave, or a saved ``destination``.

    Raises Cancelled, UsageError where that is gone.
    """
    if "destination" in asked:
        row = models.Destination.objects.filter(name=asked["destination"]).first()
        if row is None:
            raise UsageError(
                _("There is no destination %(name)r", name=asked["destination"]),
                todo=_("Add one on the page, or give a URL."),
            )
        return try_saved(row, report)
    try:
        secrets = unseal_secrets(asked[SEALED])
    except TrustbackupError as error:
        return _refused(error)
    return try_destination(asked["kind"], asked["options"], secrets, report)


def _within_time(
    destination: DestinationBackend, report: Reporter, *, knows_space: bool
) -> ConnectionTestResult:
    """The test in a thread of its own: a library may wait for ever, who asked for it not."""
    steps: list[Step] = []
    spaces: list[Space] = []
    surprises: list[Exception] = []

    def work() -> None:
        try:
            with destination:
                for step in steps_of(destination):
                    steps.append(step)  # noqa: PERF402 - what was done is seen while more is
                if knows_space and all(step.ok for step in steps):
                    with suppress(TrustbackupError):
                        spaces.append(destination.space())
        except Exception as error:
            surprises.append(error)

    thread = threading.Thread(target=work, name="trustbackup-test", daemon=True)
    thread.start()
    until = time.monotonic() + LONGEST
    while thread.is_alive() and time.monotonic() < until:
        report(Progress(stage="testing the connection"))
        thread.join(_LOOK_EVERY)
    if surprises:
        raise surprises[0]
    done = [*steps]
    if thread.is_alive():
        error = DestinationError(
            _("The test was ended"),
            why=_("it was not over within %(seconds)g seconds", seconds=LONGEST),
            todo=_("Check the server and the network: it answers, but never to the end."),
        )
        done.append(Step("connection", ok=False, seconds=LONGEST, detail=str(error)))
    return ConnectionTestResult(done, spaces[0] if spaces else Space())


@sensitive_variables()
def try_saved(row: models.Destination, report: Reporter = quiet) -> ConnectionTestResult:
    """Test a destination as it is saved, and write down how that ended. Raises Cancelled."""
    try:
        secrets = open_secrets(row)
    except TrustbackupError as error:
        result = _refused(error)
    else:
        result = try_destination(row.kind, row.options, secrets, report)
    ref_of(row).note(result.problem)
    if result.ok:
        known = {"free_bytes": result.space.free, "used_bytes": result.space.used}
        with suppress(DatabaseError):
            models.Destination.objects.filter(pk=row.pk).update(**known)
    return result


def _refused(error: TrustbackupError) -> ConnectionTestResult:
    return ConnectionTestResult([Step("settings", ok=False, seconds=0.0, detail=str(error))])


def steps_of(destination: DestinationBackend) -> Iterator[Step]:
    """Its own steps, once it lies where copies may; to the first that fails. Raises nothing."""
    try:
        must_be_private(destination)
        yield from destination.check()
    except TrustbackupError as error:
        yield from _refused(error).steps
