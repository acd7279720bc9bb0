"""``manage.py verify_backup``: is a backup what its manifest says, and does it restore?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from trustbackup.management.backup_type import is_full, is_media
from trustbackup.management.identity import add_identity_argument
from trustbackup.management.terminal import BackupCommand, seconds
from trustbackup.operations.offsite.targets import find_destination
from trustbackup.operations.offsite.verify import verify_all, verify_at, verify_backup
from trustbackup.operations.progress import Reporter
from trustbackup.operations.restore.drill import DrillResult, drill_all, drill_backup
from trustbackup.phrases import joined
from trustbackup.store.manifest import format_time


class Command(BackupCommand):
    help = "Check a backup's signature, sizes and hashes; with --restore, prove that it restores."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", metavar="ID|latest|all")
        parser.add_argument(
            "--restore",
            action="store_true",
            help="Restore it beside what is live and compare every table and every file.",
        )
        parser.add_argument(
            "--content", action="store_true", help="With --restore: compare fingerprints, too."
        )
        parser.add_argument(
            "--at", default="", metavar="NAME|URL", help="Read the copy at a destination back."
        )
        add_identity_argument(parser)

    def run(self, options: dict[str, Any]) -> bool:
        if options["content"] and not options["restore"]:
            raise CommandError("--content compares what a drill restored: add --restore.")
        if options["at"] and options["restore"]:
            raise CommandError(
                "A drill restores what is here: fetch it with sync_backups --pull, then drill it."
            )
        everything = options["reference"] == "all"
        action = "drill" if options["restore"] else "verify"
        with self.record_run(action, options["reference"]) as recorder:
            with self.progress(options) as report:
                proofs = _prove(options, report)
            ok = all(_ok(proof, options) for proof in proofs)
            recorder.outcome.update(ok=ok, backups=[proof.verdict.id for proof in proofs][:100])
            recorder.outcome["problems"] = [
                joined([proof.verdict.id, problem], ": ")
                for proof in proofs
                if not _ok(proof, options)
                for problem in proof.problems
            ][:100]
        if options["json"]:
            shown = [_as_json(proof, options) for proof in proofs]
            self.print_json(_together(shown) if everything else shown[0])
            return ok
        for proof in proofs:
            self._print(proof, options)
        if not proofs:
            self.stdout.write("There is no backup to check.")
        return ok

    def _print(self, proof: DrillResult, options: dict[str, Any]) -> None:
        verdict, drill = proof.verdict, proof.drill
        if not _ok(proof, options):
            self.stderr.write(f"Backup {verdict.id} is not good: {' '.join(proof.problems)}")
            return
        text = f"Backup {verdict.id} is whole: every hash matches, {verdict.signature}."
        if drill is not None:
            content = "every row's content" if drill.content else "every table's rows"
            if is_media(verdict.id):
                content = "every file's content"
            elif is_full(verdict.id):
                content += ", every file's content and the settings"
            text = (
                f"Backup {verdict.id} restores: {content} compared,"
                f" recovered in {seconds(drill.seconds)}, {verdict.signature}."
            )
        self.stdout.write(self.style.SUCCESS(text))
        for note in drill.notes if drill else ():
            self.stdout.write(f"  {note}")


def _prove(options: dict[str, Any], report: Reporter) -> list[DrillResult]:
    reference, everything = options["reference"], options["reference"] == "all"
    if options["restore"]:
        content = options["content"]
        if everything:
            return drill_all(content=content, report=report)
        return [drill_backup(reference, content=content, report=report)]
    if options["at"]:
        verdicts = verify_at(find_destination(options["at"]), [reference], report)
        return [DrillResult(verdict=verdict, drill=None) for verdict in verdicts]
    verdicts = verify_all(report) if everything else [verify_backup(reference, report)]
    return [DrillResult(verdict=verdict, drill=None) for verdict in verdicts]


def _ok(proof: DrillResult, options: dict[str, Any]) -> bool:
    return proof.ok if options["restore"] else proof.verdict.ok


def _as_json(proof: DrillResult, options: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": proof.verdict.id,
        "ok": _ok(proof, options),
        "problems": list(proof.problems),
        "signature": proof.verdict.signature,
    }
    if options["restore"]:
        drill = proof.drill
        shown["drill"] = {**asdict(drill), "at": format_time(drill.at)} if drill else None
    return shown


def _together(shown: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "all",
        "ok": all(item["ok"] for item in shown),
        "problems": [f"{item['id']}: {text}" for item in shown for text in item["problems"]],
        "backups": shown,
    }
