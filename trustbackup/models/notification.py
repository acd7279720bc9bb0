"""Who hears of what, and what became of each message."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from trustbackup.events import EventKind
from trustbackup.models.fields import MomentField, PhraseField

KIND_LABELS: dict[EventKind, str | Promise] = {
    EventKind.STARTED: _("begins"),
    EventKind.SUCCESS: _("went well"),
    EventKind.PARTIAL: _("went well in part"),
    EventKind.FAILURE: _("failed"),
    EventKind.PROOF_FAILED: _("a proof failed"),
    EventKind.PRUNING_FAILED: _("the clean-up failed"),
    EventKind.LATE: _("is late"),
    EventKind.RECOVERED: _("is well again"),
    EventKind.ANOMALY: _("differs oddly"),
    EventKind.DISK_LOW: _("room runs out"),
    EventKind.DIGEST: _("weekly digest"),
    EventKind.TEST: _("a test"),
}
"""Each kind of event and its name on a page."""
CLAIM_HOLDS = timedelta(minutes=10)
"""Who has not sent a message by then is taken for dead, and another one sends it."""
_FARTHEST = timedelta(days=2)
"""No try is put off for longer; one that seems so was put off by a clock that was wrong."""


class Route(models.Model):
    """Which events of which plans go to whom, by what; its secrets are sealed (``vault.py``)."""

    name = models.SlugField(_("name"), max_length=50, unique=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    channel = models.CharField(_("channel"), max_length=20)
    events = models.JSONField(_("events"), default=list)
    plans = models.JSONField(_("plans"), default=list, blank=True)
    """Names; [] is all, and what belongs to none."""
    actions = models.JSONField(_("actions"), default=list, blank=True)
    """Of whose runs it hears; [] is all."""
    options = models.JSONField(_("options"), default=dict, blank=True)
    secrets = models.TextField(_("secrets"), blank=True, editable=False)
    language = models.CharField(_("language"), max_length=20, blank=True)
    """"" for the site's."""
    created = MomentField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Messages, by how they are."""

    def due(self, now: datetime) -> DeliveryQuerySet:
        """Those that somebody should send now, oldest first."""
        waiting = models.Q(state=Delivery.State.WAITING) & (
            models.Q(next_try__lte=now) | models.Q(next_try__gt=now + _FARTHEST)
        )
        lost = models.Q(state=Delivery.State.SENDING) & (
            models.Q(claimed__lte=now - CLAIM_HOLDS) | models.Q(claimed__gt=now + _FARTHEST)
        )
        return self.filter(waiting | lost).order_by("at", "pk")

    def next_try(self) -> datetime | None:
        """When the next of those that wait is to be sent; None when none waits."""
        waiting = self.filter(state=Delivery.State.WAITING)
        found: datetime | None = waiting.aggregate(first=models.Min("next_try"))["first"]
        return found

    def of_route(self, name: str) -> DeliveryQuerySet:
        """The history of a route, newest first."""
        return self.filter(route=name).order_by("-at", "-pk")


class Delivery(models.Model):
    """One event on its way to one route: there is one row for both, whoever writes it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        """It was given up."""

    route = models.CharField(_("notification"), max_length=50)
    key = models.CharField(max_length=200, editable=False)
    """The event's own."""
    kind = models.CharField(_("event"), max_length=20)
    plan = models.CharField(_("plan"), max_length=50, blank=True)
    subject = models.CharField(_("about"), max_length=200, blank=True)
    sentence = PhraseField(_("sentence"), blank=True)
    at = MomentField(_("at"), db_index=True)
    detail = models.JSONField(_("detail"), default=dict)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.WAITING
    )
    tries = models.PositiveIntegerField(_("tries"), default=0)
    next_try = MomentField(_("next try"), null=True)
    claimed = MomentField(_("taken on"), null=True)
    finished = MomentField(_("sent or given up"), null=True)
    reached = models.JSONField(_("reached"), default=list)
    """Who has it already, where a message goes to several."""
    problem = PhraseField(_("problem"), blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering: ClassVar[list[str]] = ["-at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["route", "key"], name="trustbackup_one_message_each")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "next_try"], name="trustbackup_delivery_due")
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.route}"
