"""What speaks against a restore: each a sentence, refused or only warned of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from trustbackup.databases.base import Database
from trustbackup.databases.values import Facts
from trustbackup.operations.restore.migrations import MigrationState
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store.manifest import Part
from trustbackup.store.signature import Signature


@dataclass(frozen=True, kw_only=True)
class Objections:
    """Sentences that stop a restore, and sentences that only warn of it."""

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Self) -> Objections:
        return Objections(
            refusals=self.refusals + other.refusals, warnings=self.warnings + other.warnings
        )

    @classmethod
    def of(cls, sentence: str, *, only_warn: bool = False) -> Self:
        """Of one sentence, if there is one."""
        sentences = (sentence,) if sentence else ()
        return cls(warnings=sentences) if only_warn else cls(refusals=sentences)


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


def look_at_versions(database: Database, part: Part, live: Facts | None) -> Objections:
    if live is None or database.capabilities.reads_newer:
        return Objections()
    then, now = part.server_version.split(".")[0], live.server_version.split(".")[0]
    if then.isdecimal() and now.isdecimal() and int(then) > int(now):
        sentence = _(
            "Database %(alias)r was dumped from %(engine)s %(then)s and this server is"
            " %(now)s: what is new in that version will stop the restore, and change nothing.",
            alias=database.alias,
            engine=database.label,
            then=then,
            now=now,
        )
        return Objections.of(sentence, only_warn=True)
    return Objections()


def look_at_roles(database: Database, part: Part, *, privileges: bool) -> Objections:
    """Whose the restored objects can't be, and who can't get the rights on them back."""
    if part.inventory is None:
        return Objections()
    owners = set(part.inventory.owners)
    gaps = database.role_gaps(owners, part.inventory.grantees if privileges else ())
    found = Objections()
    for gap in gaps.owners:
        found += Objections.of(
            _(
                "Not everything in %(alias)r will belong to whom it belonged: %(gap)s.",
                alias=database.alias,
                gap=gap,
            ),
            only_warn=True,
        )
    if gaps.missing:
        found += Objections.of(
            _(
                "Role %(name)r has rights in the backup of %(alias)r and is not on this server:"
                " create it, or say --no-privileges.",
                name=gaps.missing[0],
                alias=database.alias,
            )
        )
    return found


def judge_signature(signature: Signature | None, *, trusted: bool) -> Objections:
    """What this site did not sign is restored only when its file was named, and trust said.

    No proof is treated as wrong proof: else who altered a backup would only have to remove its
    manifest.
    """
    if signature is Signature.OURS:
        return Objections()
    if signature is None:
        text = _(
            "It has no manifest: nothing tells whether its rows are complete, and nobody can say"
            " who made it."
        )
    elif signature is Signature.UNKNOWN:
        text = _(
            "The manifest was signed by an unknown key: this site's key is another one, so"
            " nobody can say who made the backup."
        )
    else:
        text = _("The manifest was altered since it was signed.")
    if trusted:
        return Objections.of(text, only_warn=True)
    todo = _("If you know where it comes from, name its file and say --trust-manifest.")
    return Objections.of(joined([text, todo]))
