"""Public keys that have a name, and when an identity last opened something of theirs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from trustbackup.models.fields import MomentField


class EncryptionKey(models.Model):
    """A public key under a name. A backup needs none of these rows: its manifest has its keys."""

    name = models.SlugField(_("name"), max_length=50, unique=True)
    recipient = models.CharField(_("public key"), max_length=200)
    fingerprint = models.CharField(_("fingerprint"), max_length=16, unique=True)
    """As the manifests beside encrypted backups call it."""
    created = MomentField(_("created"))
    retired = MomentField(_("retired"), null=True, blank=True)
    """Since when nothing new is encrypted to it."""

    class Meta:
        verbose_name = _("encryption key")
        verbose_name_plural = _("encryption keys")
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class KeyProof(models.Model):
    """The last time that an identity opened a backup at one place; the identity is kept nowhere."""

    fingerprint = models.CharField(_("fingerprint"), max_length=16)
    place = models.CharField(_("place"), max_length=100, blank=True)
    """A destination's name; "" for the backup folder."""
    identifier = models.CharField(_("backup"), max_length=200)
    at = MomentField(_("opened"))

    class Meta:
        verbose_name = _("key proof")
        verbose_name_plural = _("key proofs")
        ordering: ClassVar[list[str]] = ["-at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["fingerprint", "place"], name="trustbackup_one_proof_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint} {self.place} {self.at:%Y-%m-%d %H:%M} UTC"
