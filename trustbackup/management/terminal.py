"""What the commands share: one sentence for an error, ``--json``, progress, tables."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections, router

from trustbackup.conf import get_settings
from trustbackup.exceptions import Cancelled, TrustbackupError
from trustbackup.management.encoding import is_unicode, spelled_output
from trustbackup.management.identity import identities_of
from trustbackup.management.plain_output import PlainOutput, plain, plain_json
from trustbackup.models import Alarm
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.runs.delivery import sending
from trustbackup.runs.lookout import lookout
from trustbackup.store.identities import using
from trustbackup.store.index_access import refuse_coroutines
from trustbackup.store.locks import RESTORES

if TYPE_CHECKING:
    from trustbackup.runs.recorder import RunRecorder


class OneSentenceParser(CommandParser):
    """Says what is wrong in one sentence and ends with 1, as every error of ours does."""

    def error(self, message: str) -> NoReturn:
        if not self.called_from_command_line:
            raise CommandError(f"Error: {message}")
        self.exit(1, f"{message[:1].upper()}{message[1:]}. See {self.prog} --help.\n")


class BackupCommand(BaseCommand):
    """A command whose ``run()`` calls one operation and prints what came of it."""

    # These must work when the site itself does not: no table, a failing check.
    requires_system_checks: tuple[str, ...] = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:  # noqa: ANN401
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = OneSentenceParser
        parser.add_argument("--json", action="store_true", help="Print one JSON value only.")
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:  # noqa: ANN401
        try:
            with spelled_output():
                return super().execute(*args, **options)
        except CommandError as error:
            if not getattr(self, "_called_from_command_line", False) or options.get("traceback"):
                raise
            PlainOutput(self.stderr, self.style).write(str(error))
            sys.exit(error.returncode)

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401
        self.stdout = output = PlainOutput(self.stdout, self.style)
        self.stderr = PlainOutput(self.stderr, self.style)
        try:
            refuse_coroutines()
            # The index is read through the site's own connection, for which libpq would wait
            # for ever: a silent server must not keep us from the backups.
            timeout = max(2, round(get_settings().connect_timeout))
            os.environ.setdefault("PGCONNECT_TIMEOUT", str(timeout))
            with sending():
                with cancellable():
                    for sentence in _recovered():
                        self.stderr.write(sentence)
                    with using(identities_of(options)):
                        ok = self.run(options)
                _look_out()
        except KeyboardInterrupt:
            raise CommandError("Stopped: nothing incomplete was left behind.") from None
        except (TrustbackupError, Cancelled) as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, ImproperlyConfigured, OSError) as error:
            raise CommandError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
        output.flush()
        if not ok:
            sys.exit(1)
        if isinstance(output.lost, OSError) and not isinstance(output.lost, BrokenPipeError):
            raise CommandError(
                f"It is done, but not all of its output could be written: {output.lost.strerror}."
            )

    def run(self, options: dict[str, Any]) -> bool:
        """Do the work; False ends with exit code 1."""
        raise NotImplementedError

    def record_run(
        self, action: str, target: str = "", *, plan: str = ""
    ) -> AbstractContextManager[RunRecorder]:
        """Record a run of this command, by the user of the operating system."""
        from trustbackup.runs.recorder import record_run, system_user

        actor = f"{system_user()} (command)"
        return record_run(action, target, actor=actor, address=socket.gethostname(), plan=plan)

    def print_json(self, value: object) -> None:
        """Print one JSON value; of a list, each item on a line of its own."""
        # JSON is UTF-8; elsewhere its own escapes say the same in ASCII.
        escape = not is_unicode(self.stdout)
        if isinstance(value, list):
            # Without indent, because with it Python's encoder is ten times as slow.
            lines = ",\n".join(json.dumps(item, ensure_ascii=escape) for item in value)
            text = f"[\n{lines}\n]" if lines else "[]"
        else:
            text = json.dumps(value, ensure_ascii=escape, indent=1)
        self.stdout.write(plain_json(text))

    def confirm(self, question: str, flag: str) -> None:
        """Ask on a terminal; elsewhere the flag must have said it. Raises CommandError."""
        if not sys.stdin or not sys.stdin.isatty():
            raise CommandError(f"Nothing was done: there is nobody to ask. Say {flag}.")
        if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was done.")

    @contextlib.contextmanager
    def progress(self, options: dict[str, Any]) -> Iterator[Reporter]:
        """A reporter that shows progress: live on a terminal, else a line for each stage."""
        if options["json"] or options["verbosity"] == 0:
            yield quiet
        elif self.stdout.isatty():
            with live_progress(ascii_only=not is_unicode(self.stdout)) as reporter:
                yield reporter
        else:
            yield PlainProgress(self.stdout.write)


def _recovered() -> list[str]:
    """A sentence for each restore that died. What it takes loads where one was ever begun."""
    try:
        names = os.listdir(get_settings().backup_dir / RESTORES)
        if not any(name.endswith((".json", ".alive")) for name in names):
            return []
    except FileNotFoundError:
        return []
    except OSError:
        pass  # a sentence tells what is wrong with it
    from trustbackup.operations.restore.recover import recover_restores

    return recover_restores()


def _look_out() -> None:
    """Any command sees what is overdue, where it has talked to the index anyway."""
    if lookout.is_due and connections[router.db_for_read(Alarm)].connection is not None:
        lookout.look()


@contextlib.contextmanager
def cancellable() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP, of a terminal that is gone, into Cancelled, so that everything
    is cleaned up on the way out. What is ignored, as nohup does, stays so."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in previous:
            signal.signal(each, signal.SIG_IGN)
        why = f"the process was asked to end ({signal.Signals(number).name})"
        raise Cancelled("Cancelled", why=why)

    previous: dict[signal.Signals, Any] = {}
    try:
        for each in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(each) != signal.SIG_IGN:
                previous[each] = signal.signal(each, stop)
    except ValueError:  # not the main thread: whoever owns the process decides
        yield
        return
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


class PlainProgress:
    """A line when a stage begins, and one with its speed when it ends."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._last = Progress(stage="")
        self._began = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self._last.stage:
            self._finish()
            self._began = time.monotonic()
            self._write(f"{progress.stage} …")
        self._last = progress
        if progress.stage == "publishing":
            self._finish()

    def _finish(self) -> None:
        seconds = time.monotonic() - self._began
        if self._last.done and seconds > 0:
            speed = size(self._last.done / seconds)
            self._write(f"  {size(self._last.done)} in {seconds:.1f} s, {speed}/s")
        self._last = Progress(stage=self._last.stage)


