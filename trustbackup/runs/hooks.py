"""What a site does before and after an action: ``TRUSTBACKUP["HOOKS"]``.

``"HOOKS": {"before_create": ["shop.backups.close_the_till"]}``. Each is a function that gets a
``HookCall``. One before an action may refuse it: by a sentence that it returns, or an error.
What one after it returns is a note; its error is one, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.module_loading import import_string

from trustbackup.conf import get_settings
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Run
from trustbackup.phrases import Phrase
from trustbackup.phrases import gettext as _

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HookCall:
    """What a hook is told; what comes after the action is empty before it."""

    action: str
    """``create``, ``restore`` and so on."""
    run: str
    """The run's id, the same before and after."""
    target: str = ""
    """What it is about, as far as that is known: a name, a backup's id."""
    plan: str = ""
    actor: str = ""
    address: str = ""
    state: str = ""
    """How it ended: ``succeeded``, ``partial``, ``failed`` or ``cancelled``."""
    error: str = ""
    outcome: Mapping[str, Any] = field(default_factory=dict)


class HookRefusal(TrustbackupError):
    """A hook of the site refused it."""

    default = _("A hook of the site refused it")
    permanent = False


def call_before(run: Run, plan: str = "") -> None:
    """Ask every hook before an action; the first that refuses ends it. Raises HookRefusal."""
    for path in get_settings().hooks.get(f"before_{run.action}", ()):
        refusal = _call(path, _describe(run, plan))
        if refusal:
            raise HookRefusal(
                _("%(action)s was not begun", action=run.action),
                why=_("%(path)s says: %(problem)s", path=path, problem=refusal),
            )


def call_after(run: Run, plan: str, outcome: Mapping[str, Any]) -> Iterator[Phrase]:
    """Call every hook after an action, whatever the others do; yields what they say.

    Raises Cancelled: what is asked to end calls no further one.
    """
    for path in get_settings().hooks.get(f"after_{run.action}", ()):
        said = _call(path, _describe(run, plan, outcome))
        if said:
            yield _("%(path)s says: %(problem)s", path=path, problem=said)


def _describe(run: Run, plan: str, outcome: Mapping[str, Any] | None = None) -> HookCall:
    over = outcome is not None
    return HookCall(
        action=run.action,
        run=str(run.id),
        target=run.target,
        plan=plan,
        actor=run.actor,
        address=run.address,
        state=str(run.state) if over else "",
        error=str(run.error) if over else "",
        outcome=dict(outcome or {}),
    )


def _call(path: str, call: HookCall) -> str:
    """What a hook says; "" is nothing. Raises Cancelled."""
    try:
        hook: Callable[[HookCall], object] = import_string(path)
        answer = hook(call)
    except TrustbackupError as error:
        return str(error)
    except Exception as error:
        logger.exception("The hook %s failed", path)
        return f"{type(error).__name__}: {error}"
    return answer if isinstance(answer, str) else ""
