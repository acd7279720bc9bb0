"""The index of what lies on the disk, the runs, and the audit trail.

Backups are only indexed here: deleting their rows loses nothing. Runs and the audit trail
are carried along by every restore, so they have no foreign key to any other app's table.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from trustbackup import phrases


class PhraseField(models.TextField):  # type: ignore[type-arg]  # generic for mypy alone
    """A text that may be a phrase, which a page says in its reader's language."""

    def get_prep_value(self, value: object) -> object:
        return phrases.dumps(value) if isinstance(value, str) else value

    def from_db_value(self, value: str | None, *_details: object) -> str | None:
        return value if value is None else phrases.loads(value)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """To a migration it is a text."""
        name, _path, arguments, options = super().deconstruct()
        return name, "django.db.models.TextField", arguments, options


class BackupQuerySet(models.QuerySet["Backup"]):
    """Filters that the list knows, on the page as on the command line."""

    def of_kind(self, kind: str) -> BackupQuerySet:
        return self.filter(kind=kind)

    def whole(self) -> BackupQuerySet:
        """Those that can be restored: their data is here, or was dropped for a copy elsewhere."""
        return self.filter(state__in=Backup.WHOLE)

    def of_database(self, alias: str) -> BackupQuerySet:
        # The list of aliases is stored as ",default,analytics," so that any engine can look.
        return self.filter(databases__contains=f",{alias},")


