"""The contract of a channel: it is made of options and secrets, checked, and sends a message.

A channel knows no model. What it raises is a NotificationError, whose text has no secret.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self

from django.utils.functional import Promise

from trustbackup.events import EventKind
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _


class NotificationError(TrustbackupError):
    """The message was not sent."""

    default = _("The message was not sent")

    def __init__(
        self,
        what: str = "",
        *,
        why: str = "",
        todo: str = "",
        permanent: bool = False,
        reached: Collection[str] = (),
    ) -> None:
        super().__init__(what, why=why, todo=todo)
        self.permanent = permanent
        """True when trying the same thing again can't help."""
        self.reached = tuple(reached)
        """Who has it all the same, so that they are spared when it is tried again."""


class MessageTooLarge(NotificationError):
    """What was sent with it made it larger than the other side takes."""


@dataclass(frozen=True)
class AttachedFile:
    """A file that goes along."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One event as somebody reads it, in their language."""

    key: str
    """The same for each try, so that a receiver knows what it has already."""
    kind: EventKind
    at: datetime
    title: str
    """One line: what it is, and of which site."""
    text: str
    """All of it, in plain text."""
    html: str
    """The same as a page of its own."""
    payload: Mapping[str, Any]
    """The same for programs, in English: plain values."""
    log: str = ""
    """The end of the run's log."""
    run: str = ""
    """The run's id."""
    files: tuple[AttachedFile, ...] = ()
    """What goes along where the channel takes it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a site allows its channels, and how long they may take."""

    allowed_hosts: tuple[str, ...] = ()
    """As ``destinations/network.py`` takes them."""
    schemes: tuple[str, ...] = ()
    """Those that apprise may be given."""
    seconds: float = 10.0
    """Of one exchange, whatever the other side does."""


class Channel(ABC):
    """A way to reach somebody, as a route has set it up."""

    name: ClassVar[str]
    """In rows and settings: it stays."""
    label: ClassVar[str | Promise]
    option_names: ClassVar[tuple[str, ...]] = ()
    """What it is set up by."""
    secret_names: ClassVar[tuple[str, ...]] = ()
    """What of it is sealed. Each may be ``env:NAME`` or ``file:/path`` instead."""
    usual_actions: ClassVar[tuple[str, ...]] = ()
    """Whose runs it hears of when a route does not say; () is all."""
    usual_events: ClassVar[frozenset[EventKind]]
    """What it hears of when a route does not say."""

    @classmethod
    @abstractmethod
    def configure(
        cls, options: Mapping[str, Any], secrets: Mapping[str, str], limits: Limits
    ) -> Self:
        """Check what it is set up by, connecting to nothing. Raises NotificationError."""

    @property
    def attach_limit(self) -> int:
        """Bytes of a backup's files, encrypted ones, that its messages take along; 0 is none."""
        return 0

    @property
    @abstractmethod
    def address(self) -> str:
        """Where its messages go, without secrets."""

    @abstractmethod
    def send(self, message: Message, reached: Collection[str] = ()) -> None:
        """Send it, but not to those whom an earlier try ``reached``.

        Raises NotificationError, of which MessageTooLarge asks for the same without its files.
        """
