"""What another process does between two steps of this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def before(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Callable[[], object]
) -> None:
    """Let ``act`` happen once, just before the next call of a function."""
    real = getattr(owner, name)

    def called(*arguments: Any, **keywords: Any) -> Any:
        monkeypatch.setattr(owner, name, real)
        act()
        return real(*arguments, **keywords)

    monkeypatch.setattr(owner, name, called)
