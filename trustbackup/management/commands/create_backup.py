"""``manage.py create_backup``: back the site's databases up, now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from trustbackup.conf import get_settings
from trustbackup.contents.app_data.formats import FixtureOptions, get_format
from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.exceptions import DumpError, UsageError
from trustbackup.management.plain_output import plain
from trustbackup.management.terminal import BackupCommand, counted, seconds, size
from trustbackup.operations.backup.app_data import APP, AppRequest, database_of
from trustbackup.operations.backup.media import MEDIA_KIND, what_is_amiss
from trustbackup.operations.progress import Reporter
from trustbackup.operations.site_version import name_before
from trustbackup.runs.create_work import create_and_copy
from trustbackup.store import names
from trustbackup.store.manifest import Manifest, Part

if TYPE_CHECKING:
    from trustbackup.operations.offsite.copy import CopyResult


class Command(BackupCommand):
    help = "Back databases, uploaded files, settings or one app's data up into the backup folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--type",
            default="database",
            help="database (default); full: databases, uploaded files and settings as one; media:"
            " the uploaded files; settings: the rows that configure"
            " the site; or app: one app's data, see --app",
        )
        parser.add_argument(
            "--database",
            action="append",
            default=[],
            metavar="ALIAS",
            help="A database of DATABASES; may be repeated (default: all).",
        )
        parser.add_argument(
            "--app", default="", metavar="LABEL", help="The app of --type app, such as shop."
        )
        parser.add_argument(
            "--indent", type=int, metavar="SPACES", help="Of --type app: readable, and larger."
        )
        parser.add_argument(
            "--natural",
            action="store_true",
            help="Of --type app: foreign keys by natural keys, where their models have some.",
        )
        parser.add_argument(
            "--incremental",
            action="store_true",
            help="Of --type media and full: keep contents as objects, and write only new ones.",
        )
        parser.add_argument(
            "--read-all",
            action="store_true",
            help="With --incremental: read unchanged files, and the objects there, again, too.",
        )
        parser.add_argument("--name", default="", help="A few words to know it by later.")
        parser.add_argument("--compression", default="", help="gzip (default), zstd, bzip2 or none")
        parser.add_argument(
            "--no-compress", action="store_true", help="Same as --compression none."
        )
        parser.add_argument(
            "--format",
            default="",
            help="custom (default), or directory: PostgreSQL dumped by several workers at once;"
            " of --type app jsonl (default), json, xml or yaml",
        )
        parser.add_argument(
            "--content",
            action="store_true",
            help="Take fingerprints of all rows, for drills to compare.",
        )
        parser.add_argument(
            "--to",
            action="append",
            default=[],
            metavar="NAME|URL",
            help="Copy it there, too; may be repeated. Automatic destinations get it anyway.",
        )
        parser.add_argument(
            "--encrypt-to",
            action="append",
            default=[],
            metavar="KEY",
            help="Encrypt it to this public key of age, age1… or ssh-ed25519, or to the key of that"
            " name (backup_keys); may be repeated.",
        )
        parser.add_argument("--keep", action="store_true", help="Never let retention delete it.")
        parser.add_argument(
            "--before",
            default="",
            metavar="WHAT",
            help="Name it by what is about to change, such as deploy, with the site's version;"
            " retention never deletes it.",
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="End only when what was written has been read back and compared, too.",
        )

    def run(self, options: dict[str, Any]) -> bool:
        app = app_request(options)
        directory = app is None and _is_directory(options["format"])
        name, before = options["name"], options["before"].strip()
        if name and before:
            raise UsageError("--before names the backup", todo="Leave --name out.")
        if before:
            name = name_before(before)
        with self.record_run("create", name) as recorder, self.progress(options) as report:
            manifest, copies = create_and_copy(
                recorder,
                report,
                to=options["to"],
                kind=options["type"],
                databases=[database_of(app.label, tuple(options["database"]))]
                if app
                else options["database"],
                app=app,
                incremental=options["incremental"],
                read_all=options["read_all"],
                encrypt_to=options["encrypt_to"],
                name=name,
                compression="none" if options["no_compress"] else options["compression"],
                keep=options["keep"] or bool(before),
                content=options["content"],
                directory=directory,
                trigger="before" if before else "command",
            )
            if options["wait"]:
                _must_be_whole(manifest.id, report)
        root = get_settings().backup_dir
        offloaded = recorder.outcome["offloaded"]
        if options["json"]:
            self.print_json(_as_json(root, manifest, copies, offloaded))
        else:
            self._print(root, manifest, copies)
            for identifier in offloaded:
                self.stdout.write(f"  the data of {identifier} is at a destination only now")
        return not recorder.partial

    def _print(self, root: Path, manifest: Manifest, copies: Sequence[CopyResult]) -> None:
        took = seconds((manifest.finished - manifest.started).total_seconds())
        self.stdout.write(self.style.SUCCESS(f"Backup {manifest.id} is made ({took})."))
        for part in manifest.parts:
            self.stdout.write(f"  {root / part.file}  {size(part.bytes)}{_holds(part)}")
            if part.files is not None and part.files.special:
                self.stdout.write(f"  {part.files.special:,} pipes, sockets or devices left out")
        for sentence in what_is_amiss(manifest):
            self.stderr.write(plain(sentence))
        for copied in copies:
            if copied.error:
                self.stderr.write(f"It was not copied to {copied.destination}: {copied.error}")
            else:
                self.stdout.write(f"  copied to {copied.destination}")


def _as_json(
    root: Path, manifest: Manifest, copies: Sequence[CopyResult], offloaded: object
) -> dict[str, Any]:
    return {
        "id": manifest.id,
        "name": manifest.name,
        "kind": manifest.kind,
        "manifest": str(root / names.manifest_name(manifest.id)),
        "files": [
            {
                "part": part.part,
                "file": part.file,
                "path": str(root / part.file),
                "bytes": part.bytes,
                "raw_bytes": part.raw_bytes,
                "sha256": part.sha256,
            }
            for part in manifest.parts
        ],
        "amiss": what_is_amiss(manifest),
        "copies": [asdict(copied) for copied in copies],
        "offloaded": offloaded,
    }


def app_request(options: dict[str, Any]) -> AppRequest | None:
    """What was asked for with --app; None for other types. Raises UsageError."""
    is_app, label = options["type"] == APP, options["app"].strip()
    if options["type"] in (MEDIA_KIND, SETTINGS):
        for flag in ("content", "format"):
            if options[flag]:
                raise UsageError(f"--{flag} is of databases", todo=f"Leave --{flag} out.")
    if not is_app:
        given = [flag for flag in ("app", "indent", "natural") if options[flag] not in ("", None)]
        if given := [flag for flag in given if options[flag] is not False]:
            raise UsageError(f"--{given[0]} goes with --type app", todo="Add --type app.")
        return None
    if options["content"]:
        raise UsageError("--content is of whole databases", todo="Leave --content out.")
    if not label:
        raise UsageError("--type app is of one app", todo="Name it with --app.")
    chosen = FixtureOptions(
        format=options["format"] or FixtureOptions.format,
        indent=options["indent"],
        natural=options["natural"],
    )
    get_format(chosen)
    return AppRequest(label=label, options=chosen)


def _holds(part: Part) -> str:
    """What a part holds, for people; a list of files speaks for its archive."""
    if part.files is not None:
        return f" ({counted(part.files.files, 'file')} in {counted(part.files.folders, 'folder')})"
    if not part.tables and not part.engine:
        return ""
    return f" ({counted(part.rows, 'row')} in {counted(len(part.tables), 'table')})"


def _must_be_whole(identifier: str, report: Reporter) -> None:
    """Read what was written back. Raises DumpError when it is not what the manifest says."""
    from trustbackup.operations.offsite.verify import verify_backup

    verdict = verify_backup(identifier, report)
    if not verdict.ok:
        raise DumpError(
            f"Backup {identifier} was made, and is not good",
            why=" ".join(verdict.problems),
            todo="Change nothing; see to the disk, then make another.",
        )


def _is_directory(name: str) -> bool:
    if name not in ("", "custom", "directory"):
        raise UsageError(f"There is no format {name!r}", todo="Choose custom or directory.")
    return name == "directory"