@contextlib.contextmanager
def live_progress(*, ascii_only: bool = False) -> Iterator[Reporter]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    bars = Bars(
        SpinnerColumn("line" if ascii_only else "dots"),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        transient=True,
    )
    with bars:
        tasks: dict[str, Any] = {}

        def report(progress: Progress) -> None:
            if progress.stage not in tasks:
                for task in tasks.values():
                    bars.update(task, visible=False)
                tasks[progress.stage] = bars.add_task(progress.stage, total=None)
            bars.update(
                tasks[progress.stage], completed=progress.done, total=progress.total or None
            )

        yield report


def show_objections(
    command: BackupCommand, warnings: Sequence[str], refusals: Sequence[str]
) -> None:
    """The end of a plan that is shown: what speaks against it."""
    write = command.stdout.write
    for warning in warnings:
        write(command.style.WARNING(plain(warning)))
    for refusal in refusals:
        write(command.style.ERROR(f"Refused: {plain(refusal)}"))
    if not refusals:
        write("Nothing was touched. Leave --dry-run out to do it.")


def seconds(count: float) -> str:
    """A duration for a person: 0.24 s, 3.2 s, or 4 minutes and 10 seconds."""
    if count >= 60:
        import humanize

        return humanize.precisedelta(round(count))
    return f"{count:.2f} s" if count < 1 else f"{count:.1f} s"


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2,000 files``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(count: float) -> str:
    """Bytes for a person: 12.3 MB."""
    import humanize

    return humanize.naturalsize(count)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Aligned columns; those whose index is in ``right`` are flush right.

    Plain text: ten thousand lines of it cost less than a tenth of a second.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
