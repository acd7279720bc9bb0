"""A project that keeps sessions in a way that nobody else knows."""

from __future__ import annotations

from django.contrib.sessions.backends.base import SessionBase


class SessionStore(SessionBase):
    """What Django asks of an engine."""
