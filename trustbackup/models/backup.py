"""The index of the backup folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from trustbackup.conf.zone import reader_zone
from trustbackup.models.destination import Copy
from trustbackup.models.fields import MomentField, PhraseField

EDGES = (date(1, 1, 2), date(9999, 12, 30))


def _begin_of(day: date) -> datetime:
    return datetime.combine(day, time.min, reader_zone())


class BackupQuerySet(models.QuerySet["Backup"]):
    """Filters that the list knows, on the page as on the command line."""

    def of_kind(self, kind: str) -> BackupQuerySet:
        return self.filter(kind=kind)

    def of_databases(self) -> BackupQuerySet:
        """Those that hold whole databases: no other brings a lost site back."""
        return self.filter(kind__in=("database", "full"))

    def of_plans(self) -> BackupQuerySet:
        """Those by which a plan is judged: what it made, and by hand whole databases alone."""
        return self.filter(models.Q(kind__in=("database", "full")) | ~models.Q(plan=""))

    def whole(self) -> BackupQuerySet:
        """Those that can be restored: their data is here, or was dropped for a copy elsewhere."""
        return self.filter(state__in=Backup.WHOLE)

    def odd(self) -> BackupQuerySet:
        """Those that look odd beside the ones before, and nobody said yet that they are right."""
        return self.filter(odd=True)

    def of_database(self, alias: str) -> BackupQuerySet:
        # The list of aliases is stored as ",default,analytics," so that any engine can look.
        return self.filter(databases__contains=f",{alias},")

    def encrypted_to(self, fingerprint: str) -> BackupQuerySet:
        """Those that the key with this fingerprint opens."""
        return self.filter(keys__contains=f",{fingerprint},")

    def named_like(self, text: str) -> BackupQuerySet:
        """Those whose id or name holds ``text``, in capitals or not."""
        return self.filter(models.Q(identifier__icontains=text) | models.Q(name__icontains=text))

    def created_between(self, since: date | None, until: date | None) -> BackupQuerySet:
        """Both days included, in the current time zone; None leaves an end open.

        So does a day at the edge of the calendar, which is none in every zone.
        """
        found = self.filter(created__gte=_begin_of(since)) if since and since > EDGES[0] else self
        if until is None or until >= EDGES[1]:
            return found
        return found.filter(created__lt=_begin_of(until + timedelta(days=1)))

    def kinds(self) -> list[str]:
        """The kinds that there are, sorted."""
        return sorted(self.order_by().values_list("kind", flat=True).distinct())

    def newest_first(self) -> BackupQuerySet:
        return self.order_by("-created", "-pk")

    def space_used(self) -> tuple[int, int]:
        """How many backups there are, and the bytes together of those whose data is here."""
        here = ~models.Q(state=Backup.State.OFFLOADED)
        found = self.aggregate(count=models.Count("pk"), total=models.Sum("bytes", filter=here))
        return found["count"], found["total"] or 0

    def sizes(self, most: int) -> Sequence[tuple[datetime, int]]:
        """When the newest ``most`` whole ones were made and their bytes, newest first."""
        found = self.whole().of_databases().newest_first()
        return list(found.values_list("created", "bytes")[:most])

    def count_by_state(self) -> dict[str, int]:
        """How many there are in each state, in those that none is in, too."""
        counted = self.order_by().values_list("state").annotate(models.Count("pk"))
        return {**dict.fromkeys(Backup.State.values, 0), **dict(counted)}

    def newest_by_plan(self, now: datetime) -> dict[str, datetime]:
        """When the newest whole one of each plan was made; "" is by hand.

        What is dated later than ``now`` does not count, as the clock was wrong.
        """
        found = self.whole().of_plans().filter(created__lte=now).order_by()
        return dict(found.values_list("plan").annotate(models.Max("created")))

    def newest_proofs(self, now: datetime) -> dict[str, datetime]:
        """When a whole one of each plan was last proven to restore."""
        found = self.whole().filter(drilled_ok=True, drilled_at__lte=now).order_by()
        return dict(found.values_list("plan").annotate(models.Max("drilled_at")))

    def newest_of_each_plan(self, now: datetime) -> dict[str, Backup]:
        """The newest whole one of each plan itself."""
        return self._those("created", self.newest_by_plan(now))

    def newest_proof_of_each_plan(self, now: datetime) -> dict[str, Backup]:
        """The one of each plan that was proven last."""
        return self._those("drilled_at", self.newest_proofs(now))

    def _those(self, moment: str, newest: Mapping[str, datetime]) -> dict[str, Backup]:
        found = self.whole().of_plans().filter(plan__in=newest)
        found = found.filter(**{f"{moment}__in": newest.values()})
        return {
            row.plan: row
            for row in found.order_by("pk")
            if getattr(row, moment) == newest[row.plan]
        }

    def created_since(self, since: datetime) -> Sequence[datetime]:
        """When each one since then was made."""
        return list(self.filter(created__gte=since).values_list("created", flat=True))


class Backup(models.Model):
    """One backup in the backup folder, as its manifest and its files tell it."""

    class State(models.TextChoices):
        COMPLETE = "complete", _("complete")
        UNVERIFIED = "unverified", _("unverified")
        DAMAGED = "damaged", _("damaged")
        UNREADABLE = "unreadable", _("unreadable")
        OFFLOADED = "offloaded", _("offloaded")
        """Its data files were dropped here once a destination had them."""

    WHOLE = (State.COMPLETE, State.OFFLOADED)

    identifier = models.CharField(_("id"), max_length=200, unique=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    kind = models.CharField(_("type"), max_length=20, db_index=True)
    trigger = models.CharField(_("trigger"), max_length=40, blank=True)
    plan = models.CharField(_("plan"), max_length=50, blank=True, db_index=True)
    """The name of the plan that made it; "" for one that was made by hand."""
    zone = models.CharField(_("time zone"), max_length=64, blank=True)
    """The plan's, when it was made; so are the rules, which hold when the plan is gone."""
    retention = models.JSONField(_("retention"), null=True)
    """None for no rules."""
    destination_retention = models.JSONField(_("retention at destinations"), default=dict)
    host = models.CharField(_("host"), max_length=255, blank=True)
    created = MomentField(_("created"), db_index=True)
    seconds = models.FloatField(_("took"), default=0)
    bytes = models.BigIntegerField(_("size"), default=0)
    raw_bytes = models.BigIntegerField(_("size unpacked"), default=0)
    rows = models.BigIntegerField(_("rows"), null=True)
    databases = models.TextField(_("databases"), blank=True)
    keys = models.TextField(_("keys"), blank=True)
    """``,fingerprint,fingerprint,`` of those that it is encrypted to; "" where it is not."""
    files = models.JSONField(_("files"), default=list)
    state = models.CharField(_("state"), max_length=12, choices=State.choices)
    problem = PhraseField(_("problem"), blank=True)
    offloaded_to = models.TextField(_("offloaded to"), blank=True)
    """Where its data is when it is not here: a destination's name or address."""
    signature = models.CharField(_("signature"), max_length=40, blank=True)
    protected = models.BooleanField(_("protected"), default=False)
    checked_at = MomentField(_("checked"), null=True)
    checked_ok = models.BooleanField(_("check passed"), null=True)
    drilled_at = MomentField(_("restored in a drill"), null=True)
    drilled_ok = models.BooleanField(_("drill passed"), null=True)
    odd = models.BooleanField(_("odd"), default=False, db_index=True)
    """It looks odd beside the ones before, and nobody has said yet that it is right."""
    anomalies = models.JSONField(_("anomalies"), default=list)
    recovery_seconds = models.FloatField(_("measured recovery"), null=True)
    fingerprint = models.CharField(max_length=32, editable=False)

    copies: list[Copy]
    """Filled where a page shows them."""

    objects = BackupQuerySet.as_manager()

    class Meta:
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        ordering: ClassVar[list[str]] = ["-created", "-identifier"]
        permissions = [
            ("download_backup", _("Can download backups")),
            ("restore_backup", _("Can restore backups")),
        ]

    def __str__(self) -> str:
        return self.identifier

    @property
    def aliases(self) -> list[str]:
        return [alias for alias in self.databases.split(",") if alias]

    @property
    def key_fingerprints(self) -> list[str]:
        return [key for key in self.keys.split(",") if key]
