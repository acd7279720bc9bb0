"""Plans: which there are, when each is due, and who takes a due time on."""

from __future__ import annotations
