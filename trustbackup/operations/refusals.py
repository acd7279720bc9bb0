"""What speaks against a restore: each a sentence, refused or only warned of."""

from __future__ import annotations

from trustbackup.databases.values import Facts
from trustbackup.operations.rules import MigrationState
from trustbackup.store.manifest import Part
from trustbackup.store.signature import Signature


def unknown_migrations(
    alias: str, state: MigrationState, in_backup: object, live: Facts | None
) -> str:
    """A sentence when the backup knows what the code does not; "" when all is known."""
    if state.unknown:
        app, name = state.unknown[0]
        more = f" and {len(state.unknown) - 1} more" if len(state.unknown) > 1 else ""
        return (
            f"The backup of {alias!r} is newer than the code, or of another project: the code"
            f" does not know its migration {app}.{name}{more}. Update the code, or say"
            " --allow-unknown-migrations."
        )
    if live is not None and live.migrations and not in_backup:
        return (
            f"The backup of {alias!r} is of another project: it has no migrations, and the live"
            " database has. If it is right all the same, say --allow-unknown-migrations."
        )
    return ""


def look_at_versions(alias: str, part: Part, live: Facts | None, warnings: list[str]) -> None:
    if live is None or part.engine != "postgresql":
        return
    then, now = part.server_version.split(".")[0], live.server_version.split(".")[0]
    if then.isdecimal() and now.isdecimal() and int(then) > int(now):
        warnings.append(
            f"Database {alias!r} was dumped from PostgreSQL {then} and this server is {now}:"
            " what is new in that version will stop the restore, and change nothing."
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
            warnings.append("It has no manifest: nothing tells whether its rows are complete.")
        return
    if signature is Signature.UNKNOWN:
        text = (
            "The manifest was signed by an unknown key: this site's key is another one, so"
            " nobody can say who made the backup."
        )
        lenient = nothing_to_lose or trusted
    else:
        text = "The manifest was altered since it was signed."
        lenient = trusted
    if lenient:
        warnings.append(text)
    else:
        refusals.append(f"{text} If you know why, say --trust-manifest.")
