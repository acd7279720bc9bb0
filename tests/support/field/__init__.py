"""Servers that are not installed by `make test`: what `make test-field` and `make servers` use."""

from __future__ import annotations
