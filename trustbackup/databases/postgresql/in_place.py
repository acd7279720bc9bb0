"""Restoring into the live database itself, in one transaction of our own.

For roles that may not create databases. pg_restore translates the archive into SQL, in
three sections, and everything runs on one connection: old objects dropped, new ones made,
rows copied, keys and indexes built, the outcome compared, and then committed or rolled back
as a whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.feeder import Feeder
from trustbackup.databases.postgresql.app_tables import (
    empty_table,
    full_name,
    own_migrations,
    put_migrations,
)
from trustbackup.databases.postgresql.archive import members, save_head, unpack
from trustbackup.databases.postgresql.check_constraints import make_checks, put_off_checks
from trustbackup.databases.postgresql.configured import hidden_tables, options_of_reader
from trustbackup.databases.postgresql.default_rights import forget_default_rights
from trustbackup.databases.postgresql.dump import DIRECTORY
from trustbackup.databases.postgresql.errors import explain, translate
from trustbackup.databases.postgresql.extensions import NO_ROWS, LeftOut, make_way, notes_of
from trustbackup.databases.postgresql.generated_columns import as_the_site, tables_that_call
from trustbackup.databases.postgresql.inventory import excused, read_catalogs
from trustbackup.databases.postgresql.materialized_views import fill_views, still_to_fill
from trustbackup.databases.postgresql.objects_of_others import (
    FOREIGN_TABLE_OF_OTHERS,
    note_of_objects,
    objects_of_others,
    without_objects,
)
from trustbackup.databases.postgresql.pooled import begin
from trustbackup.databases.postgresql.restore_items import (
    Item,
    Player,
    known_settings,
    not_validated,
    read_section,
    run_bytes,
)
from trustbackup.databases.postgresql.restore_script import Script, copy_rows
from trustbackup.databases.postgresql.rights import RIGHTS, Giving
from trustbackup.databases.postgresql.row_security import owner_sees_all
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import (
    count_rows,
    list_tables,
    read_facts,
    scalar,
    silence_event_triggers,
)
from trustbackup.databases.postgresql.staying import without_what_stays
from trustbackup.databases.postgresql.subscriptions import notes_of_copies, without_slot
from trustbackup.databases.postgresql.tablespaces import only_usable
from trustbackup.databases.postgresql.tools import binary_connector, find_reader
from trustbackup.databases.process import Program, output_of
from trustbackup.databases.values import Facts, InPlaceRequest
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.phrases import gettext as _

_DROP = re.compile(
    rb"^(DROP (?:TYPE|DOMAIN|FUNCTION|PROCEDURE|AGGREGATE|COLLATION|CAST|OPERATOR|OPERATOR CLASS"
    rb"|OPERATOR FAMILY|SEQUENCE|TEXT SEARCH \w+|SERVER|FOREIGN DATA WRAPPER"
    rb"|(?:PROCEDURAL )?LANGUAGE|ACCESS METHOD) IF EXISTS [^\n]*);$",
    re.MULTILINE,
)
"""What may have something hang on it that was made since the backup, which goes with it."""

_LARGE_OBJECTS = re.compile(r"^\d+; \d+ \d+ BLOB", re.MULTILINE)
_UNLINK = """
    SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata WHERE pg_has_role(lomowner, 'USAGE')
