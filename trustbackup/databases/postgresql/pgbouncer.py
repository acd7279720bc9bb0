"""PgBouncer's console: let its clients wait while the database behind it changes.

Without that, a client that asks during a swap is refused once, and PgBouncer lets the others wait
for ``server_login_retry`` seconds. https://www.pgbouncer.org/usage.html#admin-console
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import DatabaseError, connections

_SECONDS = 5.0
"""How long to wait until PgBouncer has heard of it."""


class Console:
    """Of the PgBouncer before the database of an alias; ``address`` is as libpq takes it."""

    def __init__(self, alias: str, address: str) -> None:
        self._wrapper: Any = connections[alias]
        self._address = address

    def ask(self, command: str) -> list[dict[str, Any]]:
        """Its answer's rows, by column. Raises DatabaseError."""
        with (
            self._wrapper.wrap_database_errors,
            contextlib.closing(
                self._wrapper.Database.connect(self._address, connect_timeout=5)
            ) as raw,
        ):
            raw.autocommit = True
            with raw.cursor() as cursor:
                cursor.execute(command)
                if not cursor.description:
                    return []
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def server_of(self, database: str) -> dict[str, str]:
        """HOST and PORT of the server behind it, if it is reached by TCP as whoever asks."""
        with contextlib.suppress(DatabaseError):
            for row in self.ask("SHOW DATABASES"):
                if row["name"] == database == row["database"] and row["host"]:
                    if row["force_user"]:
                        break
                    return {"HOST": str(row["host"]), "PORT": str(row["port"])}
        return {}

    @contextlib.contextmanager
    def paused(self, database: str, note: Callable[[DatabaseError], object]) -> Iterator[None]:
        """Let the clients of ``database`` wait meanwhile; ``note`` is told why they can't."""
        problems: list[DatabaseError] = []

        def pause() -> None:
            # It answers when every session on the server has ended, which the swap sees to.
            try:
                self.ask(f"PAUSE {_quoted(database)}")
            except DatabaseError as error:
                problems.append(error)

        thread = threading.Thread(target=pause, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + _SECONDS
            while thread.is_alive() and not self._is_paused(database):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            if problems:
                note(problems[0])
            yield
        finally:
            if not problems:
                self.resume(database)
            thread.join(_SECONDS)

    def resume(self, database: str) -> None:
        """Nothing happens when it is not paused, or the console does not answer."""
        with contextlib.suppress(DatabaseError):
            self.ask(f"RESUME {_quoted(database)}")

    def _is_paused(self, database: str) -> bool:
        with contextlib.suppress(DatabaseError):
            return any(
                row["name"] == database and row["paused"] for row in self.ask("SHOW DATABASES")
            )
        return False


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
