"""Projects that are not like the web shop: their addresses, their users, their middleware."""

from __future__ import annotations
