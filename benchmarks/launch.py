"""Start one program, wait for its end, and write what it took as JSON.

    launch.py RESULT PROGRAM ARGUMENT…

A process of its own, because Linux counts the memory that a process has before it becomes
the program (between fork and exec) as that program's. This one has 10 MB.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def main() -> None:
    # Whoever stops the benchmark signals the whole group; the program's end is awaited.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    result, *argv = sys.argv[1:]
    began = time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.monotonic() - began
    with open(result, "w") as file:  # noqa: PTH123 - pathlib would be most of the memory
        json.dump(
            {
                "code": os.waitstatus_to_exitcode(status),
                "seconds": seconds,
                "cpu": usage.ru_utime + usage.ru_stime,
                "memory": usage.ru_maxrss * 1024,
            },
            file,
        )


main()
