"""What a destination of each kind is asked for; its secrets are written only, never shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from trustbackup import vault
from trustbackup.checks import check_place
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.settings import SECRETS, configure
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Destination
from trustbackup.operations.site import Site
from trustbackup.views.fields import ONE_WORD, secret, text
from trustbackup.views.words import said


class DestinationForm(forms.Form):
    """The fields of a kind's configuration, by their own names.

    After ``is_valid``, ``options`` and ``secrets`` are what ``configure`` takes. A secret that is
    left blank is the one that is ``known`` already.
    """

    kind: ClassVar[str]
    name = forms.SlugField(
        label=_("Name"),
        max_length=50,
        help_text=_("Letters, digits, - and _. Commands know the destination by it."),
    )
    automatic = forms.BooleanField(label=_("Copy every backup there"), required=False, initial=True)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        row: Destination | None = None,
        known: Mapping[str, str] | None = None,
        stored: Mapping[str, str] | None = None,
        **more: Any,  # noqa: ANN401
    ) -> None:
        saved = {"name": row.name, "automatic": row.automatic, **row.options} if row else {}
        super().__init__(data, initial={**saved, **more.pop("initial", {})}, **more)
        self.row = row
        self.stored = dict(stored or {})
        """The saved secrets; ``known`` may have some that were typed and not saved yet."""
        self.known = dict(self.stored if known is None else known)
        self.options: dict[str, Any] = {}
        self.secrets: dict[str, str] = {}
        if row is not None:
            del self.fields["name"]
        for name in SECRETS[self.kind]:
            if self.known.get(name):
                self.fields[name].widget.attrs["placeholder"] = _("set; leave blank to keep it")
                self.fields[f"clear_{name}"] = forms.BooleanField(required=False)
        ticks = {"automatic", *(name for name in self.fields if name.startswith("clear_"))}
        self.order_fields([name for name in self.fields if name not in ticks])

    def rows(self) -> list[tuple[BoundField, BoundField | None]]:
        """Each field, with the tick that clears it where it is a secret that is set."""
        plain = [name for name in self.fields if not name.startswith("clear_")]
        return [
            (self[name], self[f"clear_{name}"] if f"clear_{name}" in self.fields else None)
            for name in plain
            if name != "automatic"
        ]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Destination.objects.filter(name=name).exists():
            raise forms.ValidationError(gettext("There is a destination of this name already."))
        return name

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        hidden = SECRETS[self.kind]
        self.secrets = {
            name: data.get(name) or self.known.get(name, "")
            for name in hidden
            if not data.get(f"clear_{name}")
        }
        own = [name for name in self.base_fields if name not in ("name", "automatic", *hidden)]
        self.options = {name: data[name] for name in own if data.get(name) not in (None, "")}
        if not self.errors:
            try:
                self.try_out()
            except TrustbackupError as error:
                self.add_error(None, said(error))
        return data

    def try_out(self) -> None:
        """Whether a destination can be made of it at all. Raises TrustbackupError."""
        hosts = Site.current().settings.allowed_hosts
        configure(self.kind, self.options, self.secrets, allowed_hosts=hosts)


class FolderForm(DestinationForm):
    """Another disk or mount."""

    kind = "folder"
    path = text(
        _("Folder"),
        required=True,
        help_text=_(
            "The whole path on another disk. Its last part is made, the disk must be there."
        ),
    )

    def clean_path(self) -> str:
        path: str = self.cleaned_data["path"]
        if not path.startswith("/"):
            raise forms.ValidationError(gettext("Give the whole path, beginning with a slash."))
        place = Path(path).resolve()
        if place.is_relative_to(Site.current().settings.root.resolve()):
            raise forms.ValidationError(
                gettext("This is in the backup folder itself: a copy there would be lost with it.")
            )
        for problem in check_place(place):
            raise forms.ValidationError(f"{said(problem.msg)} {said(problem.hint)}")
        return path


class SftpForm(DestinationForm):
    """An SSH server."""

    kind = "sftp"
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
        from trustbackup.destinations.sftp.host_keys import parse_host_key

        key: str = self.cleaned_data["host_key"]
        try:
            return parse_host_key(key).line if key else ""
        except DestinationError as error:
            raise forms.ValidationError(said(error)) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        former = self.row.options if self.row else {}
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
            from trustbackup.destinations.sftp.keys import sign_in_key

            try:
                sign_in_key(
                    vault.resolve(key, private_key=True),
                    vault.resolve(self.secrets.get("passphrase", "")),
                )
            except TrustbackupError as error:
                self.add_error("private_key", said(error))


class S3Form(DestinationForm):
    """A bucket."""

    kind = "s3"
    bucket = text(_("Bucket"), required=True)
    prefix = text(  # type: ignore[assignment] # a field, which Django takes out of the class
        _("Prefix"), help_text=_("A folder in the bucket.")
    )
    endpoint = text(
        _("Endpoint"),
        help_text=_(
            "Of another service than Amazon's: https://host:port. Without a scheme it means "
            "https; http:// must be written out, and then everybody on the way can read along."
        ),
    )
    region = text(_("Region"))
    access_key = text(
        _("Access key"),
        help_text=_("Without it and the secret key, the environment's own credentials are used."),
    )
    secret_key = secret(_("Secret key"))
    session_token = secret(_("Session token"))
    storage_class = text(_("Storage class"), help_text=_("As the service calls it."))
    encryption = forms.ChoiceField(
        label=_("Encryption by the server"),
        required=False,
        choices=[("", _("the bucket's own")), ("AES256", "AES256"), ("aws:kms", "aws:kms")],
    )
    kms_key = text(_("KMS key"), help_text=_("For aws:kms, if it is not the account's default."))
    lock_mode = forms.ChoiceField(
        label=_("Object Lock"),
        required=False,
        choices=[
            ("", pgettext_lazy("Object Lock", "none")),
            ("GOVERNANCE", "GOVERNANCE"),
            ("COMPLIANCE", "COMPLIANCE"),
        ],
    )
    lock_days = forms.IntegerField(
        label=_("Days locked"),
        required=False,
        min_value=0,
        max_value=36_500,
        help_text=_("How long nobody can delete a copy."),
    )
    addressing_style = forms.ChoiceField(
        label=_("Addressing style"),
        required=False,
        choices=[("", _("automatic")), ("path", "path"), ("virtual", "virtual")],
    )


class StorageForm(DestinationForm):
    """Any storage of Django's ``STORAGES``."""

    kind = "storage"
    alias = forms.ChoiceField(
        label=_("Storage"),
        help_text=_(
            "An alias of STORAGES in the site's settings. Take none whose files the web server "
            "shows to visitors."
        ),
    )
    folder = text(_("Folder"), help_text=_("In that storage."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        aliases = [alias for alias in settings.STORAGES if alias != "staticfiles"]
        self.fields["alias"].choices = [(alias, alias) for alias in aliases]  # type: ignore[attr-defined]


FORMS: dict[str, type[DestinationForm]] = {
    form.kind: form for form in (FolderForm, SftpForm, S3Form, StorageForm)
}
"""Kind → its form, in the order in which they are offered."""
