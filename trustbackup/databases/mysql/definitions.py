"""Views, routines, triggers and events: what a schema holds besides tables, as statements.

They are told by their beginning, where a dump, the server and a person write them in different
ways: in comments that are run, with a schema before their name, quoted or bare.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from trustbackup.databases.mysql.names import quote, unquote
from trustbackup.databases.mysql.settings import Surroundings

KINDS = ("function", "procedure", "package", "view", "trigger", "event")
"""In the order in which they are made: a view may call a function, a trigger may read a view."""
FIRE = ("trigger", "event")
"""Kinds that act by themselves, and so are never made in a schema that is not live."""

_IDENTIFIER = rb"(?:`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\"|[\w$\x80-\xff]+)"
_HEAD = re.compile(
    rb"""
    \s*(?:/\*M?!\d*\s*)?CREATE\b\s*(?:\*/)?\s*
    (?:/\*M?!\d*\s*)?
    (?:OR\s+REPLACE\s+)?
    (?:ALGORITHM\s*=\s*\w+\s*)?(?:\*/)?\s*
    (?:/\*M?!\d*\s*)?
    (?:(?P<definer>DEFINER\s*=\s*(?P<who>IDENT\s*@\s*IDENT|IDENT|CURRENT_USER(?:\(\))?))\s*)?
    (?:SQL\s+SECURITY\s+\w+\s*)?(?:\*/)?\s*
    (?:/\*M?!\d*\s*)?
    (?:AGGREGATE\s+)?
    (?P<kind>TRIGGER|PROCEDURE|FUNCTION|PACKAGE(?:\s+BODY)?|EVENT|VIEW)\b\s*
    (?:IF\s+NOT\s+EXISTS\s+)?
    (?:(?P<schema>IDENT)\s*\.\s*)?(?P<name>IDENT)
    (?:\s+(?:BEFORE|AFTER)\b.{0,60}?\bON\s+(?:IDENT\s*\.\s*)?(?P<table>IDENT))?
    """.replace(b"IDENT", _IDENTIFIER),
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One of them, and what the session must have set when it is made."""

    kind: str
    name: str
    statement: bytes
    table: str = ""
    """Of a trigger."""
    definer: str = ""
    """``user@host``; "" for whoever makes it."""
    surroundings: Surroundings = field(default_factory=Surroundings)

    @property
    def label(self) -> tuple[str, str]:
        return self.kind, self.name

    @property
    def listed(self) -> tuple[str, str]:
        """As an inventory has it."""
        return self.kind, f"{self.table}.{self.name}" if self.table else self.name

    def without_definer(self) -> Definition:
        """The same for whoever makes it."""
        found = _HEAD.match(self.statement)
        if found is None or not found["definer"]:
            return self
        start, end = found.span("definer")
        statement = self.statement[:start] + b"DEFINER=CURRENT_USER" + self.statement[end:]
        return replace(self, statement=statement, definer="")

    def names_schema(self, schema: str) -> bool:
        """Whether its text may mean that schema by its name: then it can't live in another."""
        escaped = re.escape(schema.encode())
        quoted = re.escape(quote(schema).encode())
        return (
            re.search(
                rb"(?<![\w$`.])(?:"
                + escaped
                + rb"|"
                + quoted
                + rb'|"'
                + escaped
                + rb'")\s*\.\s*[\w`"]',
                self.statement,
                re.IGNORECASE,
            )
            is not None
        )

    def drop_statement(self) -> str:
        return f"DROP {self.kind.upper()} IF EXISTS {quote(self.name)}"


def parse(statement: bytes, surroundings: Surroundings) -> Definition | None:
    """What a ``CREATE`` statement defines; None if it is none of these."""
    found = _HEAD.match(statement)
    if found is None:
        return None
    kind = found["kind"].split()[0].lower().decode()
    name = unquote(found["name"].decode(errors="surrogateescape"))
    return Definition(
        kind=kind,
        name=name,
        table=unquote((found["table"] or b"").decode(errors="surrogateescape")),
        statement=statement,
        definer=_account(found["who"] or b""),
        surroundings=surroundings,
    )


def _account(text: bytes) -> str:
    if not text or text.upper().startswith(b"CURRENT_USER"):
        return ""
    parts = re.findall(_IDENTIFIER, text)
    return "@".join(unquote(part.decode(errors="surrogateescape")) for part in parts)
