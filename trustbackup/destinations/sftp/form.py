"""What an SFTP server is asked for: a host key to confirm, and a key pair that is made here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from trustbackup import vault
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.form import ONE_WORD, ConfigurationForm, secret, text
from trustbackup.destinations.sftp.host_keys import parse_host_key
from trustbackup.exceptions import TrustbackupError

MAKE_KEY_PAIR = "make_key_pair"


class SftpForm(ConfigurationForm):
    """An SSH server."""

    confirmable = "host_key"
    buttons = {MAKE_KEY_PAIR: _("Make a key pair")}

    host = forms.CharField(
        label=_("Server"), max_length=255, validators=[ONE_WORD], help_text=_("Name or address.")
    )
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65535, initial=22)
    user = text(_("User"), required=True)
    password = secret(_("Password"))
    private_key = secret(
        _("Private key"),
        lines=True,
        help_text=_(
            "Goes before the password. ed25519, ECDSA or RSA, as ssh-keygen writes it or PEM; "
            "or where it is kept: env:NAME or file:/run/secrets/x."
        ),
    )
    passphrase = secret(_("Passphrase of the key"))
    folder = text(
        _("Folder"),
        help_text=_("Absolute, or below the one that a session begins in. It is made if need be."),
    )
    host_key = forms.CharField(
        label=_("The server's host key"),
        required=False,
        max_length=8000,
        help_text=_("Leave it blank and test the connection: then its fingerprint is shown."),
    )
    timeout = forms.IntegerField(
        label=_("Time limit in seconds"),
        min_value=1,
        max_value=600,
        initial=30,
        help_text=_("For connecting and signing in, and for each silence afterwards."),
    )

    def clean_host_key(self) -> str:
        key: str = self.cleaned_data["host_key"]
        try:
            return parse_host_key(key).line if key else ""
        except DestinationError as error:
            raise forms.ValidationError(self.translate(error)) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        former = self.former
        if any(former.get(name) != self.options.get(name) for name in ("host", "port")):
            # Another server: it has another key, and must not get the former one's password.
            if self.options.get("host_key") == former.get("host_key"):
                self.options.pop("host_key", None)
            password = self.secrets.get("password")
            if password and password == self.stored.get("password") and not data.get("password"):
                self.add_error(
                    "password", gettext("This is another server: enter the password for it again.")
                )
        return data

    def try_out(self) -> None:
        super().try_out()
        if key := self.secrets.get("private_key"):
            from trustbackup.destinations.sftp import keys

            try:
                keys.sign_in_key(
                    vault.resolve(key, private_key=True),
                    vault.resolve(self.secrets.get("passphrase", "")),
                )
            except TrustbackupError as error:
                self.add_error("private_key", self.translate(error))

    @classmethod
    def secrets_made(cls, button: str) -> dict[str, str]:
        """The private key is used once the form is saved."""
        from trustbackup.destinations.sftp import keys

        return {"private_key": keys.new_key_pair().private, "passphrase": ""}

    def notes(self) -> dict[str, str | Promise]:
        key = self.options.get("host_key") or self.initial.get("host_key", "")
        try:
            fingerprint = parse_host_key(key).fingerprint if key else ""
        except TrustbackupError:
            fingerprint = ""
        if not fingerprint:
            return {}
        return {"host_key": gettext("Pinned: %(fingerprint)s") % {"fingerprint": fingerprint}}

    def public_line(self) -> tuple[str | Promise, str]:
        """Of the key; of a key that is kept elsewhere, nothing."""
        key = self.secrets.get("private_key") or self.known.get("private_key", "")
        if not key or self.errors:
            return "", ""
        from trustbackup.destinations.sftp import keys

        passphrase = self.secrets.get("passphrase") or self.known.get("passphrase", "")
        try:
            line = keys.public_line(key, passphrase)
        except TrustbackupError:
            return "", ""
        what = _("The public line of the key: add it to the user's authorized_keys at the server.")
        return what, line
