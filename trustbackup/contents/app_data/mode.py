"""How an app's data is restored."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What becomes of rows that are there."""

    ADD = "add"
    """They stay as they are: only what is missing comes back."""
    UPDATE = "update"
    """Those in the backup become as they were; others stay."""
    REPLACE = "replace"
    """The app has the backup's rows and no others."""
