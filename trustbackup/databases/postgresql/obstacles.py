"""What stands in the way of a restore, or comes of it, asked before anything is done."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.extensions import why_not_made
from trustbackup.databases.postgresql.objects_of_others import only_by_superusers
from trustbackup.databases.postgresql.server import Server, may_not_end
from trustbackup.databases.postgresql.session import scalar
from trustbackup.databases.postgresql.subscriptions import logical_slots, subscriptions_of
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store.journal_entry import Strategy

_NOT_OWNED = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND NOT pg_has_role(current_user, c.relowner, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1 LIMIT 1
"""
_LOCKS = """
    SELECT current_setting('max_locks_per_transaction')::bigint,
        current_setting('max_connections')::bigint
            + current_setting('max_prepared_transactions')::bigint
            + current_setting('autovacuum_max_workers')::bigint
            + current_setting('max_worker_processes')::bigint
            + current_setting('max_wal_senders')::bigint,
        (SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't')
"""
"""A restore in place locks everything that it drops and everything that it makes, to its end."""
_PREPARED = """
    SELECT gid FROM pg_prepared_xacts WHERE database = %s ORDER BY prepared LIMIT 1
"""
_PREPARED_AND_LOCKED = """
    SELECT gid FROM pg_prepared_xacts p WHERE p.database = current_database() AND EXISTS (
        SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'relation' AND l.pid IS NULL AND d.datname = p.database)
    ORDER BY prepared LIMIT 1
"""


_PUBLISHED = """
    SELECT p.pubname, pg_get_userbyid(p.pubowner),
        string_agg(c.relname, ', ' ORDER BY c.relname)
    FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
    JOIN pg_class c ON c.oid = r.prrelid
    WHERE NOT pg_has_role(p.pubowner, 'USAGE') AND c.relname !~ '^trustbackup_'
    GROUP BY 1, 2 ORDER BY 1
"""
"""Publications of others that name single tables, which are made anew in place."""


def why_not_beside(server: Server, live: str) -> str:
    """Why no database can be made beside this one; "" if it can. Raises DatabaseError."""
    with server.maintenance() as cursor:
        return _why_not_beside(cursor, live)


def _is_there(cursor: CursorWrapper, name: str) -> bool:
    """A server without the live database is one to recover to."""
    return bool(scalar(cursor, "SELECT count(*) FROM pg_database WHERE datname = %s", name))


def _why_not_beside(cursor: CursorWrapper, live: str) -> str:
    cursor.execute(
        "SELECT rolsuper, rolcreatedb, rolinherit FROM pg_roles WHERE rolname = current_user"
    )
    superuser, may_create, inherits = cursor.fetchone()
    if scalar(cursor, "SELECT current_database()") == live:
        return _("no other database of its server lets its role in")
    owner = scalar(
        cursor,
        "SELECT pg_has_role(current_user, datdba, 'MEMBER') FROM pg_database WHERE datname = %s",
        live,
    )
    if not (superuser or may_create):
        return _("its role may not create databases")
    if superuser:
        return ""
    if not owner:
        return _("its role does not own the database")
    # Before version 15 everybody may, and from 16 on each membership says for itself.
    if not inherits and scalar(cursor, "SHOW server_version_num").startswith("15"):
        return _("its role inherits no rights, and may make nothing in a new database")
    return ""


def why_not_scratch(server: Server, live: str) -> str:
    """The same for a scratch database."""
    with server.maintenance() as cursor:
        why, is_there = _why_not_beside(cursor, live), _is_there(cursor, live)
    return why or (_why_not_made(server, live, needed=True) if is_there else "")


def why_not_swap(server: Server, live: str) -> str:
    """Why no other database can take its place; "" if it can. Raises DatabaseError."""
    with server.maintenance() as cursor:
        why = _why_not_beside(cursor, live) or _held_by_others(cursor, server, live)
        is_there = _is_there(cursor, live)
    return why or (_why_not_made(server, live, needed=False) if is_there else "")


