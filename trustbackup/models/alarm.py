"""What is overdue, told once and then again: nobody need be alive to raise it but a visitor."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from trustbackup.models.fields import MomentField, PhraseField


class AlarmQuerySet(models.QuerySet["Alarm"]):
    """Alarms, by whether they are over."""

    def standing(self) -> AlarmQuerySet:
        """Those that are not over."""
        return self.filter(ended=None)


class Alarm(models.Model):
    """One thing that is overdue, from when it was first seen until it is well again.

    Whoever makes the row, or changes ``told_of``, is the one who tells: two that see the same at
    once tell once.
    """

    class Kind(models.TextChoices):
        BACKUP = "backup", _("a backup is late")
        PROOF = "proof", _("a proof is old")
        COPY = "copy", _("a copy is late")
        DISK = "disk", _("a disk is nearly full")
        PRUNE = "prune", _("the clean-up fails or falls behind")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    subject = models.CharField(_("about"), max_length=200)
    """A plan's name, or a destination's; "" of what there is one of."""
    plan = models.CharField(_("plan"), max_length=50, blank=True)
    since = MomentField(_("since"))
    told_of = MomentField(_("told of"))
    """The due time that was told of last."""
    told_at = MomentField(_("told"))
    times = models.PositiveIntegerField(_("times told"), default=1)
    ended = MomentField(_("over"), null=True)
    sentence = PhraseField(_("what was told"))

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering: ClassVar[list[str]] = ["-told_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["kind", "subject", "since"], name="trustbackup_one_alarm_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
