"""Where a database is: one source for our own sessions and for the programs.

A session connects as Django does. A program is told the same by an option file that only it can
read (``option_file.py``), and nothing else: no variable and no other file reaches it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql import option_file
from trustbackup.databases.mysql.option_file import OptionFile
from trustbackup.databases.mysql.programs import MARIADB, ClientProgram, Server
from trustbackup.databases.mysql.tls import tls_options
from trustbackup.databases.values import Options

_CONNECTION = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
_NOT_OURS = (
    "cursorclass",  # rows that are no tuples
    "read_timeout",  # limits meant for web requests
    "write_timeout",
    "use_unicode",
)
_FROM_A_FILE = (
    *("user", "password", "host", "port", "socket", "protocol", "compress", "default-auth"),
    *("plugin-dir", "ssl", "skip-ssl", "ssl-ca", "ssl-capath", "ssl-cert", "ssl-cipher", "ssl-crl"),
    *("ssl-crlpath", "ssl-key", "ssl-mode", "ssl-verify-server-cert", "tls-version"),
)
"""What a site's own option file may say to our programs: where the server is, and who we are."""
_LEFT_BY_MYSQLCLIENT = ("MYSQL_TCP_PORT", "MYSQL_UNIX_PORT")
_LIMITS = {
    "sql_mode": "''",
    "sql_quote_show_create": "1",
    "wait_timeout": "28800",
    "net_read_timeout": "600",
    "net_write_timeout": "600",
}
"""What a server or a site may have set otherwise, and what decides how definitions look."""


class Address:
    """Opens sessions on an alias's server; ``settings`` may be others, as a backup user's."""

    def __init__(
        self, alias: str, options: Options, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.alias = alias
        self.options = options
        self._settings = dict(settings or connections[alias].settings_dict)

    @property
    def name(self) -> str:
        return str(self._settings["NAME"] or "")

    @contextlib.contextmanager
    def session(self, database: str | None = None) -> Iterator[CursorWrapper]:
        """A cursor on a new connection, in autocommit; may be used from another thread.

        It is in ``database`` of the same server; in none if that is "". Raises DatabaseError,
        ImproperlyConfigured.
        """
        wrapper = self._wrapper(database)
        try:
            wrapper.ensure_connection()
            with wrapper.cursor() as cursor:
                self._set_up(cursor)
                yield cursor
        finally:
            wrapper.close()

    def _wrapper(self, database: str | None) -> BaseDatabaseWrapper:
        wrapper = connections[self.alias].copy()
        for key in _CONNECTION:
            if key in self._settings:
                wrapper.settings_dict[key] = self._settings[key]
        if database is not None:
            wrapper.settings_dict["NAME"] = database
        given = wrapper.settings_dict.get("OPTIONS") or {}
        connect = {name: value for name, value in given.items() if name not in _NOT_OURS}
        connect.setdefault("connect_timeout", max(2, round(self.options.connect_timeout)))
        # Names and definitions are in any script, whatever the site's own connections speak.
        connect["charset"] = "utf8mb4"
        wrapper.settings_dict["OPTIONS"] = connect
        # A site may want transactions everywhere; ours are begun by hand.
        wrapper.settings_dict["AUTOCOMMIT"] = True
        wrapper.inc_thread_sharing()
        return wrapper

    def _set_up(self, cursor: CursorWrapper) -> None:
        maria = server_of(cursor).family == MARIADB
        limits = {
            **_LIMITS,
            "lock_wait_timeout": str(max(1, round(self.options.wait))),
            "innodb_lock_wait_timeout": str(max(1, round(self.options.wait))),
            "max_statement_time" if maria else "max_execution_time": "0",
        }
        # A literal %, which no parameter is to replace, can't be in there.
        cursor.execute(
            "SET " + ", ".join(f"SESSION {name} = {value}" for name, value in limits.items())
        )

    @contextlib.contextmanager
    def option_file(self, program: ClientProgram) -> Iterator[OptionFile]:
        """The private file that tells ``program`` where the server is, until the context ends.

        It names no database: that is an argument.
        """
        with option_file.written(self.program_options(program)) as file:
            yield file

    def program_options(self, program: ClientProgram) -> dict[str, str]:
        """What ``program`` is told, the password among it; only what it knows."""
        wrapper = self._wrapper(None)
        parameters = wrapper.get_connection_params()
        pure = is_pure(wrapper)
        values = self._of_file(parameters)
        for name, keys in (("user", ("user",)), ("password", ("password", "passwd"))):
            for key in keys:
                if key in parameters:
                    values[name] = str(parameters[key])
        values.update(_where(parameters, values, pure=pure))
        values["default-character-set"] = "utf8mb4"
        if parameters.get("compress"):
            values["compress"] = ""
        if command := parameters.get("init_command"):
            values["init-command"] = str(command)
        values["connect-timeout"] = str(parameters["connect_timeout"])
        values.update(tls_options(parameters, program.family, pure=pure))
        # They name ssl in the words of their own family.
        return {name: value for name, value in values.items() if program.knows(name)}

    def _of_file(self, parameters: Mapping[str, Any]) -> dict[str, str]:
        path, group = parameters.get("read_default_file"), parameters.get("read_default_group")
        if not path:
            return {}
        groups = ("client", "client-server", "client-mariadb", *([str(group)] if group else []))
        found = option_file.read_groups(Path(str(path)), groups)
        return {name: value for name, value in found.items() if name in _FROM_A_FILE}

    def environment(self, *more: Mapping[str, str], inherit: bool = True) -> dict[str, str]:
        """The site's environment without the variables that these programs read."""
        env = dict(os.environ) if inherit else {}
        for item in more:
            env.update({key: str(value) for key, value in item.items()})
        left = () if is_pure(connections[self.alias]) else _LEFT_BY_MYSQLCLIENT
        env = {
            key: value
            for key, value in env.items()
            if key in left or not key.startswith(("MYSQL_", "MARIADB_"))
        }
        env.setdefault("PATH", os.defpath)
        # ~/.mylogin.cnf would be read last, even after a file that is named.
        return {**env, "MYSQL_TEST_LOGIN_FILE": os.devnull}

    def secrets(self) -> list[str]:
        """What must not be seen in what a program says."""
        parameters = self._wrapper(None).get_connection_params()
        return [str(self._of_file(parameters).get("password", "")), str(self._settings["PASSWORD"])]


def is_pure(wrapper: BaseDatabaseWrapper) -> bool:
    """Whether the driver is PyMySQL, under whichever name, and not mysqlclient."""
    driver: Any = wrapper
    return str(driver.Database.__name__) == "pymysql"


def server_of(cursor: CursorWrapper) -> Server:
    cursor.execute("SELECT VERSION()")
    return Server(str(cursor.fetchone()[0]))


def _where(parameters: Mapping[str, Any], file: dict[str, str], *, pure: bool) -> dict[str, str]:
    """A socket or a host, as the driver chooses between them; the site's settings go first."""
    if socket := parameters.get("unix_socket"):
        return {"socket": str(socket), "protocol": "socket"}
    if "host" in parameters:
        file.pop("socket", None)
    host = str(parameters.get("host") or file.get("host") or "")
    found = {"host": host} if host else {}
    if "port" in parameters:
        found["port"] = str(parameters["port"])
    if host and (host != "localhost" or (pure and "socket" not in file)):
        found["protocol"] = "tcp"
    elif pure and "socket" not in file:  # it knows no socket by itself
        found.update(host="localhost", protocol="tcp")
    return found
