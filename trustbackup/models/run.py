"""Runs, and the audit trail."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from trustbackup.models.fields import MomentField, PhraseField

_FREE_SPACES = 60
"""Runs from which it is told how a disk fills."""


class RunQuerySet(models.QuerySet["Run"]):
    """Runs, by what they do and how they are."""

    def active(self) -> RunQuerySet:
        """Those that wait or go on."""
        return self.filter(state__in=Run.ACTIVE)

    def newest(self, now: datetime, *actions: str) -> Run | None:
        """The one of these actions that started last; not later than now, by a wrong clock."""
        begun = self.filter(action__in=actions, started__lte=now)
        return begun.order_by("-started").first()

    def failures_since(self, since: datetime, *actions: str) -> Sequence[datetime]:
        """When each failed one of these actions started."""
        failed = self.filter(action__in=actions, state=Run.State.FAILED, started__gte=since)
        return list(failed.values_list("started", flat=True))

    def pruning(self, now: datetime) -> RunQuerySet:
        """Those that cleaned up by the plans' rules and are over, newest first."""
        over = (Run.State.SUCCEEDED, Run.State.PARTIAL, Run.State.FAILED)
        found = self.filter(action="prune", state__in=over, started__lte=now)
        return found.exclude(target__startswith=Run.PRUNES_BY_NUMBER).order_by("-started")

    def newest_successes(self, now: datetime) -> dict[str, datetime]:
        """When the last run of each plan began that made a backup, or found none to be needed."""
        done = self.filter(
            action__in=Run.MAKING, state=Run.State.SUCCEEDED, started__lte=now
        ).order_by()
        return dict(done.values_list("plan").annotate(models.Max("started")))

    def free_space(self, now: datetime) -> list[tuple[datetime, int]]:
        """When backups were made, and the bytes that were free after each, oldest first."""
        done = self.filter(action__in=Run.MAKING, started__lte=now).order_by("-started")
        rows = done.values_list("started", "outcome")[:_FREE_SPACES]
        known = [(started, outcome.get("free")) for started, outcome in rows]
        return [(at, free) for at, free in reversed(known) if isinstance(free, int)]

    def maker_of(self, identifier: str) -> Run | None:
        """The run that made this backup."""
        return self.filter(action__in=Run.MAKING, target=identifier).first()


class Run(models.Model):
    """One execution of an action: what it was asked, how far it is, and how it ended."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        PARTIAL = "partial", _("partial")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    ACTIVE = (State.WAITING, State.RUNNING)
    MAKING = ("create",)
    """The actions that make backups."""
    PRUNES_BY_NUMBER = "keep "
    """How the target of a prune begins that follows no plan's rules."""
    SEALED = "sealed"
    """The option that holds secrets, sealed: the row loses it when the run begins or is over."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    action = models.CharField(_("action"), max_length=20)
    target = models.CharField(_("target"), max_length=200, blank=True)
    plan = models.CharField(_("plan"), max_length=50, blank=True, db_index=True)
    """The name of the plan that it runs; "" for what somebody asked for by hand."""
    options = models.JSONField(_("options"), default=dict)
    actor = models.CharField(_("by"), max_length=200, blank=True)
    address = models.CharField(_("from"), max_length=100, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.RUNNING
    )
    started = MomentField(_("started"), db_index=True)
    finished = MomentField(_("finished"), null=True)
    stage = models.CharField(_("stage"), max_length=100, blank=True)
    stage_began = MomentField(_("stage began"), null=True)
    done = models.BigIntegerField(_("bytes done"), default=0)
    total = models.BigIntegerField(_("bytes in all"), default=0)
    heartbeat = MomentField(_("last sign of life"), null=True)
    cancel = models.BooleanField(_("to be cancelled"), default=False)
    host = models.CharField(_("host"), max_length=255, blank=True)
    process = models.PositiveIntegerField(_("process"), null=True)
    log = models.TextField(_("log"), blank=True)
    outcome = models.JSONField(_("outcome"), default=dict)
    error = PhraseField(_("error"), blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering: ClassVar[list[str]] = ["-started"]

    def __str__(self) -> str:
        return f"{self.action} {self.target}".strip()

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def plain_options(self) -> dict[str, Any]:
        """What it was asked, without secrets."""
        return {name: value for name, value in self.options.items() if name != self.SEALED}

    @property
    def percent(self) -> int | None:
        """How much of the stage is done; None when it is not known."""
        return min(100, self.done * 100 // self.total) if self.total else None

    @property
    def speed(self) -> float:
        """Bytes a second in this stage; 0 when it is not known."""
        if not self.done or self.stage_began is None or self.heartbeat is None:
            return 0.0
        return float(self.done / max((self.heartbeat - self.stage_began).total_seconds(), 0.1))

    @property
    def seconds_left(self) -> float | None:
        """Until the stage ends at this speed; None when it is not known."""
        if not self.total or not self.speed:
            return None
        return max(0, self.total - self.done) / self.speed

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return float(((self.finished or datetime.now(UTC)) - self.started).total_seconds())


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """The audit trail, by what it is about."""

    def newest(self, action: str) -> AuditEvent | None:
        """The last one of this action."""
        return self.filter(action=action).order_by("-at").first()

    def about(self, identifier: str) -> AuditEventQuerySet:
        """What was done with this backup; an event may name several."""
        return self.filter(target__contains=identifier)


class AuditEvent(models.Model):
    """Who did what to which backup, when and from where. Never changed, never rewound."""

    SHEET_PRINTED = "print recovery sheet"
    """The action of who says that the recovery sheet is on paper."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = MomentField(_("at"), db_index=True)
    actor = models.CharField(_("by"), max_length=200)
    action = models.CharField(_("action"), max_length=40)
    target = models.CharField(_("target"), max_length=200, blank=True)
    address = models.CharField(_("from"), max_length=100, blank=True)
    detail = models.JSONField(_("detail"), default=dict)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit trail")
        ordering: ClassVar[list[str]] = ["-at"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target}".strip()