"""
"""Newer programs than 16 drop large objects with the rows, so not among the first statements."""
_OPTIONAL = tuple(kind for kind in NO_ROWS if kind != "EXTENSION")


class InPlace:
    """One restore into the live database of an alias."""

    def __init__(self, server: Server, what: str, live: str) -> None:
        self.server = server
        self.what = what
        self.live = live
        self.program = find_reader(server.alias)
        self._options = options_of_reader(binary_connector(server.alias).restore_cmd)
        self._items: list[Item] = []
        self._failed: list[LeftOut] = []

    def run(self, request: InPlaceRequest) -> Facts:
        """Raises RestoreError, or what ``request.accept`` raises; all is as it was then."""
        with (
            tempfile.TemporaryDirectory(dir=request.load.workdir, prefix="restore-") as folder,
            translate(RestoreError, self.what),
            self.server.session(self.live) as cursor,
        ):
            source = self._prepare(request, Path(folder))
            use_list = Path(folder) / "list"
            use_list.write_text(self._selection(source, request, cursor), "utf-8")
            applied = own_migrations(cursor, request.own_app)
            begin(cursor)
            try:
                silence_event_triggers(cursor)
                self._drop_everything(cursor, request.app_tables)
                if request.load.privileges:
                    forget_default_rights(cursor)
                listing, untouched = make_way(cursor, use_list.read_text("utf-8"))
                others = objects_of_others(cursor)
                use_list.write_text(without_objects(listing, others), "utf-8")
                if _LARGE_OBJECTS.search(listing):
                    cursor.execute(_UNLINK)
                for schema, name in sorted(untouched):
                    request.note(
                        _("The rows of %(table)s stay as they are.", table=f"{schema}.{name}")
                    )
                if others:
                    request.note(note_of_objects(others))
                self._play(cursor, "pre-data", source, use_list, request)
                checks = put_off_checks(cursor)
                self._play(cursor, "data", source, use_list, request)
                giving = Giving()
                giving.before_functions_run(cursor, self._items, self._left(), inside=True)
                self._play(cursor, "post-data", source, use_list, request)
                cursor.execute("SET LOCAL search_path TO DEFAULT")
                for note in make_checks(cursor, checks, inside=True):
                    request.note(note)
                wanted = still_to_fill(request.load.filled, self._failed)
                self._failed += fill_views(cursor, wanted, inside=True)
                giving.give(cursor, self._items, self._left(), inside=True)
                if request.load.privileges:
                    giving.give_to_all(cursor, request.load.for_all, inside=True)
                given = giving.given
                for note in [*notes_of(self._failed), *given.notes]:
                    request.note(note)
                # The script empties it, and what follows names tables without a schema.
                cursor.execute("SET LOCAL search_path TO DEFAULT")
                cursor.execute("SET client_encoding = 'UTF8'")
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                put_migrations(cursor, request.own_app, applied)
                empty_table(cursor, request.sessions)
                hidden = hidden_tables(cursor)
                tables = list_tables(cursor)
                untouched |= {(one.schema, one.name) for one in tables if one.oid in hidden}
                seen = [one for one in tables if one.oid not in hidden]
                with owner_sees_all(cursor):
                    counted = count_rows(cursor, seen)
                facts = read_facts(cursor, tuple(counted.values()))
                facts = dataclasses.replace(
                    facts,
                    left_out=untouched,
                    inventory=read_catalogs(cursor).everything(),
                    excused=excused(self._failed, given, self._options, request.load),
                )
                request.accept(facts)
                request.on_commit(scalar(cursor, "SELECT pg_current_xact_id()::text"))
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
        return facts

    def _left(self) -> set[int]:
        return {id(one.item) for one in self._failed}

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
            listing = output_of([self.program, "--list", str(source)], timeout=600)
        else:
            with tempfile.NamedTemporaryFile(dir=request.load.workdir) as head:
                listing = save_head(self.program, request.load.open_raw, Path(head.name))
        own = [table for table in request.app_tables if full_name(cursor, table)]
        return without_what_stays(listing, own, cursor)

    def _drop_everything(self, cursor: CursorWrapper, own: tuple[str, ...]) -> None:
        """Tables and views, known to the backup or not; what belongs to extensions stays."""
        cursor.execute(
            f"""
            SELECT format('%%I.%%I', n.nspname, o.relname),
                   CASE o.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                        WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END
            FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
            WHERE o.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND o.relpersistence <> 't'
              AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
              AND o.relname <> ALL(%s) AND NOT ({FOREIGN_TABLE_OF_OTHERS})
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid
                  AND (d.deptype = 'e' OR d.deptype IN ('a', 'i') AND o.relkind = 'S'))
            ORDER BY o.relkind = 'v', o.relkind = 'm'
            """,  # noqa: S608 - all of it is ours
            [list(own)],
        )
        for name, kind in cursor.fetchall():
            cursor.execute(f"DROP {kind} IF EXISTS {name} CASCADE")
        for catalog, letters, kind in (
            ("pg_event_trigger", "evt", "EVENT TRIGGER"),
            ("pg_publication", "pub", "PUBLICATION"),
        ):
            cursor.execute(
                f"SELECT quote_ident({letters}name) FROM {catalog} t"  # noqa: S608
                f" WHERE pg_has_role(current_user, {letters}owner, 'USAGE') AND NOT EXISTS ("
                "SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')"
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP {kind} {name}")

    def _play(
        self,
        cursor: CursorWrapper,
        section: str,
        source: Path | None,
        use_list: Path,
        request: InPlaceRequest,
    ) -> None:
        argv = [self.program, f"--section={section}", "--file=-", "--use-list", str(use_list)]
        argv += self._options
        if section == "pre-data":
            argv += ["--clean", "--if-exists"]
        if not request.load.privileges:
            argv.append("--no-privileges")
        with contextlib.ExitStack() as stack:
            stdin = None
            if source is not None:
                argv.append(str(source))
            else:
                raw = stack.enter_context(request.load.open_raw())
                stdin = stack.enter_context(Feeder(raw)).read_end
            try:
                with Program(argv, stdin=stdin) as program:
                    if section == "data":
                        Script(program, inside=True).play(
                            lambda text: run_bytes(cursor, known_settings(text, cursor)),
                            functools.partial(_copy, cursor, tables_that_call(cursor)),
                        )
                        return
                    text = program.read()
            except ProgramError as error:
                raise RestoreError(
                    self.what, why=error.why or error.what, todo=_("The database is as it was.")
                ) from error
        found = read_section(text)
        items, notes = only_usable(found.items, lambda: contextlib.nullcontext(cursor))
        for note in (*notes, *notes_of_copies(items)):
            request.note(note)
        items = [without_slot(item) for item in items]
        self._items += items
        player = Player(cursor, _DROP.sub(rb"\1 CASCADE;", found.preamble), inside=True)
        player.play([item for item in items if item.kind not in RIGHTS], _OPTIONAL)
        self._failed += [LeftOut(item, explain(problem)[0]) for item, problem in player.failed]
        for note in not_validated(player.unvalidated):
            request.note(note)


def _copy(
    cursor: CursorWrapper, calling: frozenset[bytes], statement: bytes, blocks: Iterator[bytes]
) -> None:
    with as_the_site(cursor, statement, calling):
        copy_rows(cursor, statement, blocks)
