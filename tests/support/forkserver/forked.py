"""A command that a server has forked, as ``subprocess`` has one that it has started."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import TextIO

OTHER_APPS = b"other apps\n"
"""What a child says that has found out that its command's apps are not those of its server."""


class Forked:
    """Its process, and the three pipes on which its output and what becomes of it arrive.

    It is a child of the server, which reads its status; so its number may belong to another as
    soon as it has ended, and signals go to the process itself.
    """

    def __init__(self, args: Sequence[str], pid: int, out: int, err: int, told: int) -> None:
        self.args = list(args)
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: TextIO = os.fdopen(out, encoding="utf-8")
        self.stderr: TextIO = os.fdopen(err, encoding="utf-8")
        self.tracer: subprocess.Popen[str] | None = None
        self._told = os.fdopen(told, "rb", buffering=0)
        self._output: dict[int, bytearray] = {out: bytearray(), err: bytearray()}
        try:
            self._process: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._process = None

    @classmethod
    def begun(
        cls, args: Sequence[str], out: int, err: int, told: int, go: int, tracer: Sequence[str]
    ) -> Forked | None:
        """The command that goes on with ``go``; None where it has to be asked for elsewhere."""
        pid = int(read_line(told))
        forked = cls(args, pid, out, err, told)
        try:
            if forked._told.readline() == OTHER_APPS:
                forked.communicate()
                return None
            if tracer:
                forked._trace(tracer)
        finally:
            os.close(go)
        return forked

    def _trace(self, tracer: Sequence[str]) -> None:
        # It has to say when it is there, and no filter of the kernel can be put on what runs.
        quiet = {"-qq": "--quiet=personality,exit"}
        options = [quiet.get(item, item) for item in tracer if item != "--seccomp-bpf"]
        self.tracer = subprocess.Popen(
            [*options, "-p", str(self.pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.tracer.stderr
        said = self.tracer.stderr.readline()
        assert "attached" in said, said + self.tracer.communicate()[1]

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal. Raises TimeoutExpired."""
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        self.poll()
        assert self.returncode is not None
        return self.returncode

    def _end(self) -> None:
        self.returncode = os.waitstatus_to_exitcode(int(self._told.readline()))
        self._told.close()
        if self._process is not None:
            os.close(self._process)
        if self.tracer:
            self.tracer.communicate()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it printed, at its end. Raises TimeoutExpired, and can be called again then."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for stream in (self.stdout, self.stderr):
                if not stream.closed:
                    selector.register(stream, selectors.EVENT_READ, stream)
            while selector.get_map():
                seconds = None if deadline is None else deadline - time.monotonic()
                if seconds is not None and seconds <= 0:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
                for key, _events in selector.select(seconds):
                    if block := os.read(key.fd, 65536):
                        self._output[key.fd] += block
                    else:
                        selector.unregister(key.fileobj)
                        key.data.close()
        self.wait(None if deadline is None else max(0, deadline - time.monotonic()))
        out, err = (bytes(data).decode().replace("\r\n", "\n") for data in self._output.values())
        return out, err

    def send_signal(self, number: int) -> None:
        """Nothing when it has ended."""
        if self.poll() is None and self._process is not None:
            signal.pidfd_send_signal(self._process, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def read_line(pipe: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        if not (byte := os.read(pipe, 1)):
            raise EOFError("the server of the forked commands has ended")
        line += byte
    return line
