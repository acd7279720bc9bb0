"""``manage.py run_scheduled_backups``: run the plans that are due, each once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from trustbackup.exceptions import UsageError
from trustbackup.management.terminal import BackupCommand
from trustbackup.models import Run
from trustbackup.operations.plans.drills import find_drills
from trustbackup.operations.plans.due import find_due, remember_calendars
from trustbackup.operations.plans.spec import read_plans
from trustbackup.runs.delivery import pass_by

if TYPE_CHECKING:
    from trustbackup.runs.scheduler import Taken


class Command(BackupCommand):
    help = "Run the plans that are due, each once, however many of this command run at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--loop", action="store_true", help="Go on for ever, for containers; ends on SIGTERM."
        )

    def run(self, options: dict[str, Any]) -> bool:
        if options["loop"]:
            return self._loop(options)
        plans, now = read_plans(), datetime.now(UTC)
        problems = plans.problems
        for sentence in problems.values():
            self.stderr.write(sentence)
        remember_calendars(plans.specs, now)
        results = []
        # What carries runs takes as long to load as Django itself, and is seldom needed here.
        if find_due(plans.specs, now):
            from trustbackup.runs.scheduler import run_due

            results += [self._tell(taken, quiet=options["json"]) for taken in run_due()]
        if find_drills(plans.specs, datetime.now(UTC)):
            from trustbackup.runs.scheduler import run_drills

            results += [self._tell_drill(run, quiet=options["json"]) for run in run_drills()]
        pass_by()
        if options["json"]:
            self.print_json(results)
        return not problems and all(item["state"] in ("succeeded", "skipped") for item in results)

    def _loop(self, options: dict[str, Any]) -> bool:
        from trustbackup.runs.scheduler_loop import SchedulerLoop

        if options["json"]:
            raise UsageError("--loop has no end to print JSON at", todo="Leave one of them out.")
        SchedulerLoop(self._tell_at_once, self.stderr.write).run()
        return True

    def _tell_at_once(self, taken: Taken) -> None:
        if taken.run is not None and taken.run.is_active:
            self.stdout.write(f"Plan {taken.row.plan} is due ({taken.row.due:%Y-%m-%d %H:%M} UTC).")
        else:
            self._tell(taken, quiet=False)
        self.stdout.flush()

    def _tell_drill(self, run: Run, *, quiet: bool) -> dict[str, Any]:
        if not quiet and run.state == Run.State.SUCCEEDED:
            self.stdout.write(f"Plan {run.plan}: backup {run.target} is proven.")
        elif not quiet:
            self.stderr.write(f"Plan {run.plan}: the drill {run.state}: {run.error}")
        return {
            "plan": run.plan,
            "due": "",
            "state": str(run.state),
            "run": str(run.pk),
            "backup": run.target,
            "problem": str(run.error),
        }

    def _tell(self, taken: Taken, *, quiet: bool) -> dict[str, Any]:
        row, run = taken.row, taken.run
        found = {
            "plan": row.plan,
            "due": row.due.isoformat(),
            "state": str(run.state if run else row.state),
            "run": str(run.pk) if run else "",
            "backup": run.target if run else "",
            "problem": str(run.error if run else row.reason),
        }
        if quiet:
            return found
        if run is None or row.state == row.State.FAILED:
            self.stderr.write(f"Plan {row.plan} {row.state}: {row.reason}")
        elif run.state == Run.State.SUCCEEDED:
            from trustbackup.runs.plan_work import what_came_of

            self.stdout.write(f"Plan {row.plan}: {what_came_of(run.target, run.outcome)}")
        else:
            self.stderr.write(f"Plan {row.plan} {run.state}: {run.error}")
        return found
