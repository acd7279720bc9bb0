"""``manage.py backup_all``: run every enabled plan, now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.management.terminal import BackupCommand
from trustbackup.operations.plans.spec import find_plan, read_plans
from trustbackup.runs.plan_work import run_plan, what_came_of


class Command(BackupCommand):
    help = "Run every enabled plan now, whenever it is due; with names, these plans."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "plan", nargs="*", metavar="PLAN", help="Default: all that are switched on."
        )

    def run(self, options: dict[str, Any]) -> bool:
        plans = read_plans()
        names = [find_plan(name).name for name in options["plan"]]
        problems = [] if names else list(plans.problems.values())
        names = names or [spec.name for spec in plans.specs if spec.enabled]
        if not names and not problems:
            raise UsageError(
                "There is no plan that is switched on",
                todo="Switch one on, on the page or in TRUSTBACKUP['PLANS'].",
            )
        for sentence in problems:
            self.stderr.write(sentence)
        results = [self._run_one(name, options) for name in names]
        if options["json"]:
            self.print_json(results)
        return not problems and all(item["state"] == "succeeded" for item in results)

    def _run_one(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """One plan that fails stops no other."""
        try:
            with (
                self.record_run("create", plan=name) as recorder,
                self.progress(options) as report,
            ):
                run_plan(recorder, name, report)
        except TrustbackupError as error:
            found = {"state": "failed", "backup": "", "problem": str(error)}
        else:
            state = "partial" if recorder.partial else "succeeded"
            found = {"state": state, "backup": recorder.target, "problem": str(recorder.partial)}
        if not options["json"]:
            if found["state"] == "succeeded":
                self.stdout.write(
                    self.style.SUCCESS(
                        f"Plan {name}: {what_came_of(recorder.target, recorder.outcome)}"
                    )
                )
            else:
                self.stderr.write(f"Plan {name} {found['state']}: {found['problem']}")
        return {"plan": name, **found}
