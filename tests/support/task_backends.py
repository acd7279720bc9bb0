"""Backends of Django's Tasks interface, by the names that this Django has for them."""

from __future__ import annotations

import importlib

import django
import pytest

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
DUMMY = {"BACKEND": f"{PACKAGE}.backends.dummy.DummyBackend"}
"""Takes a task, and lets nobody carry it."""
IMMEDIATE = {"BACKEND": f"{PACKAGE}.backends.immediate.ImmediateBackend"}
"""Carries a task where it is begun."""
DETACHED = {"BACKEND": "trustbackup.runs.tasks.DetachedBackend"}


@pytest.fixture(scope="session", autouse=True)
def changed_tasks_are_heard_of() -> None:
    """The interface's signals are what forgets the backends when TASKS change, once imported."""
    importlib.import_module(f"{PACKAGE}.signals")
