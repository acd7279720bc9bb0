"""How long a plan's backups stay, as a form asks for it: everywhere, or at one destination."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from trustbackup.policy.retention.rules import COUNTS, MOST, RetentionPolicy
from trustbackup.views.labels import translate
from trustbackup.views.plans.sizes import SizeField, size_text

RULES, EVERYTHING = "rules", "everything"


def _number(label: Any, **options: Any) -> forms.IntegerField:  # noqa: ANN401
    return forms.IntegerField(label=label, min_value=0, max_value=MOST, required=False, **options)


class RetentionForm(forms.Form):
    """After ``is_valid``, ``policy`` is what it says; None where no rules are to hold.

    An empty field is a rule that there is not, 0 one that keeps nothing.
    """

    last = _number(pgettext_lazy("retention", "The last"))
    hourly = _number(pgettext_lazy("retention", "Hourly ones"))
    daily = _number(pgettext_lazy("retention", "Daily ones"))
    weekly = _number(pgettext_lazy("retention", "Weekly ones"))
    monthly = _number(pgettext_lazy("retention", "Monthly ones"))
    yearly = _number(pgettext_lazy("retention", "Yearly ones"))
    days = _number(pgettext_lazy("retention", "All of the last days"))
    size_limit = SizeField(
        label=_("Size limit"), help_text=_("Such as 20 GB. Above it you are warned.")
    )
    enforce_size = forms.BooleanField(
        label=_("Delete for it what only the days keep"), required=False
    )

    use_required_attribute = False

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401
        *,
        policy: RetentionPolicy | None,
        prefix: str = "keep",
    ) -> None:
        values: dict[str, Any] = policy.as_dict() if policy else {}
        values["size_limit"] = size_text(policy.size_limit if policy else None)
        super().__init__(data, prefix=prefix, initial=values)
        self.policy: RetentionPolicy | None = None

    @property
    def wanted(self) -> bool:
        """Whether its rules are to hold at all."""
        return True

    def counts(self) -> list[forms.BoundField]:
        """The fields that are numbers."""
        return [self[name] for name in (*COUNTS, "days")]

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        if not self.wanted:
            for name in [name for name in self.errors if name in RetentionForm.base_fields]:
                del self.errors[name]
        elif not self.errors:
            names = (*COUNTS, "days", "size_limit", "enforce_size")
            try:
                self.policy = RetentionPolicy(**{name: data[name] for name in names})
            except ValueError as error:
                about_size = data["size_limit"] is not None and data["enforce_size"]
                self.add_error("size_limit" if about_size else "last", translate(error.args[0]))
        return data


class PlanRetentionForm(RetentionForm):
    """The plan's own, which may say that nothing is ever deleted."""

    keep = forms.ChoiceField(
        label=_("What stays"),
        choices=[
            (RULES, pgettext_lazy("retention", "what these rules keep")),
            (EVERYTHING, pgettext_lazy("retention", "everything: nothing is deleted")),
        ],
    )

    def __init__(self, data: Any = None, *, policy: RetentionPolicy | None) -> None:  # noqa: ANN401
        super().__init__(data, policy=policy)
        self.initial["keep"] = RULES if policy else EVERYTHING

    @property
    def wanted(self) -> bool:
        return self.cleaned_data.get("keep") == RULES


class PlaceRetentionForm(RetentionForm):
    """One destination's, where other rules may hold than elsewhere."""

    own = forms.BooleanField(label=_("Other rules hold here"), required=False)

    def __init__(
        self,
        data: Any = None,  # noqa: ANN401
        *,
        place: str,
        policy: RetentionPolicy | None,
    ) -> None:
        super().__init__(data, policy=policy, prefix=f"keep-{place}")
        self.initial["own"] = policy is not None
        self.place = place

    @property
    def wanted(self) -> bool:
        return bool(self.cleaned_data.get("own"))

    @property
    def is_open(self) -> bool:
        """Whether there is something to see."""
        return bool(self["own"].value() or self.errors)