class Backup(models.Model):
    """One backup in the backup folder, as its manifest and its files tell it."""

    class State(models.TextChoices):
        COMPLETE = "complete", _("complete")
        UNVERIFIED = "unverified", _("unverified")
        DAMAGED = "damaged", _("damaged")
        UNREADABLE = "unreadable", _("unreadable")
        ELSEWHERE = "elsewhere", _("elsewhere")
        """Its data files were dropped here once a destination had them."""

    WHOLE = (State.COMPLETE, State.ELSEWHERE)

    identifier = models.CharField(_("id"), max_length=200, unique=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    kind = models.CharField(_("type"), max_length=20, db_index=True)
    trigger = models.CharField(_("trigger"), max_length=40, blank=True)
    host = models.CharField(_("host"), max_length=255, blank=True)
    created = models.DateTimeField(_("created"), db_index=True)
    seconds = models.FloatField(_("took"), default=0)
    bytes = models.BigIntegerField(_("size"), default=0)
    raw_bytes = models.BigIntegerField(_("size unpacked"), default=0)
    rows = models.BigIntegerField(_("rows"), null=True)
    databases = models.TextField(_("databases"), blank=True)
    files = models.JSONField(_("files"), default=list)
    state = models.CharField(_("state"), max_length=12, choices=State.choices)
    problem = PhraseField(_("problem"), blank=True)
    elsewhere = models.TextField(_("elsewhere"), blank=True)
    """Where its data is when it is not here: a destination's name or address."""
    signature = models.CharField(_("signature"), max_length=40, blank=True)
    kept = models.BooleanField(_("kept"), default=False)
    checked_at = models.DateTimeField(_("checked"), null=True)
    checked_ok = models.BooleanField(_("check passed"), null=True)
    drilled_at = models.DateTimeField(_("restored in a drill"), null=True)
    drilled_ok = models.BooleanField(_("drill passed"), null=True)
    recovery_seconds = models.FloatField(_("measured recovery"), null=True)
    fingerprint = models.CharField(max_length=32, editable=False)

    copies: list[Copy]
    """Filled where a page shows them (``views/copies.py``)."""

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


class DestinationQuerySet(models.QuerySet["Destination"]):
    """Destinations, and what the index of copies knows of them."""

    def with_usage(self) -> DestinationQuerySet:
        """Each with ``stored``, the number of copies there, and ``stored_bytes``."""
        there = models.Q(copies__state__in=[Copy.State.STORED, Copy.State.VERIFIED])
        return self.annotate(
            stored=models.Count("copies", filter=there),
            stored_bytes=models.Sum("copies__bytes", filter=there, default=0),
        )


class Destination(models.Model):
    """A place for copies, as somebody set it up; its secrets are sealed (see ``vault.py``)."""

    name = models.SlugField(_("name"), max_length=50, unique=True)
    kind = models.CharField(_("kind"), max_length=20)
    options = models.JSONField(_("options"), default=dict)
    secrets = models.TextField(_("secrets"), blank=True, editable=False)
    automatic = models.BooleanField(_("copy every backup there"), default=True)
    created = models.DateTimeField(_("created"), auto_now_add=True)
    succeeded_at = models.DateTimeField(_("last success"), null=True)
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


class Copy(models.Model):
    """One backup at one destination. Backups are named by id: their rows come and go."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        UPLOADING = "uploading", _("uploading")
        STORED = "stored", _("stored")
        VERIFIED = "verified", _("verified")
        FAILED = "failed", _("failed")

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
    changed = models.DateTimeField(_("changed"))
    verified_at = models.DateTimeField(_("verified"), null=True)
    problem = PhraseField(_("problem"), blank=True)
    permanent = models.BooleanField(_("trying again can't help"), default=False)

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


class Run(models.Model):
    """One execution of a verb: what it was asked, how far it is, and how it ended."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        PARTIAL = "partial", _("partial")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    verb = models.CharField(_("verb"), max_length=20)
    target = models.CharField(_("target"), max_length=200, blank=True)
    options = models.JSONField(_("options"), default=dict)
    actor = models.CharField(_("by"), max_length=200, blank=True)
    address = models.CharField(_("from"), max_length=100, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.RUNNING
    )
    started = models.DateTimeField(_("started"), db_index=True)
    finished = models.DateTimeField(_("finished"), null=True)
    stage = models.CharField(_("stage"), max_length=100, blank=True)
    stage_began = models.DateTimeField(_("stage began"), null=True)
    done = models.BigIntegerField(_("bytes done"), default=0)
    total = models.BigIntegerField(_("bytes in all"), default=0)
    beat = models.DateTimeField(_("last sign of life"), null=True)
    cancel = models.BooleanField(_("to be cancelled"), default=False)
    host = models.CharField(_("host"), max_length=255, blank=True)
    process = models.PositiveIntegerField(_("process"), null=True)
    log = models.TextField(_("log"), blank=True)
    outcome = models.JSONField(_("outcome"), default=dict)
    error = PhraseField(_("error"), blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering: ClassVar[list[str]] = ["-started"]

    def __str__(self) -> str:
        return f"{self.verb} {self.target}".strip()

    @property
    def is_active(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)

    @property
    def percent(self) -> int | None:
        """How much of the stage is done; None when nobody knows."""
        return min(100, self.done * 100 // self.total) if self.total else None

    @property
    def speed(self) -> float:
        """Bytes a second in this stage; 0 when nobody knows."""
        if not self.done or self.stage_began is None or self.beat is None:
            return 0.0
        return self.done / max((self.beat - self.stage_began).total_seconds(), 0.1)

    @property
    def seconds_left(self) -> float | None:
        """Until the stage ends at this speed; None when nobody knows."""
        if not self.total or not self.speed:
            return None
        return max(0, self.total - self.done) / self.speed

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return ((self.finished or datetime.now(UTC)) - self.started).total_seconds()


class AuditEvent(models.Model):
    """Who did what to which backup, when and from where. Never changed, never rewound."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(_("at"), db_index=True)
    actor = models.CharField(_("by"), max_length=200)
    action = models.CharField(_("action"), max_length=40)
    target = models.CharField(_("target"), max_length=200, blank=True)
    address = models.CharField(_("from"), max_length=100, blank=True)
    detail = models.JSONField(_("detail"), default=dict)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit trail")
        ordering: ClassVar[list[str]] = ["-at"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target}".strip()
