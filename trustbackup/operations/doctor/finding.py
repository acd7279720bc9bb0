"""What one look found: whether that is well, and the way out where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import one_line


class Grade(StrEnum):
    """How well it is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """``area`` and ``name`` say what was looked at, as JSON does; both are stable."""

    area: str
    name: str
    grade: Grade
    sentence: str
    todo: str = ""
    """The way out; "" where nothing is to be done."""


@dataclass(frozen=True)
class Look:
    """Makes the findings of one area."""

    area: str

    def ok(self, name: str, sentence: str) -> Finding:
        return Finding(area=self.area, name=name, grade=Grade.OK, sentence=sentence)

    def warn(self, name: str, sentence: str, todo: str) -> Finding:
        return Finding(area=self.area, name=name, grade=Grade.WARN, sentence=sentence, todo=todo)

    def bad(self, name: str, sentence: str, todo: str) -> Finding:
        return Finding(area=self.area, name=name, grade=Grade.BAD, sentence=sentence, todo=todo)

    def failed(self, name: str, error: TrustbackupError, grade: Grade = Grade.BAD) -> Finding:
        """A look that could not be made, or an error that says what is wrong."""
        return Finding(
            area=self.area,
            name=name,
            grade=grade,
            sentence=error.sentence,
            todo=one_line(error.todo),
        )
