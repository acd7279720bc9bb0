"""Backends of Django's Tasks interface, by the names that this Django has for them."""

from __future__ import annotations

import django

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
DUMMY = {"BACKEND": f"{PACKAGE}.backends.dummy.DummyBackend"}
"""Takes a task, and lets nobody carry it."""
IMMEDIATE = {"BACKEND": f"{PACKAGE}.backends.immediate.ImmediateBackend"}
"""Carries a task where it is begun."""
DETACHED = {"BACKEND": "trustbackup.runs.tasks.DetachedBackend"}
