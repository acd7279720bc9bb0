"""Restoring into the live database itself, in one transaction of our own.

For roles that may not create databases. pg_restore translates the archive into SQL, in
three sections, and everything runs on one connection: old objects dropped, new ones made,
rows copied, keys and indexes built, the outcome compared, and then committed or rolled back
as a whole.
"""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.archive import members, save_head, unpack
from trustbackup.databases.postgresql.dump import DIRECTORY
from trustbackup.databases.postgresql.load import Loader
from trustbackup.databases.postgresql.own import (
    empty_table,
    full_name,
    own_migrations,
    put_migrations,
)
from trustbackup.databases.postgresql.script import Script, copy_rows
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import (
    count_rows,
    list_tables,
    read_facts,
    scalar,
    translate,
)
from trustbackup.databases.process import Feeder, Program, output_of
from trustbackup.databases.values import Facts, InPlaceRequest
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.phrases import gettext as _

# "215; 1259 16402 TABLE public shop_order owner"
_ENTRY = re.compile(r"^\d+; \d+ \d+ (?P<rest>.*)$", re.MULTILINE)


class InPlace:
    """One restore into the live database of an alias."""

    def __init__(self, server: Server, what: str, live: str) -> None:
        self.server = server
        self.what = what
        self.live = live
        self.loader = Loader(server.alias, what, server.version(), {})

    def run(self, request: InPlaceRequest) -> Facts:
        """Raises RestoreError, or what ``request.accept`` raises; all is as it was then."""
        with (
            tempfile.TemporaryDirectory(dir=request.load.workdir, prefix="restore-") as folder,
            translate(RestoreError, self.what),
            self.server.session(self.live) as cursor,
        ):
            source = self._prepare(request, Path(folder))
            use_list = Path(folder) / "list"
            use_list.write_text(self._selection(source, request, cursor))
            applied = own_migrations(cursor, request.own_app)
            cursor.execute("BEGIN")
            try:
                self._drop_everything(cursor, request.own_tables)
                for section in ("pre-data", "data", "post-data"):
                    self._play(cursor, section, source, use_list, request)
                # The script empties it, and what follows names tables without a schema.
                cursor.execute("RESET search_path")
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                put_migrations(cursor, request.own_app, applied)
                empty_table(cursor, request.sessions)
                counted = count_rows(cursor, list_tables(cursor))
                facts = read_facts(cursor, tuple(counted.values()))
                request.accept(facts)
                request.on_commit(scalar(cursor, "SELECT pg_current_xact_id()::text"))
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
        return facts

    def _prepare(self, request: InPlaceRequest, folder: Path) -> Path | None:
        """A directory archive is unpacked; a custom one is read as a stream each time."""
        if request.load.format != DIRECTORY:
            return None
        target = folder / "archive"
        target.mkdir(mode=0o700)
        with members(request.load.open_raw, self.what) as files:
            unpack(files, target)
        return target

    def _selection(
        self, source: Path | None, request: InPlaceRequest, cursor: CursorWrapper
    ) -> str:
        """The archive's table of contents without the tables that stay as they are."""
        if source is not None:
            listing = output_of([self.loader.program(), "--list", str(source)], timeout=600)
        else:
            with tempfile.NamedTemporaryFile(dir=request.load.workdir) as head:
                listing = save_head(self.loader.program(), request.load.open_raw, Path(head.name))
        own = [table for table in request.own_tables if full_name(cursor, table)]
        return _without(listing, own, _there(cursor))

    def _drop_everything(self, cursor: CursorWrapper, own: tuple[str, ...]) -> None:
        """Tables and views, known to the backup or not; what belongs to extensions stays."""
        cursor.execute(
            """
            SELECT format('%%I.%%I', n.nspname, c.relname),
                   CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                        WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
              AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
              AND c.relname <> ALL(%s)
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid
                  AND (d.deptype = 'e' OR d.deptype IN ('a', 'i') AND c.relkind = 'S'))
            ORDER BY c.relkind = 'v', c.relkind = 'm'
            """,
            [list(own)],
        )
        for name, kind in cursor.fetchall():
            cursor.execute(f"DROP {kind} IF EXISTS {name} CASCADE")

    def _play(
        self,
        cursor: CursorWrapper,
        section: str,
        source: Path | None,
        use_list: Path,
        request: InPlaceRequest,
    ) -> None:
        argv = [self.loader.program(), f"--section={section}", "--file=-", "--no-owner"]
        argv += ["--use-list", str(use_list)]
        with_rows = section == "data"
        if section == "pre-data":
            argv += ["--clean", "--if-exists"]
        if not request.load.privileges:
            argv.append("--no-privileges")
        if source is not None:
            self._execute(cursor, [*argv, str(source)], None, with_rows=with_rows)
            return
        with request.load.open_raw() as raw:
            feeder = Feeder(raw)
            try:
                self._execute(cursor, argv, feeder, with_rows=with_rows)
            finally:
                feeder.finish()

    def _execute(
        self, cursor: CursorWrapper, argv: list[str], feeder: Feeder | None, *, with_rows: bool
    ) -> None:
        stdin = feeder.read_end if feeder else None
        try:
            with Program(argv, stdin=stdin) as program:
                rows = functools.partial(copy_rows, cursor) if with_rows else None
                Script(program).play(cursor.execute, rows)
        except ProgramError as error:
            raise RestoreError(
                self.what, why=error.why or error.what, todo=_("The database is as it was.")
            ) from error


def _there(cursor: CursorWrapper) -> set[tuple[str, str]]:
    """Schemas and extensions of the live database.

    They stay: the app's own tables may lie in them, and few roles may make them again.
    """
    cursor.execute(
        "SELECT 'SCHEMA', nspname FROM pg_namespace"
        " UNION ALL SELECT 'EXTENSION', extname FROM pg_extension"
    )
    return {(kind, name) for kind, name in cursor.fetchall()}


def _without(listing: str, own: list[str], there: set[tuple[str, str]]) -> str:
    """Comment out the entries of these tables, of what hangs on them, and of what is there."""

    def keep(match: re.Match[str]) -> str:
        words = match["rest"].split(" ")
        # "SCHEMA - NAME owner", "EXTENSION - NAME ", "COMMENT - EXTENSION NAME "
        kind, name = words[2:4] if words[0] == "COMMENT" else words[0:3:2]
        if (kind, name) in there:
            return f";{match[0]}"
        for table in own:
            # "TABLE DATA public NAME owner", "CONSTRAINT public NAME NAME_pkey owner",
            # "SEQUENCE public NAME_id_seq owner", "INDEX public NAME_kind_1a2b owner"
            if any(word == table or word.startswith(f"{table}_") for word in words):
                return f";{match[0]}"
        return match[0]

    return _ENTRY.sub(keep, listing)
