"""The one place that starts programs.

Always an argument list and never a shell; secrets travel in the environment, and are
blacked out of whatever a program says. Every program leads a process group of its own,
which is killed as a whole when its time is up or nobody wants its output any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, BinaryIO, Self

from trustbackup.exceptions import ProgramError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import BLOCK, Readable, gather

_STDERR_KEPT = 16 << 10
_GRACE = 5.0
"""Seconds between asking a program to end and killing its group."""
_PIPE = 64 << 10
"""Bytes that a pipe holds unless it was made larger."""
_NAP = 0.001
_PATIENCE = 0.25
"""Seconds after which a slow program's output is handed on, even if the block is not full."""


class DumperFailed(subprocess.CalledProcessError):
    """A dumper that failed, for callers that expect the standard library's own error."""

    def __init__(self, sentence: str) -> None:
        super().__init__(1, "the database's dumper", stderr=sentence)

    def __str__(self) -> str:
        return str(self.stderr)


class Program:
    """A running program; its standard output can be read as a stream.

    ``read()`` raises ProgramError at the end of the stream if the program failed, so that a
    half-written dump never looks like a whole one.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        stdin: int | IO[bytes] | None = None,
        timeout: float | None = None,
        secrets: Iterable[str] = (),
        name: str = "",
    ) -> None:
        self.name = name or os.path.basename(argv[0])  # noqa: PTH119 - a program, not a path
        self.timeout = timeout
        self.timed_out = False
        self._secrets = [secret for secret in secrets if secret]
        self._stderr = bytearray()
        try:
            self._process = subprocess.Popen(
                list(argv),
                env=dict(env) if env is not None else None,
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Not a session: Linux shares processors out among sessions first, and only
                # within one does a batch job keep to its place.
                process_group=0,
            )
        except OSError as error:
            raise ProgramError(
                _("%(name)s could not be started", name=self.name),
                why=os.strerror(error.errno or 0),
                todo=_("Install it or correct its path (%(path)s), then try again.", path=argv[0]),
            ) from error
        assert self._process.stdout is not None  # noqa: S101 - PIPE was asked for
        self._stdout = self._process.stdout
        gather(self._process.pid)
        # 1 MiB instead of 64 KiB saves a tenth of a dump's time; it is only a hint.
        self._pipe = _PIPE
        with contextlib.suppress(OSError):
            self._pipe = fcntl.fcntl(self._stdout, fcntl.F_SETPIPE_SZ, BLOCK)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._timer = threading.Timer(timeout, self._expire) if timeout else None
        if self._timer:
            self._timer.daemon = True
            self._timer.start()

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes of output; at the end, checks how the program ended."""
        if size < 0:
            data = self._stdout.read()
            self.check()
            return data
        buffer = bytearray(size)
        del buffer[self.readinto(memoryview(buffer)) :]
        return bytes(buffer)

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill ``buffer``, letting the pipe fill meanwhile; at the end, checks how it ended.

        Being woken for each write of a few KiB costs more processor time than compressing
        it, and takes that time from the dumper.
        """
        filled = 0
        until = time.monotonic() + _PATIENCE
        while filled < len(buffer):
            count = os.readv(self._stdout.fileno(), [buffer[filled:]])
            if not count:
                break
            filled += count
            if filled < len(buffer) and count < self._pipe // 2:
                time.sleep(_NAP)
                left = until - time.monotonic()
                if left <= 0 or not _has_more(self._stdout, left):
                    break
        if not filled:
            self.check()
        return filled

    def check(self) -> None:
        """Wait for the end. Raises ProgramError unless the program succeeded."""
        code = self._process.wait()
        self._listener.join(_GRACE)
        if self._timer:
            self._timer.cancel()
        if self.timed_out:
            raise ProgramError(
                _("%(name)s was stopped", name=self.name),
                why=_("it was not done after %(timeout).0f seconds", timeout=self.timeout),
                todo=_("Look what holds it up, or allow more time."),
            )
        if code:
            raise ProgramError(_("%(name)s failed", name=self.name), why=self._reason(code))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def complaint(self) -> str:
        """What it said on standard error, without secrets (the last 16 KiB)."""
        text = self._stderr.decode(errors="replace").strip()
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def close(self) -> None:
        """End the whole process group, if it still runs, and free everything."""
        if self._timer:
            self._timer.cancel()
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
        self._stdout.close()
        self._listener.join(_GRACE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _reason(self, code: int) -> str:
        if code < 0:
            return _("it was killed by signal %(signal)s", signal=signal.Signals(-code).name)
        lines = [line.strip() for line in self.complaint.splitlines() if line.strip()]
        # The cause stands in the first complaint; what follows is often the whole statement.
        errors = [number for number, line in enumerate(lines) if "error:" in line.lower()]
        lines = lines[errors[0] :][:3] if errors else lines[-3:]
        return " ".join(lines) if lines else _("it ended with exit code %(code)d", code=code)

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - PIPE was asked for
        with self._process.stderr as stderr:
            while data := stderr.read1(4096):  # type: ignore[attr-defined]
                self._stderr += data
                del self._stderr[:-_STDERR_KEPT]

    def _expire(self) -> None:
        self.timed_out = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _has_more(stream: IO[bytes], seconds: float) -> bool:
    """Whether a read would not wait longer than that; so at the end of the stream, too."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def output_of(
    argv: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    stdin: int | IO[bytes] | None = None,
    timeout: float = 30.0,
    secrets: Iterable[str] = (),
) -> str:
    """Run a short program to its end and return its output. Raises ProgramError."""
    with Program(argv, env, stdin=stdin, timeout=timeout, secrets=secrets) as program:
        return program.read().decode(errors="replace")


def start_detached(argv: Sequence[str], env: Mapping[str, str], folder: str) -> int:
    """Start a program that outlives us, in a session of its own; returns its process id.

    What it prints is thrown away: it has to say elsewhere what it did. Raises ProgramError.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramError(
            _("%(name)s could not be started", name=argv[0]), why=os.strerror(error.errno or 0)
        ) from error
    # Whoever outlives it takes note of its end, so that no zombie is left.
    threading.Thread(target=process.wait, daemon=True).start()
    return process.pid


class Feeder:
    """Feeds a stream into a pipe from a thread; ``read_end`` is a program's standard input.

    A reader that leaves early (as ``pg_restore --list`` does) is no error; what the source
    raises is kept and comes out of ``finish()``.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        descriptor, self._write_end = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, BLOCK)
        self.read_end: BinaryIO = os.fdopen(descriptor, "rb", buffering=0)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the thread; raises what reading the source raised."""
        self.read_end.close()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _feed(self) -> None:
        try:
            while block := self._source.read(BLOCK):
                view = memoryview(block)
                while view:
                    view = view[os.write(self._write_end, view) :]
        except BrokenPipeError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            os.close(self._write_end)
