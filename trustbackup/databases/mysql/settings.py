"""What a dump has set for its session at each of its statements: followed, never run."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ASSIGNMENT = re.compile(
    r"(?:@@(?:session\.)?|session\s+|local\s+)?(@?\w+)\s*:?=\s*('(?:[^'\\]|''|\\.)*'|[^,;]*)",
    re.IGNORECASE,
)
_NAMES = re.compile(r"\bnames\s+'?(\w+)'?", re.IGNORECASE)
_VARIABLE = re.compile(r"@@(?:session\.)?(\w+)$", re.IGNORECASE)
_FOLLOWED = frozenset(
    {
        "character_set_client",
        "collation_connection",
        "sql_mode",
        "time_zone",
        "system_versioning_insert_history",
    }
)
_PLAIN = re.compile(r"[\w,+:/ -]*", re.ASCII)


@dataclass(frozen=True)
class Surroundings:
    """What matters to how a statement is understood; "" for what the server has."""

    character_set_client: str = ""
    collation_connection: str = ""
    sql_mode: str | None = None
    time_zone: str = ""

    def statement(self) -> str:
        """What sets a session so. All of it was recognised as harmless."""
        wanted = {
            "character_set_client": self.character_set_client,
            "collation_connection": self.collation_connection,
            "time_zone": self.time_zone,
        }
        parts = [f"{name} = '{value}'" for name, value in wanted.items() if value]
        if self.sql_mode is not None:
            parts.append(f"sql_mode = '{self.sql_mode}'")
        return f"SET {', '.join(parts)}" if parts else ""


class DumpSettings:
    """The values that a dump's ``SET`` statements have come to."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def follow(self, text: bytes) -> None:
        """One ``SET`` statement; what is not followed has no effect."""
        inside = text.decode("latin-1")
        inside = re.sub(r"^/\*M?!\d*\s*", "", inside).removesuffix("*/").strip()[len("SET") :]
        if found := _NAMES.match(inside.strip()):
            self._values["character_set_client"] = found[1]
            self._values.pop("collation_connection", None)
            return
        before = dict(self._values)
        for name, value in _ASSIGNMENT.findall(inside):
            name, value = name.lower(), value.strip()  # noqa: PLW2901
            if name.startswith("@") or name in _FOLLOWED:
                self._set(name, value, before)

    def _set(self, name: str, value: str, before: dict[str, str]) -> None:
        source = value.lower()
        if found := _VARIABLE.match(source):
            source = found[1]
        elif not source.startswith("@"):
            plain = value.strip("'")
            if _PLAIN.fullmatch(plain):
                self._values[name] = plain
            return
        if source in before:
            self._values[name] = before[source]
        else:
            self._values.pop(name, None)

    @property
    def inserts_history(self) -> bool:
        """Whether rows come with the times of a system-versioned table."""
        return self._values.get("system_versioning_insert_history") == "1"

    def now(self) -> Surroundings:
        values = self._values
        return Surroundings(
            character_set_client=values.get("character_set_client", ""),
            collation_connection=values.get("collation_connection", ""),
            sql_mode=values.get("sql_mode"),
            time_zone=values.get("time_zone", ""),
        )
