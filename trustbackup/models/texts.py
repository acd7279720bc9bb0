"""Texts that programs and servers may have said, as every database takes them."""

from __future__ import annotations

from typing import Any


def storable(text: str) -> str:
    """As every database takes it: no engine stores half a surrogate, PostgreSQL no NUL.

    What needs no change stays the phrase that it is.
    """
    changed = text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
    return text if changed == text else changed


def storable_values(value: Any) -> Any:  # noqa: ANN401
    """The same for all texts in plain values, which servers and programs may have said."""
    if isinstance(value, dict):
        return {name: storable_values(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable_values(each) for each in value]
    return storable(value) if isinstance(value, str) else value
