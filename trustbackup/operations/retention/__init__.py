"""Retention: keep or delete by each plan's rules, here and at each destination."""

from __future__ import annotations
