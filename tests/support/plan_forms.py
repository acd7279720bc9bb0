"""A plan's form as a browser fills it in, and what the page then says."""

from __future__ import annotations

from typing import Any

ROOT = "/settings/backups/"
ADD = f"{ROOT}plans/add/"


def plan_form(**changes: Any) -> dict[str, Any]:
    """What a browser sends; a field whose value is None is left out, as an empty tick is.

    Names are the forms' own: "when__at" is the field "when-at".
    """
    form = {
        "name": "nightly",
        "enabled": "on",
        "grace": "120",
        "when-repeat": "daily",
        "when-at": "04:30",
        "when-zone": "Europe/Berlin",
        "keep-keep": "rules",
        "keep-daily": "7",
        "more_excluded": "",
    }
    form |= {name.replace("__", "-"): value for name, value in changes.items()}
    return {name: value for name, value in form.items() if value is not None}


def errors(answer: Any) -> dict[str, str]:
    """The sentences at the fields of a form that was not saved, by the fields' names."""
    forms = answer.context["forms"]
    found = {}
    for form in (forms.plan, forms.schedule, forms.retention, *forms.places):
        for name, sentences in form.errors.items():
            found[form.add_prefix(name)] = " ".join(map(str, sentences))
    return found


def shown(answer: Any) -> dict[str, Any]:
    """What a browser would send back if nobody touched the form."""
    forms = answer.context["forms"]
    found = {}
    for form in (forms.plan, forms.schedule, forms.retention, *forms.places):
        for field in form:
            value = field.value()
            if value is True:
                value = "on"
            elif hasattr(value, "strftime"):
                value = value.strftime("%H:%M")
            if value is not None and value is not False:
                found[field.html_name] = value
    return found
