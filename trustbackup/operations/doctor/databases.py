"""Each database that is backed up: its dumper, and whether a restore has where to go."""

from __future__ import annotations

from collections.abc import Iterator

from trustbackup.databases.base import Database
from trustbackup.databases.registry import distinct_aliases
from trustbackup.databases.values import Options
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.operations.doctor.finding import Finding, Look
from trustbackup.phrases import gettext as _

_LOOK = Look("databases")


def look_at_databases(context: Context) -> Iterator[Finding]:
    """The dumper against the server, and the room for a replacement beside the live database."""
    settings = context.settings
    asking = Options(wait=settings.lock_timeout, connect_timeout=settings.connect_timeout)
    aliases = distinct_aliases(settings.databases, asking, settings.database_engines)
    for alias in aliases:
        try:
            yield from _look_at(context.database(alias, "trustbackup doctor"))
        except TrustbackupError as error:
            yield _LOOK.failed(alias, error)
    if not aliases:
        yield _LOOK.bad("none", _("The site has no database."), _("Set DATABASES."))


def _look_at(database: Database) -> Iterator[Finding]:
    alias = database.alias
    problems = database.check(ask_server=True)
    for problem, todo in problems:
        yield _LOOK.bad(
            alias,
            _("Database %(alias)r can't be backed up: %(problem)s", alias=alias, problem=problem),
            todo,
        )
    if problems:
        return
    if not database.has_rows():
        yield _LOOK.warn(
            alias,
            _("Database %(alias)r can be reached, and has no row in it.", alias=alias),
            _("See that DATABASES names the database that the site works with."),
        )
        return
    if why := database.why_not_scratch():
        yield _LOOK.warn(
            alias,
            _(
                "Database %(alias)r can be dumped; a drill needs a server of its own, because"
                " %(why)s.",
                alias=alias,
                why=why,
            ),
            _("Drills are slower so; give the role the right to create databases to spare that."),
        )
        return
    yield _LOOK.ok(
        alias, _("Database %(alias)r can be dumped, and drilled beside the live one.", alias=alias)
    )
