"""``manage.py prune_backups``: delete old backups, never the last good one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from trustbackup.management.terminal import BackupCommand, size
from trustbackup.models import Run
from trustbackup.operations.backup.prune import PruneResult, prune_backups
from trustbackup.operations.retention.prune import PlacePruning, as_json, preview_pruning
from trustbackup.phrases import joined
from trustbackup.policy.retention.reasons import PAUSES, SENTENCES
from trustbackup.runs.pruning import prune_and_note


class Command(BackupCommand):
    help = (
        "Delete what no plan's rules keep, here and at each destination; or, with --keep, all but"
        " the newest of each sort here. The last verified one always stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keep",
            type=int,
            metavar="N",
            help="Keep the newest N of each sort in the backup folder, whatever the plans say.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say what would go.")
        parser.add_argument(
            "--yes-really",
            action="store_true",
            help="Delete more than a quarter of a sort at once, where the rules say so.",
        )

    def run(self, options: dict[str, Any]) -> bool:
        if options["keep"] is not None:
            if options["yes_really"]:
                raise CommandError("--yes-really is for the plans' rules: leave out --keep.")
            return self._keep(options)
        if options["dry_run"]:
            places = preview_pruning(confirmed=options["yes_really"])
        else:
            with (
                self.record_run("prune", "by the plans") as recorder,
                self.progress(options) as report,
            ):
                places = prune_and_note(recorder, report, confirmed=options["yes_really"])
        if options["json"]:
            self.print_json(as_json(places))
        else:
            for place in places:
                self._print(place, all_of_them=options["dry_run"])
        return all(place.ok for place in places)

    def _print(self, place: PlacePruning, *, all_of_them: bool) -> None:
        where = f"at {place.place}" if place.place else "in the backup folder"
        if place.problem:
            self.stderr.write(f"Nothing was pruned {where}: {place.problem}")
            return
        if all_of_them:
            for each in place.judgement.decisions:
                action = "keep  " if each.keep else "delete"
                self.stdout.write(f"{action}  {each.id} {where}: {each.sentence}")
        for identifier in place.deleted:
            self.stdout.write(f"Backup {identifier} is deleted {where}.")
        for note in place.notes.values():
            self.stdout.write(note)
        for error in place.failed.values():
            self.stderr.write(error)
        if not place.judgement.going:
            self.stdout.write(f"No backup may go {where}.")
        self._print_pauses(place, where)

    def _print_pauses(self, place: PlacePruning, where: str) -> None:
        """What stands in the way of the rules."""
        for reason in sorted(PAUSES):
            if held := place.judgement.held(reason):
                word = "backup stays" if len(held) == 1 else "backups stay"
                self.stdout.write(f"{len(held)} more {word} {where}: {SENTENCES[reason]}")
        for group, above in place.judgement.above_limit.items():
            plan = group.partition(" ")[0]
            self.stderr.write(
                f"The backups of plan {plan} take {size(above)} more {where} than its size limit."
            )

    def _keep(self, options: dict[str, Any]) -> bool:
        """The plain rule, in the backup folder alone."""
        keep = options["keep"]
        if options["dry_run"]:
            result = prune_backups(keep=keep, dry_run=True)
        else:
            with self.record_run("prune", f"{Run.PRUNES_BY_NUMBER}{keep}") as recorder:
                result = prune_backups(keep=keep)
                recorder.outcome["deleted"] = [x.id for x in result.outcomes if not x.error]
                recorder.partial = joined(x.error for x in result.outcomes if x.error)
        return self._print_newest(result, options)

    def _print_newest(self, result: PruneResult, options: dict[str, Any]) -> bool:
        failed = [item for item in result.outcomes if item.error]
        if options["json"]:
            self.print_json(
                {
                    "going": list(result.going),
                    "deleted": [item.id for item in result.outcomes if not item.error],
                    "failed": [{"id": item.id, "error": item.error} for item in failed],
                }
            )
            return not failed
        action = "would be deleted" if options["dry_run"] else "is deleted"
        for identifier in result.going:
            if identifier not in [item.id for item in failed]:
                self.stdout.write(f"Backup {identifier} {action}.")
        if not result.going:
            self.stdout.write("No backup may go: the newest stay, and the last verified one.")
        for item in failed:
            self.stderr.write(item.error)
        return not failed
