"""Destinations, and the index of the copies there."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from trustbackup.models.fields import MomentField, PhraseField


class DestinationQuerySet(models.QuerySet["Destination"]):
    """Destinations, and what the index of copies knows of them."""

    def with_usage(self) -> DestinationQuerySet:
        """Each with ``stored``, the number of copies there, and ``stored_bytes``."""
        there = models.Q(copies__state__in=[Copy.State.STORED, Copy.State.VERIFIED])
        return self.annotate(
            stored=models.Count("copies", filter=there),
            stored_bytes=models.Sum("copies__bytes", filter=there, default=0),
        )

    def failing(self) -> DestinationQuerySet:
        """Those that every backup is copied to, and whose last use failed."""
        return self.filter(automatic=True).exclude(problem="")

    def without_copy_of(self, identifier: str) -> list[Destination]:
        """Those that are set up and have no row of this backup."""
        return [row for row in self.exclude(copies__identifier=identifier) if row.options]


class Destination(models.Model):
    """A place for copies, as somebody set it up; its secrets are sealed (see ``vault.py``)."""

    name = models.SlugField(_("name"), max_length=50, unique=True)
    kind = models.CharField(_("kind"), max_length=20)
    options = models.JSONField(_("options"), default=dict)
    secrets = models.TextField(_("secrets"), blank=True, editable=False)
    automatic = models.BooleanField(_("copy every backup there"), default=True)
    created = MomentField(_("created"), auto_now_add=True)
    succeeded_at = MomentField(_("last success"), null=True)
    problem = PhraseField(_("problem"), blank=True)
    free_bytes = models.BigIntegerField(_("free"), null=True)
    used_bytes = models.BigIntegerField(_("used"), null=True)

    objects = DestinationQuerySet.as_manager()

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def reset(self) -> None:
        """Forget its settings, and copy nothing there any more; the index of copies stays."""
        self.options, self.secrets, self.automatic = {}, "", False
        self.succeeded_at, self.problem = None, ""
        self.free_bytes = self.used_bytes = None
        self.save()


class CopyQuerySet(models.QuerySet["Copy"]):
    """Copies, by what they are copies of."""

    def of(self, *identifiers: str) -> CopyQuerySet:
        """The copies of these backups with their destinations, by the destinations' names."""
        found = self.filter(identifier__in=identifiers).select_related("destination")
        return found.order_by("destination__name")

    def newest_there(self, until: str) -> dict[int, str]:
        """Destination's key → the id of the newest backup that is there, at most ``until``."""
        there = self.filter(state__in=Copy.THERE, identifier__lte=until).order_by()
        return dict(there.values_list("destination").annotate(models.Max("identifier")))

    def count_by_destination(self) -> dict[tuple[int, str], int]:
        """Destination's key and state → how many copies."""
        counted = self.order_by().values_list("destination", "state").annotate(models.Count("pk"))
        return {(destination, state): count for destination, state, count in counted}


class Copy(models.Model):
    """One backup at one destination. Backups are named by id: their rows come and go."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        UPLOADING = "uploading", _("uploading")
        STORED = "stored", _("stored")
        VERIFIED = "verified", _("verified")
        FAILED = "failed", _("failed")
        DELETING = "deleting", _("being deleted")
        """Its first file may be gone: without a manifest there, the rest goes next time."""

    THERE = (State.STORED, State.VERIFIED)

    identifier = models.CharField(_("backup"), max_length=200, db_index=True)
    destination = models.ForeignKey(
        Destination, verbose_name=_("destination"), on_delete=models.CASCADE, related_name="copies"
    )
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.WAITING
    )
    bytes = models.BigIntegerField(_("size"), default=0)
    tries = models.PositiveIntegerField(_("tries"), default=0)
    changed = MomentField(_("changed"))
    verified_at = MomentField(_("verified"), null=True)
    problem = PhraseField(_("problem"), blank=True)
    facts = models.JSONField(_("facts"), null=True, editable=False)
    """What the rules of retention need to know of the backup, which may be there alone."""
    permanent = models.BooleanField(_("trying again can't help"), default=False)

    objects = CopyQuerySet.as_manager()

    class Meta:
        verbose_name = _("copy")
        verbose_name_plural = _("copies")
        ordering: ClassVar[list[str]] = ["-identifier", "destination"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["identifier", "destination"], name="trustbackup_one_copy_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.identifier} @ {self.destination}"

    @property
    def is_there(self) -> bool:
        return self.state in self.THERE
