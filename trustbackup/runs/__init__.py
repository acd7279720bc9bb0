"""A run's life: progress, cancel, lock, the engine that carries it."""

from __future__ import annotations
