"""The one place that starts programs.

Always an argument list and never a shell; secrets travel in the environment, and are
blacked out of whatever a program says. Every program leads a process group of its own,
which is killed as a whole when its time is up or nobody wants its output any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import IO, Self

from trustbackup.exceptions import ProgramError
from trustbackup.phrases import gettext as _
from trustbackup.store import pipes
from trustbackup.store.scheduling import has_green_threads, schedule_as_batch
from trustbackup.store.streams import BLOCK

_STDERR_KEPT = 16 << 10
_GRACE = 5.0
"""Seconds between asking a program to end and killing its group."""
_PIPE = 64 << 10
"""Bytes that a pipe holds unless it was made larger."""
_POLL_SECONDS = 0.001
_PATIENCE = 0.25
"""Seconds after which a slow program's output is handed on, even if the block is not full."""
AWAITING_END = "trustbackup-awaiting-end"
"""The name of the threads that wait for what outlives us."""


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
        inherited: Sequence[int] = (),
    ) -> None:
        """It keeps the descriptors that are ``inherited``. Raises ProgramError."""
        self.name = name or os.path.basename(argv[0])  # noqa: PTH119 - a program, not a path
        self.timeout = timeout
        self.timed_out = False
        self._secrets = [secret for secret in secrets if secret]
        self._stderr = bytearray()
        if stdin is not None and not isinstance(stdin, int):
            os.set_blocking(stdin.fileno(), True)  # a program expects that
        try:
            self._process = _popen_class()(
                list(argv),
                env=in_english(os.environ if env is None else env),
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(inherited),
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
        for stream in (self._process.stdout, self._process.stderr):
            pipes.prepare(stream.fileno())  # type: ignore[union-attr]
        schedule_as_batch(self._process.pid)
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
            pieces = []
            while piece := self.read(BLOCK):
                pieces.append(piece)
            return b"".join(pieces)
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
            count = pipes.read_into(self._stdout.fileno(), buffer[filled:])
            if not count:
                break
            filled += count
            if filled < len(buffer) and count < self._pipe // 2:
                time.sleep(_POLL_SECONDS)
                left = until - time.monotonic()
                if left <= 0 or not pipes.wait_until_readable(self._stdout.fileno(), left):
                    break
        if not filled:
            self.check()
        return filled

    def check(self) -> None:
        """Wait for the end. Raises ProgramError unless the program succeeded."""
        code = _await_end(self._process)
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
        buffer = bytearray(4096)
        with self._process.stderr as stderr:
            while count := pipes.read_into(stderr.fileno(), memoryview(buffer)):
                self._stderr += buffer[:count]
                del self._stderr[:-_STDERR_KEPT]

    def _expire(self) -> None:
        self.timed_out = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _popen_class() -> type[subprocess.Popen[bytes]]:
    """What starts a program: gevent's own where it has replaced os.close() and no subprocess.

    Its close() happens later (since 25.8), and the standard library's Popen would wait for ever
    for the end of a pipe that it has closed itself.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey and monkey.is_module_patched("os") and not monkey.is_module_patched("subprocess"):
        green: type[subprocess.Popen[bytes]] = import_module("gevent.subprocess").Popen
        return green
    return subprocess.Popen


def _await_end(process: subprocess.Popen[bytes]) -> int:
    """Wait for a program's end, and let green threads have their turn; its exit code."""
    while has_green_threads() and process.poll() is None:
        time.sleep(_POLL_SECONDS * 10)
    return process.wait()


def in_english(env: Mapping[str, str]) -> dict[str, str]:
    """An environment in which programs and the system say their errors in English."""
    others = {name: value for name, value in env.items() if name not in ("LANGUAGE", "LC_MESSAGES")}
    return {**others, "LC_ALL": "C.UTF-8"}


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


def start_detached(
    argv: Sequence[str],
    env: Mapping[str, str],
    folder: str,
    *,
    output: int,
    inherited: Sequence[int] = (),
    on_end: Callable[[int], object] = lambda _code: None,
) -> int:
    """Start a program that outlives us, in a session of its own; returns its process id.

    What it prints goes to the descriptor ``output``; it keeps those that are ``inherited``.
    If we live longer, ``on_end`` is called in a thread with its exit code. Raises ProgramError.
    """
    try:
        process = _popen_class()(
            list(argv),
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=tuple(inherited),
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramError(
            _("%(name)s could not be started", name=argv[0]), why=os.strerror(error.errno or 0)
        ) from error
    # A parent that outlives it takes note of its end, so that no zombie is left.
    threading.Thread(
        target=lambda: on_end(_await_end(process)), name=AWAITING_END, daemon=True
    ).start()
    return process.pid
