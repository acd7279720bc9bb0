"""The last step before a database is replaced: its name is typed, and the password given again.

A session that was taken over must not be enough, and neither must it be enough to guess: wrong
passwords are counted in the audit trail, which every restore keeps, and after some nobody's is
looked at for a while.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from trustbackup.models import AuditEvent
from trustbackup.operations.context import Context
from trustbackup.operations.restore.environment import crossing_of
from trustbackup.store.journal_entry import is_folder
from trustbackup.store.manifest import Manifest
from trustbackup.views import presence
from trustbackup.views.base import actor_of, address_of

WRONG_PASSWORD = "wrong password"  # noqa: S105 - what the audit trail calls it
MOST_TRIES = 5
WITHIN = timedelta(minutes=15)


class ConfirmForm(forms.Form):
    """The names of what is replaced, and the password of who asks for it.

    ``has_folders`` says that folders of uploaded files are among it; ``names_only`` is for who has
    no password here, and no session to sign in anew. ``environment`` is the one that a backup is
    from, where that has to be typed, too.
    """

    typed = forms.CharField(label=_("The database's name"), max_length=2000)
    environment = forms.CharField(label=_("The environment that it is from"), max_length=100)
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(
        self,
        expected: str,
        request: HttpRequest,
        *args: Any,  # noqa: ANN401
        has_folders: bool = False,
        names_only: bool = False,
        environment: str = "",
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self.expected, self.request, self.has_folders = expected, request, has_folders
        self.names_only, self.from_environment = names_only, environment
        if not environment:
            del self.fields["environment"]
        self.sign_in_first = presence.asks_sign_in(request)
        if names_only or not presence.asks_password(request):
            del self.fields["password"]
        if ", " in expected:
            self.fields["typed"].label = (
                _("These names") if has_folders else _("The databases' names")
            )
        elif has_folders:
            self.fields["typed"].label = _("The folder's name")

    def clean_typed(self) -> str:
        if " ".join(self.cleaned_data["typed"].split()) != " ".join(self.expected.split()):
            raise forms.ValidationError(self._not_the_names())
        return self.expected

    def _not_the_names(self) -> str:
        if ", " in self.expected:
            if self.has_folders:
                return gettext("These are other names.")
            return gettext("These are not the names of the databases.")
        if self.has_folders:
            return gettext("This is not the name of the folder.")
        return gettext("This is not the name of the database.")

    def clean_environment(self) -> str:
        if self.cleaned_data["environment"].casefold() != self.from_environment.casefold():
            raise forms.ValidationError(gettext("This is not the environment that it is from."))
        return self.from_environment

    def clean(self) -> dict[str, Any]:
        super().clean()
        if not self.names_only and (text := presence.problem(self.request)):
            self.add_error(None, text)
        return self.cleaned_data

    def clean_password(self) -> str:
        if minutes := minutes_to_wait(self.request):
            text = ngettext(
                "There were too many wrong passwords. Try again in %(number)d minute.",
                "There were too many wrong passwords. Try again in %(number)d minutes.",
                minutes,
            )
            raise forms.ValidationError(text % {"number": minutes})
        if not self.request.user.check_password(self.cleaned_data["password"]):
            AuditEvent.objects.create(
                at=datetime.now(UTC),
                actor=actor_of(self.request)[:200],
                action=WRONG_PASSWORD,
                target=self.expected[:200],
                address=address_of(self.request)[:100],
            )
            raise forms.ValidationError(gettext("This is not your password."))
        return ""


def minutes_to_wait(request: HttpRequest) -> int:
    """How long this account's password is not looked at; 0 when it may be tried."""
    now = datetime.now(UTC)
    wrong = AuditEvent.objects.filter(
        actor=actor_of(request)[:200], action=WRONG_PASSWORD, at__gt=now - WITHIN
    )
    times = list(wrong.order_by("-at").values_list("at", flat=True)[:MOST_TRIES])
    if len(times) < MOST_TRIES:
        return 0
    return max(1, -int((now - times[-1] - WITHIN).total_seconds() // 60))


def environment_to_type(manifest: Manifest | None) -> str:
    """The one that a backup is from, where that is another than this; "" where nothing is asked,
    and where the plan refuses it."""
    crossing = crossing_of(manifest)
    return crossing.then if crossing and not crossing.refuses else ""


def names_to_type(aliases: list[str]) -> str:
    """The names of the databases that would be replaced; of a file, its last part. A folder of
    uploaded files has that of its part.

    Where the settings leave the name to a service, the server says it. Raises TrustbackupError.
    """
    context = Context.current()
    names = [
        alias.rstrip("/") if is_folder(alias) else context.database(alias).name for alias in aliases
    ]
    return ", ".join(name.rsplit("/", 1)[-1] for name in names)
