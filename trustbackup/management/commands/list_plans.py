"""``manage.py list_plans``: which plans there are, when they run next, and switching them."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from trustbackup.management.terminal import BackupCommand, table
from trustbackup.operations.plans.spec import PlanSpec, read_plans, suggested_plan
from trustbackup.operations.plans.switch import switch_plan
from trustbackup.operations.plans.wording import describe_schedule
from trustbackup.policy.plan import OF_FILES
from trustbackup.runs.recorder import record_event, system_user

_NEXT = 5


class Command(BackupCommand):
    help = "List the plans and their next due times; switch them on and off."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--switch-on", metavar="PLAN", help="Switch a saved plan on.")
        parser.add_argument("--switch-off", metavar="PLAN", help="Switch a saved plan off.")

    def run(self, options: dict[str, Any]) -> bool:
        for name, on in ((options["switch_on"], True), (options["switch_off"], False)):
            if name is not None:
                switch_plan(name, on=on)
                action = "switch on plan" if on else "switch off plan"
                actor = f"{system_user()} (command)"
                record_event(action, name, actor=actor, address=socket.gethostname())
        plans = read_plans()
        suggested = suggested_plan()
        specs = [*plans.specs, *([suggested] if suggested else [])]
        found = [_describe(spec, suggested=spec is suggested) for spec in specs]
        if options["json"]:
            self.print_json({"plans": found, "problems": dict(plans.problems)})
        elif found:
            rows = [
                [
                    item["name"],
                    _contents(spec),
                    "on" if item["enabled"] else "off",
                    item["words"] or "by hand",
                    item["zone"],
                    item["next"][0].replace("T", " ")[:16] if item["next"] else "",
                    item["source"],
                ]
                for spec, item in zip(specs, found, strict=True)
            ]
            header = ["PLAN", "OF", "IS", "RUNS", "ZONE", "NEXT (UTC)", "KEPT IN"]
            self.stdout.write(table(header, rows))
        for sentence in plans.problems.values():
            self.stderr.write(sentence)
        return not plans.problems


def _contents(spec: PlanSpec) -> str:
    """What its backups hold, and in which form."""
    if spec.app:
        return f"app {spec.app}"
    if spec.kind in OF_FILES:
        return f"{spec.kind}, {'incremental' if spec.incremental else 'archive'}"
    return spec.kind


def _describe(spec: PlanSpec, *, suggested: bool) -> dict[str, Any]:
    schedule = spec.schedule
    upcoming = schedule.upcoming(datetime.now(UTC), _NEXT) if schedule and spec.enabled else []
    return {
        "name": spec.name,
        "enabled": spec.enabled,
        "source": "suggested" if suggested else str(spec.source),
        "schedule": schedule.cron if schedule else "",
        "words": describe_schedule(schedule) if schedule else "",
        "zone": schedule.zone if schedule else "",
        "next": [due.isoformat() for due in upcoming],
        "kind": spec.kind,
        "databases": list(spec.databases),
        "app": spec.app,
        "excluded": list(spec.excluded),
        "incremental": spec.incremental,
        "encrypt_to": list(spec.encrypt_to),
        "destinations": list(spec.destinations),
        "retention": spec.retention.as_dict() if spec.retention else None,
        "drill": spec.drill.as_dict(),
        "skip_unchanged": spec.skip_unchanged,
        "grace": int(spec.grace.total_seconds() // 60),
    }
