"""The index of what lies on the disk. Deleting every row here loses nothing."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class BackupQuerySet(models.QuerySet["Backup"]):
    """Filters that the list knows, on the page as on the command line."""

    def of_kind(self, kind: str) -> BackupQuerySet:
        return self.filter(kind=kind)

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
    databases = models.CharField(_("databases"), max_length=1000, blank=True)
    files = models.JSONField(_("files"), default=list)
    state = models.CharField(_("state"), max_length=12, choices=State.choices)
    problem = models.TextField(_("problem"), blank=True)
    signature = models.CharField(_("signature"), max_length=40, blank=True)
    kept = models.BooleanField(_("kept"), default=False)
    checked_at = models.DateTimeField(_("checked"), null=True)
    checked_ok = models.BooleanField(_("check passed"), null=True)
    fingerprint = models.CharField(max_length=32, editable=False)

    objects = BackupQuerySet.as_manager()

    class Meta:
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        ordering: ClassVar[list[str]] = ["-created", "-identifier"]

    def __str__(self) -> str:
        return self.identifier

    @property
    def aliases(self) -> list[str]:
        return [alias for alias in self.databases.split(",") if alias]
