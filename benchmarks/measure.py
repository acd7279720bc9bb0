"""Measuring programs: wall time, processor time and peak memory of a whole process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
_GRACE = 10.0
"""Seconds between asking a program to end and killing it."""


class BenchmarkError(Exception):
    """One sentence for the user: what is missing or went wrong, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run of a program.

    ``seconds`` is wall time from its start to its end and ``cpu`` user plus system time, its
    children's included. ``memory`` is the largest resident set in bytes of any one process of
    the tree (Linux's ``wait4``): with a manage.py command that is the Python process.
    ``size`` is what it wrote, in bytes.
    """

    seconds: float
    cpu: float = 0.0
    memory: int = 0
    size: int = 0


def run(argv: Sequence[str], env: Mapping[str, str], stdout: Path | None = None) -> Sample:
    """Run a program to its end and measure it; its output is thrown away, or kept in a file.

    Raises BenchmarkError with what it said when it fails.
    """
    with tempfile.TemporaryDirectory(dir=env["TMPDIR"], prefix="measure-") as name:
        result, errors = Path(name) / "result", Path(name) / "errors"
        # What earlier runs left to be written must not slow this one down.
        os.sync()
        with errors.open("wb") as stderr, (stdout or Path(os.devnull)).open("wb") as output:
            launcher = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCHER), str(result), *argv],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=stderr,
                start_new_session=True,
            )
            with ended(launcher):
                launcher.wait()
        said = errors.read_text(errors="replace").strip()
        if not result.exists():
            raise BenchmarkError(f"{argv[0]} could not be started: {said[-2000:]}")
        values = json.loads(result.read_text())
    if values.pop("code"):
        raise BenchmarkError(f"{' '.join(argv)} failed: {said[-2000:]}")
    return Sample(**values)


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Afterwards the process (the leader of its own group) has ended, whatever happened."""
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_GRACE)


Variants = Mapping[str, Callable[[], Sample]]


def interleave(variants: Variants, rounds: int) -> dict[str, list[Sample]]:
    """Run every variant in turn, ``rounds`` times: A B C A B C …

    Whatever disturbs the machine for a while then disturbs all of them.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in variants}
    for number in range(rounds):
        for name, measure in variants.items():
            sample = measure()
            samples[name].append(sample)
            say(
                f"    {number + 1}/{rounds}  {name:<34} {sample.seconds:7.2f} s"
                f"  {sample.cpu:6.2f} s CPU  {sample.memory / 1e6:5.0f} MB"
                + (f"  {sample.size / 1e6:6.0f} MB written" if sample.size else "")
            )
    return samples


def median(samples: Sequence[Sample], field: str = "seconds") -> float:
    return float(statistics.median(getattr(sample, field) for sample in samples))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
