"""Connections of our own beside the site's."""

from __future__ import annotations

import sqlite3

import pytest
from django.contrib.auth.models import User
from django.db import connection

from trustbackup.databases.alias import for_a_note


@pytest.mark.django_db(transaction=True)
def test_a_connection_for_a_note_is_closed_even_to_a_database_in_memory() -> None:
    """As a site's own tests have one; Python 3.13 warns of what is left open."""
    assert connection.is_in_memory_db()  # type: ignore[attr-defined]
    with for_a_note("default") as note:
        note.ensure_connection()
        opened = note.connection
        assert User.objects.count() == 0
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened.execute("SELECT 1")
    assert User.objects.count() == 0
