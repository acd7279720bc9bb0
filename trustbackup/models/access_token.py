"""Tokens by which a program signs in to the API."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from trustbackup.models.fields import MomentField


class AccessToken(models.Model):
    """What is known of a token; itself it is shown once, and only its digest is here.

    Its account is named by key and by name, because a restore may bring other accounts: a row
    that only has the same number is somebody else.
    """

    class Scope(models.TextChoices):
        READ = "read"
        CREATE = "create"
        DOWNLOAD = "download"
        RESTORE = "restore"
        MANAGE = "manage"

    name = models.SlugField(_("name"), max_length=50, unique=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the whole token, in hex."""
    account = models.CharField(_("account"), max_length=200)
    """What the account signs in by."""
    account_key = models.CharField(max_length=100, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    networks = models.JSONField(_("networks"), default=list, blank=True)
    """From where it may be used, such as "10.0.0.0/8"; empty for anywhere."""
    created = MomentField(_("created"))
    expires = MomentField(_("expires"), null=True, blank=True)
    revoked = MomentField(_("revoked"), null=True, blank=True)
    used = MomentField(_("last used"), null=True, blank=True, editable=False)
    """To the minute."""

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def is_over(self, now: datetime) -> bool:
        """Whether it was revoked, or its time is up."""
        return self.revoked is not None or (self.expires is not None and self.expires <= now)


class ClaimedKey(models.Model):
    """An ``Idempotency-Key`` that somebody has used: its row is what only one can make."""

    owner = models.CharField(max_length=200)
    """The account that sent it."""
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    """HMAC-SHA-256 of what was asked for, by a key of the site's, in hex."""
    at = MomentField(db_index=True)
    run = models.UUIDField(null=True)
    """None until the run's row is there."""

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["owner", "key"], name="trustbackup_one_run_each_key")
        ]

    def __str__(self) -> str:
        return f"{self.owner}: {self.key}"


class DownloadLink(models.Model):
    """An address that gives one file out once; its secret is shown once, and its digest is here.

    Its maker is named as a token's account is, and the token that made it by its own digest: a
    restore may give both other numbers.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the secret, in hex."""
    account = models.CharField(max_length=200)
    account_key = models.CharField(max_length=100)
    token = models.CharField(max_length=64, blank=True)
    """Empty for a session's."""
    backup = models.CharField(max_length=100)
    file = models.CharField(max_length=255)
    created = MomentField()
    expires = MomentField(db_index=True)
    used = MomentField(null=True)

    def __str__(self) -> str:
        return f"{self.file} ({self.account})"
