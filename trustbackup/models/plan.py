"""Plans, and which of their due times somebody took on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from trustbackup.models.fields import MomentField, PhraseField


class Plan(models.Model):
    """What to back up, how, when, where copies go, and how long to keep it.

    ``operations/plans/spec.py`` reads it; plans in the settings have no row.
    """

    name = models.SlugField(_("name"), max_length=50, unique=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    kind = models.CharField(_("type"), max_length=20, default="database")
    databases = models.JSONField(_("databases"), default=list, blank=True)
    app = models.CharField(_("app"), max_length=100, blank=True)
    """The label of the app whose data it holds; "" for every other type."""
    excluded = models.JSONField(_("tables without rows"), default=list, blank=True)
    archive = models.BooleanField(_("files as an archive"), default=False)
    """Of uploaded files: one archive in each backup, instead of objects."""
    compression = models.CharField(_("compression"), max_length=20, blank=True)
    encrypt_to = models.JSONField(_("encrypted to"), default=list, blank=True)
    """Public keys of age."""
    destinations = models.JSONField(_("destinations"), default=list, blank=True)
    schedule = models.CharField(_("schedule"), max_length=100, blank=True)
    """A cron line; "" for by hand alone."""
    zone = models.CharField(_("time zone"), max_length=64, blank=True)
    """"" for the site's."""
    retention = models.JSONField(_("retention"), null=True, blank=True)
    """A policy's rules; None for a plan that never deletes anything."""
    destination_retention = models.JSONField(
        _("retention at destinations"), default=dict, blank=True
    )
    drill = models.JSONField(_("drills"), default=dict, blank=True)
    skip_unchanged = models.BooleanField(_("skip when nothing changed"), default=False)
    grace = models.PositiveIntegerField(_("minutes of grace"), default=120)
    scheduled_at = MomentField(_("has this schedule since"), null=True, editable=False)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """A plan that is switched on or given another schedule owes nothing of the time before."""
        before = Plan.objects.filter(pk=self.pk).values_list("enabled", "schedule", "zone").first()
        if before != (self.enabled, self.schedule, self.zone) or self.scheduled_at is None:
            self.scheduled_at = datetime.now(UTC)
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "scheduled_at"}
        super().save(*args, **kwargs)


class PlanCalendar(models.Model):
    """Since when a plan in the settings has the schedule that it has: it has no other memory."""

    plan = models.CharField(_("plan"), max_length=50, unique=True)
    cron = models.CharField(_("schedule"), max_length=100)
    zone = models.CharField(_("time zone"), max_length=64)
    since = MomentField(_("since"))

    def __str__(self) -> str:
        return f"{self.plan}: {self.cron} {self.zone}"


class PlanDue(models.Model):
    """One due time of one plan, taken on by somebody: its row is what only one can make."""

    class State(models.TextChoices):
        STARTED = "started", _("started")
        SKIPPED = "skipped", _("skipped")
        FAILED = "failed", _("failed")
        """It could not be started; a run that failed is a started one."""

    plan = models.CharField(_("plan"), max_length=50)
    due = MomentField(_("due"))
    at = MomentField(_("taken on"))
    """The same for all that were due when somebody looked: they may share a dump."""
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    run = models.UUIDField(_("run"), null=True)
    reason = PhraseField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("due time")
        verbose_name_plural = _("due times")
        ordering: ClassVar[list[str]] = ["-due", "plan"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["plan", "due"], name="trustbackup_one_start_each")
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.due:%Y-%m-%d %H:%M} UTC"
