"""What speaks against a restore: each a sentence, refused or only warned of."""

from __future__ import annotations

from trustbackup.databases.values import Facts
from trustbackup.operations.rules import MigrationState
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store.manifest import Part
from trustbackup.store.signature import Signature


def unknown_migrations(
    alias: str, state: MigrationState, in_backup: object, live: Facts | None
) -> str:
    """A sentence when the backup knows what the code does not; "" when all is known."""
    if state.unknown:
        app, name = state.unknown[0]
        first, more = f"{app}.{name}", len(state.unknown) - 1
        if more:
            return _(
                "The backup of %(alias)r is newer than the code, or of another project: the code"
                " does not know its migration %(migration)s and %(count)d more. Update the code,"
                " or say --allow-unknown-migrations.",
                alias=alias,
                migration=first,
                count=more,
            )
        return _(
            "The backup of %(alias)r is newer than the code, or of another project: the code"
            " does not know its migration %(migration)s. Update the code, or say"
            " --allow-unknown-migrations.",
            alias=alias,
            migration=first,
        )
    if live is not None and live.migrations and not in_backup:
        return _(
            "The backup of %(alias)r is of another project: it has no migrations, and the live"
            " database has. If it is right all the same, say --allow-unknown-migrations.",
            alias=alias,
        )
    return ""


def look_at_versions(alias: str, part: Part, live: Facts | None, warnings: list[str]) -> None:
    if live is None or part.engine != "postgresql":
        return
    then, now = part.server_version.split(".")[0], live.server_version.split(".")[0]
    if then.isdecimal() and now.isdecimal() and int(then) > int(now):
        warnings.append(
            _(
                "Database %(alias)r was dumped from PostgreSQL %(then)s and this server is"
                " %(now)s: what is new in that version will stop the restore, and change nothing.",
                alias=alias,
                then=then,
                now=now,
            )
        )


def judge_signature(
    signature: Signature | None,
    *,
    trusted: bool,
    nothing_to_lose: bool,
    refusals: list[str],
    warnings: list[str],
) -> None:
    """An unknown key must not stop a recovery from nothing, where nothing can be lost."""
    if signature in (None, Signature.OURS):
        if signature is None:
            warnings.append(_("It has no manifest: nothing tells whether its rows are complete."))
        return
    if signature is Signature.UNKNOWN:
        text = _(
            "The manifest was signed by an unknown key: this site's key is another one, so"
            " nobody can say who made the backup."
        )
        lenient = nothing_to_lose or trusted
    else:
        text = _("The manifest was altered since it was signed.")
        lenient = trusted
    if lenient:
        warnings.append(text)
    else:
        refusals.append(joined([text, _("If you know why, say --trust-manifest.")]))
