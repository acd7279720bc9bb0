"""Copies at destinations: sent, fetched, compared, checked."""

from __future__ import annotations
