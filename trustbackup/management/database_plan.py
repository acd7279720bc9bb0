"""What ``restore_backup --dry-run`` says of databases."""

from __future__ import annotations

from dataclasses import asdict

from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, seconds, size, table
from trustbackup.operations.restore.comparison import RowDifference
from trustbackup.operations.restore.plan import PartPlan, RestorePlan


def show_databases(command: BackupCommand, plan: RestorePlan, *, every_table: bool) -> None:
    """What would become of each."""
    write = command.stdout.write
    signature = plan.signature.value if plan.signature else "without a manifest"
    write(command.style.MIGRATE_HEADING(f"Backup {plan.entry.id}, {signature}"))
    for part in plan.parts:
        _show_part(command, part, every_table=every_table)
    if plan.seconds is not None:
        write(f"It takes about {seconds(plan.seconds)}, by the last drill.")


def _show_part(command: BackupCommand, part: PartPlan, *, every_table: bool) -> None:
    write = command.stdout.write
    unpacked = f", {size(part.part.raw_bytes)} unpacked" if part.part else ""
    write(f"\n{part.alias}: {part.format}{unpacked}")
    write(f"  strategy: {part.strategy}, because {part.why}")
    if part.migrations is not None:
        write(f"  migrations: {_migrations(part)}")
    if part.part is None:
        write("  its rows are not known before it is loaded")
        return
    rows = [
        (
            f"  {plain(item.table)}",
            _count(item.now),
            _count(item.then),
            _change(item),
        )
        for item in sorted(part.differences, key=lambda item: not item.changes)
        if item.changes or every_table
    ]
    if rows:
        write(table(("  TABLE", "NOW", "BACKUP", "CHANGE"), rows, right=(1, 2, 3)))
    folded = len(part.differences) - len(rows)
    if folded:
        tables = "1 table keeps its" if folded == 1 else f"{folded} tables keep their"
        write(f"  {tables} number of rows (--verbosity 2 shows every table)")


def _migrations(part: PartPlan) -> str:
    state = part.migrations
    if state is None or state.verdict == "same":
        return "the same as the code's"
    shown = state.unknown or state.forward
    names = plain(", ".join(f"{app}.{name}" for app, name in shown[:8]))
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    if state.verdict == "newer":
        return f"newer than the code, which does not know {names}{more}"
    return f"older than the code's, to be run after it: {names}{more}"


def _count(rows: int | None) -> str:
    return "-" if rows is None else f"{rows:,}"


def _change(item: RowDifference) -> str:
    if item.stays:
        return "stays as it is"
    if item.now == item.then:
        return ""
    if item.now is None:
        return "comes back"
    if item.then is None:
        return "goes away"
    return f"{item.then - item.now:+,}"


def databases_as_json(plan: RestorePlan) -> dict[str, object]:
    return {
        "id": plan.entry.id,
        "signature": plan.signature.value if plan.signature else "",
        "refusals": list(plan.refusals),
        "warnings": list(plan.warnings),
        "seconds": plan.seconds,
        "databases": {
            part.alias: {
                "strategy": part.strategy,
                "why": part.why,
                "format": part.format,
                "rows_now": part.rows_now,
                "rows_then": part.part.rows if part.part else None,
                "migrations": part.migrations.verdict if part.migrations else None,
                "forward": [".".join(key) for key in part.migrations.forward]
                if part.migrations
                else [],
                "unknown": [".".join(key) for key in part.migrations.unknown]
                if part.migrations
                else [],
                "differences": [asdict(item) for item in part.differences],
            }
            for part in plan.parts
        },
    }
