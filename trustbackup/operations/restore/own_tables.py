"""The tables that a restore does not take from the backup: this app's own, and the sessions."""

from __future__ import annotations

from django.apps import apps

OWN_APP = "trustbackup"


def app_tables() -> tuple[str, ...]:
    """The tables that a restore must not rewind: this app's."""
    models = apps.get_app_config(OWN_APP).get_models(include_auto_created=True)
    return tuple(sorted(model._meta.db_table for model in models))  # noqa: SLF001 - documented API


SESSIONS = "django_session"
"""Django's table of sessions; a restore ends them, whichever backup they come from."""
