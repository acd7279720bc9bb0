"""What must hold before the demo starts, each said in one sentence when it does not.

`demo_checks.py port 8000`: nobody listens on the port.
`demo_checks.py database`: the database of DATABASE_URL exists; made if the role may.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql


def check_port(port: str) -> None:
    if not port.isdecimal() or not 0 < int(port) < 65536:
        sys.exit(f"make demo: PORT={port} is not a port number. Choose one from 1 to 65535.")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", int(port)))
        except OSError as error:
            sys.exit(
                f"make demo: port {port} cannot be served on ({error.strerror}): "
                "stop what uses it, or choose another, as in make demo PORT=8001."
            )


def ensure_database() -> None:
    try:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(scheme="postgresql")
        psycopg.connect(urlunsplit(url), connect_timeout=10).close()
    except (ValueError, psycopg.ProgrammingError):
        # Their messages quote the address, and with it perhaps the password.
        sys.exit(
            "make demo: DATABASE_URL is not an address of a PostgreSQL database. Write it as "
            "postgres://user:password@host:port/name, with %-encoded special characters."
        )
    except psycopg.OperationalError as error:
        # libpq reports a failed connection without a SQLSTATE, only as text.
        if not re.search(r'database ".*" does not exist', str(error)):
            sys.exit(f"make demo: DATABASE_URL cannot be connected to: {reason(error)}.")
    else:
        return
    name = unquote(url.path.lstrip("/"))
    try:
        maintenance = urlunsplit(url._replace(path="/postgres"))
        with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        sys.exit(
            f'make demo: the database "{name}" does not exist and could not be made '
            f"({reason(error)}). Create it, then run make demo again."
        )
    print(f'==> Made the database "{name}"')  # noqa: T201


def reason(error: psycopg.Error) -> str:
    first_line = str(error).strip().splitlines()[0]
    return first_line.removeprefix("connection failed: ").rstrip(".")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["port", port]:
            check_port(port)
        case ["database"]:
            ensure_database()
        case _:
            sys.exit(__doc__)
