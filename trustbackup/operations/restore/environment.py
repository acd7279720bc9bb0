"""Whether a backup is of this environment: of production on staging it asks, and of anything else
in production it refuses.

A backup that tells no environment, and a site that has none, are not asked about: nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from trustbackup.conf import get_settings
from trustbackup.operations.restore.objections import Objections
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store.manifest import Manifest

PRODUCTION = ("live", "prod", "production")
"""What the environment is called whose data nobody wants to lose, in any case."""


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A backup of one environment that would be restored in another."""

    then: str
    """Where it was made."""
    now: str
    """Where this is."""

    @property
    def refuses(self) -> bool:
        """Whether it takes the command line and the name, not the name alone."""
        return self.now.casefold() in PRODUCTION

    def is_confirmed_by(self, name: str) -> bool:
        return name.strip().casefold() == self.then.casefold()


def crossing_of(manifest: Manifest | None) -> Crossing | None:
    """None where it stays in its environment, as far as that is known."""
    now = get_settings().environment
    then = manifest.environment if manifest else ""
    if not now or not then or now.casefold() == then.casefold():
        return None
    return Crossing(then=then, now=now)


def judge_environment(manifest: Manifest | None, answer: str | None) -> Objections:
    """``answer`` is the environment's name as somebody said it; None is who only looks, and is
    asked later.

    From the command line the name is enough everywhere: pages and programs look first, and find
    that they may not.
    """
    crossing = crossing_of(manifest)
    if crossing is None:
        return Objections()
    text = _("It was made in %(then)s, and this is %(now)s.", then=crossing.then, now=crossing.now)
    if crossing.is_confirmed_by(answer or "") or (answer is None and not crossing.refuses):
        return Objections.of(text, only_warn=True)
    todo = _(
        "If that is meant, restore it from the command line with --from-environment %(then)s.",
        then=crossing.then,
    )
    return Objections.of(joined([text, todo]))
