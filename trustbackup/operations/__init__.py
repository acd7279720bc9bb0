"""One action a module: what the page, the API and the commands all call."""

from __future__ import annotations
