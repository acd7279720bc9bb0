"""Sweeps that try a few of their points in each run, and all of them when asked.

A run draws its points by a seed that it prints; `--seed` draws the same ones again, and
`--thorough` leaves none out.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Sweep:
    """How one test sweeps: `name` is its own, so that each draws other points."""

    seed: int
    name: str
    thorough: bool = False

    @property
    def chance(self) -> random.Random:
        """The same numbers for the same seed and test, from the beginning each time."""
        return random.Random(f"{self.seed} {self.name}")

    def times(self, few: int, all_of_them: int) -> int:
        """How often to try what has no points of its own: random moments, random data."""
        return all_of_them if self.thorough else few

    def moments(self, seconds: float, few: int, all_of_them: int) -> list[float]:
        """Random moments of a work that takes so many seconds, one in each part of it."""
        chance, number = self.chance, self.times(few, all_of_them)
        return [seconds * (part + chance.random()) / number for part in range(number)]

    def choose(self, points: Sequence[T], few: int, always: Iterable[T] = ()) -> list[T]:
        """Some of the points, in their order: `few` drawn ones, and those that count `always`."""
        if self.thorough:
            return list(points)
        fixed = set(always)
        others = [point for point in points if point not in fixed]
        drawn = fixed.union(self.chance.sample(others, min(few, len(others))))
        return [point for point in points if point in drawn]