def _held_by_others(cursor: CursorWrapper, server: Server, live: str) -> str:
    for name, may, owner in subscriptions_of(cursor, live):
        if not may:
            return _("its subscription %(name)s belongs to role %(owner)r", name=name, owner=owner)
    if gid := scalar(cursor, _PREPARED, live):
        return _("the prepared transaction %(name)r is open on it", name=gid)
    if others := server.sessions_of_others(cursor, live):
        return may_not_end(*others[0])
    return ""


def _why_not_made(server: Server, live: str, *, needed: bool) -> str:
    with server.session(live) as cursor:
        return why_not_made(cursor, needed=needed) or only_by_superusers(cursor)


def why_not_in_place(server: Server, live: str) -> str:
    """Why it can't be restored into itself; "" if it can. Raises DatabaseError."""
    with server.session(live) as cursor:
        if scalar(cursor, "SELECT pg_is_in_recovery()"):
            return _("its server is a copy that only reads")
        if foreign := scalar(cursor, _NOT_OWNED):
            return _("its role does not own %(table)s", table=foreign)
        if gid := scalar(cursor, _PREPARED_AND_LOCKED):
            return _("the prepared transaction %(name)r holds locks in it", name=gid)
        cursor.execute(_LOCKS)
        each, transactions, things = cursor.fetchone()
    # What the server lays in on top of that is a tenth, and some hundreds.
    if 2 * things > (each * transactions) * 1.1 + 1000:
        return _(
            "its %(things)d tables and indexes need more locks in one transaction than the server"
            " has (max_locks_per_transaction is %(each)d, and has to be %(needed)d)",
            things=things,
            each=each,
            needed=-(-2 * things // transactions),
        )
    return ""


def cautions(server: Server, live: str, strategy: Strategy) -> list[str]:
    """A sentence for each thing outside that a restore this way concerns. Raises DatabaseError."""
    with server.maintenance() as cursor:
        slots = logical_slots(cursor, live)
        followed = joined([name for name, _may, _owner in subscriptions_of(cursor, live)], ", ")
    found: list[str] = []
    if strategy is Strategy.SWAP:
        if slots:
            found.append(
                _(
                    "Others follow the database by logical slots (%(slots)s), which stay with the"
                    " old one: make them anew in the restored database, and let who follows copy"
                    " everything again. In place they stay.",
                    slots=slots,
                )
            )
        if followed:
            found.append(
                _(
                    "The database follows others by subscriptions (%(names)s): they rest in the old"
                    " one and are off in the restored one, until somebody switches them on.",
                    names=followed,
                )
            )
        if server.where.pooled and server.pooler is None:
            found.append(
                _(
                    "The connection goes through a pooler: who asks it during the swap may be"
                    " refused, or wait for some seconds (PgBouncer: server_login_retry). With"
                    " PgBouncer's console in TRUSTBACKUP['PGBOUNCER'] nobody is refused."
                )
            )
    elif strategy is Strategy.IN_PLACE:
        found += _unpublished(server, live)
        if slots:
            found.append(
                _(
                    "Others follow the database by logical slots (%(slots)s): they get every row of"
                    " the backup as a new one, and have to copy everything again.",
                    slots=slots,
                )
            )
        if followed:
            found.append(
                _(
                    "The database follows others by subscriptions (%(names)s): say ALTER"
                    " SUBSCRIPTION … REFRESH PUBLICATION afterwards, else no change arrives.",
                    names=followed,
                )
            )
    return found


def _unpublished(server: Server, live: str) -> list[str]:
    with server.session(live) as cursor:
        cursor.execute(_PUBLISHED)
        return [
            _(
                "Publication %(name)s of role %(owner)r loses the tables that it names"
                " (%(tables)s), as they are made anew: let that role add them again afterwards.",
                name=name,
                owner=owner,
                tables=tables,
            )
            for name, owner, tables in cursor.fetchall()
        ]
