"""What a bucket is asked for."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from trustbackup.destinations.form import ConfigurationForm, secret, text


class S3Form(ConfigurationForm):
    """A bucket."""

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
