"""Whether a dump holds what the last backup of its plan holds already."""

from __future__ import annotations

from collections.abc import Callable

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Backup
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.signature import Signature


class Unchanged(TrustbackupError):
    """Nothing changed since the backup ``before``."""

    def __init__(self, before: Manifest) -> None:
        self.before = before
        super().__init__(_("Nothing changed since backup %(id)s", id=before.id))


def refuse_unchanged(plan: str, ignored: frozenset[str]) -> Callable[[Manifest], None]:
    """For ``create_backup``: raises Unchanged for what the plan's last whole backup holds.

    ``ignored`` are tables of ours, which change with every run.
    """

    def look(manifest: Manifest) -> None:
        before = _last_of(plan)
        if before is not None and same_content(before, manifest, ignored):
            raise Unchanged(before)

    return look


def _last_of(plan: str) -> Manifest | None:
    context = Context.current()
    catalog.synchronise_if_changed(context.folder)
    row = Backup.objects.whole().filter(plan=plan).newest_first().first()
    if row is None:
        return None
    found, signature = context.folder.find(row.identifier).read_manifest()
    return found if signature is Signature.OURS else None


def same_content(before: Manifest, now: Manifest, ignored: frozenset[str]) -> bool:
    """Whether both hold the same, as far as it was noted: what was not, may have changed."""
    parts = {part.part: part for part in before.parts}
    return parts.keys() == {part.part for part in now.parts} and all(
        _same_part(parts[part.part], part, ignored) for part in now.parts
    )


def _same_part(before: Part, now: Part, ignored: frozenset[str]) -> bool:
    if not now.definition or now.inventory is None or now.inventory.large_objects:
        return False
    facts = ("engine", "database", "definition", "migrations", "excluded", "server_version")
    return all(getattr(before, fact) == getattr(now, fact) for fact in facts) and (
        _tables(before, ignored) == _tables(now, ignored)
    )


def _tables(part: Part, ignored: frozenset[str]) -> list[object]:
    return [table for table in part.tables if table.name not in ignored]
