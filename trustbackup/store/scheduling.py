"""How processes and threads share the processors. Used by ``databases/``, too."""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
from types import BuiltinFunctionType


def has_green_threads() -> bool:
    """Whether a library has replaced threads by greenlets, which all share this one thread.

    gevent and eventlet do, and put a function of Python in the place of the interpreter's own.
    """
    return not isinstance(_thread.start_new_thread, BuiltinFunctionType)


def schedule_as_batch(process: int) -> None:
    """Let a process or thread take a processor only when whoever has it lets go of it.

    A server's 8 KiB wake a dumper, which is through with them sooner than the next come: at
    every one of them it would interrupt the server or the compressor, and both lose more time
    by that than it takes. As a batch job it waits, and has more to read when its turn comes.
    https://man7.org/linux/man-pages/man7/sched.7.html (SCHED_BATCH)
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(process, os.SCHED_BATCH, os.sched_param(0))
