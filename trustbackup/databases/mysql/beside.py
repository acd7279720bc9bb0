"""Sessions on schemas beside the live one, where nothing of a file reaches further than it may."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.address import Address
from trustbackup.databases.mysql.errors import code_of, explain

_LONGEST = 300
"""Characters of a server's sentence that are kept: it may quote a whole row."""
_STATEMENTS_OFF = 1
"""``MYSQL_OPTION_MULTI_STATEMENTS_OFF``: one query is one statement, whatever is in it."""


@contextlib.contextmanager
def session(address: Address, schema: str = "") -> Iterator[CursorWrapper]:
    """A cursor on a session of its own in ``schema``, in none if that is ""."""
    with address.session(schema) as cursor:
        raw = cursor.db.connection
        if hasattr(raw, "set_server_option"):  # PyMySQL asks for no such thing to begin with
            raw.set_server_option(_STATEMENTS_OFF)
        yield cursor


def run_bytes(connection: BaseDatabaseWrapper, statement: bytes) -> None:
    """Run a statement in whatever encoding it is. Raises DatabaseError."""
    raw: Any = connection.connection
    with connection.wrap_database_errors:
        raw.query(statement)


def describe(problem: BaseException) -> str:
    """What the server said, with its number, without the rows that it may quote."""
    said, code = explain(problem)[0][:_LONGEST], code_of(problem)
    return f"{said} ({code})" if code else said


def rows(
    cursor: CursorWrapper, query: str, parameters: Sequence[str] | None = None
) -> list[tuple[Any, ...]]:
    cursor.execute(query, parameters)
    return list(cursor.fetchall())


def scalar(cursor: CursorWrapper, query: str, parameters: Sequence[str] | None = None) -> Any:  # noqa: ANN401
    """The first column of the first row; None without a row."""
    cursor.execute(query, parameters)
    row = cursor.fetchone()
    return row[0] if row else None
