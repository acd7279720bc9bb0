"""The settings page behind real web servers: its list, and bundles that are downloaded."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from benchmarks import listing
from benchmarks.measure import BenchmarkError, Sample, ended, interleave, median, say
from benchmarks.report import Section, Target
from benchmarks.site import CHECKOUT, Site

FEW, MANY = 20, listing.BACKUPS
FILES = 20
FILE_SIZE = 100_000_000
"""Bytes of each file of a bundle; together 2 GB."""
_TOKEN = "a" * 32
SERVERS = {
    "gunicorn (WSGI)": ["gunicorn", "webshop.wsgi", "--workers", "1", "--timeout", "600", "--bind"],
    "uvicorn (ASGI)": ["uvicorn", "webshop.asgi:application", "--log-level", "warning"],
}
_SIGN_IN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
user, _new = User.objects.get_or_create(username="operator", is_superuser=True)
client.force_login(user)
print("session", client.session.session_key)
"""


@dataclass
class Served:
    """A site behind a server, and a signed-in client of it."""

    port: int
    pid: int
    headers: dict[str, str] = field(default_factory=dict)

    def fetch(self, path: str, form: list[tuple[str, str]] | None = None) -> Sample:
        """One request, read to its end and thrown away. Memory is what the server grew by.

        ``cpu`` holds the seconds to the first byte of the answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        body = urlencode(form) if form else None
        headers = {**self.headers}
        if body:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": _TOKEN}
        with contextlib.closing(connection), Watch(self.pid) as watch:
            began = time.monotonic()
            connection.request("POST" if body else "GET", path, body, headers)
            answer = connection.getresponse()
            buffer = bytearray(1 << 20)
            size = answer.readinto(buffer)
            first = time.monotonic() - began
            while count := answer.readinto(buffer):
                size += count
            seconds = time.monotonic() - began
        length = answer.headers["Content-Length"]
        if answer.status != 200 or (length and int(length) != size):
            raise BenchmarkError(f"{path} answered {answer.status} with {size} bytes of {length}.")
        return Sample(seconds=seconds, cpu=first, memory=watch.grown, size=size)


class Watch:
    """How much larger a process got meanwhile, in bytes; looked at every 20 ms."""

    def __init__(self, pid: int) -> None:
        self.grown = 0
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._before = resident(self._pid)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.02):
            self.grown = max(self.grown, resident(self._pid) - self._before)


def resident(pid: int) -> int:
    """Bytes in memory that are the process's own (Linux's ``RssAnon``)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def measure(folder: Path, rounds: int, scale: float) -> list[Section]:
    return [measure_list(folder, rounds, scale), measure_bundles(folder, rounds, scale)]


def measure_list(folder: Path, rounds: int, scale: float) -> Section:
    many = max(FEW, round(MANY * scale))
    with contextlib.ExitStack() as stack:
        few_site = stack.enter_context(filled(folder / "few", FEW))
        many_site = stack.enter_context(filled(folder / "many", many))
        path = "/settings/backups/"
        few_name, many_name = f"list of {FEW}", f"list of {many:,}"
        for served in (few_site, many_site):
            for _ in range(3):
                served.fetch(path)
        samples = interleave(
            {
                few_name: lambda: few_site.fetch(path),
                many_name: lambda: many_site.fetch(path),
            },
            rounds * 5,
        )
    section = Section(
        title="The list page",
        header=["", "ms (min to max)"],
        samples=samples,
        facts={"backups": many},
    )
    for name, runs in samples.items():
        every = [run.seconds * 1000 for run in runs]
        section.rows.append(
            [name, f"{median(runs) * 1000:.1f} ({min(every):.1f} to {max(every):.1f})"]
        )
    ratio = median(samples[many_name]) / median(samples[few_name])
    section.targets = [Target(what=f"page with {many:,} beside {FEW}", value=ratio, limit=1.5)]
    return section


@contextlib.contextmanager
def filled(folder: Path, count: int) -> Iterator[Served]:
    site = Site(folder, f"sqlite:///{folder / 'db.sqlite3'}")
    site.manage("migrate", "--verbosity", "0")
    listing.synthesise(site.backups, count)
    with serving(site, next(iter(SERVERS))) as served:
        yield served


def measure_bundles(folder: Path, rounds: int, scale: float) -> Section:
    site = Site(folder / "bundles", f"sqlite:///{folder / 'bundles.sqlite3'}")
    site.manage("migrate", "--verbosity", "0")
    say("Making the files of the bundles")
    listing.synthesise(site.backups, FILES, os.urandom(max(1000, round(FILE_SIZE * scale))))
    selected = [("selected", name.name) for name in site.backups.glob("*.dump.gz")]
    section = Section(
        title=f"Bundles of {FILES} files, {FILES * FILE_SIZE * scale / 1e9:.1f} GB",
        header=["", "MB/s", "beside the same bytes", "first byte, ms", "server grew by, MB"],
    )
    samples: dict[str, list[Sample]] = {}
    for server in SERVERS:
        with serving(site, server) as served:
            names = {way: f"{server}, {way}" for way in ("concatenated", "zip", "tar.gz")}
            served.fetch("/settings/backups/")
            samples |= interleave(
                {
                    names["concatenated"]: lambda: served.fetch("/concatenate/"),
                    names["zip"]: lambda: served.fetch("/settings/backups/bundle/zip/", selected),
                    names["tar.gz"]: lambda: served.fetch(
                        "/settings/backups/bundle/tar.gz/", selected
                    ),
                },
                rounds,
            )
        base = speed(samples[names["concatenated"]])
        for name in names.values():
            runs = samples[name]
            section.rows.append(
                [
                    name,
                    f"{speed(runs) / 1e6:.0f}",
                    f"{speed(runs) / base:.2f} x",
                    f"{median(runs, 'cpu') * 1000:.0f}",
                    f"{max(run.memory for run in runs) / 1e6:.1f}",
                ]
            )
        for way, limit in (("zip", 0.4), ("tar.gz", 0.25)):
            runs = samples[names[way]]
            section.targets += [
                Target(what=names[way], value=speed(runs) / base, limit=limit, at_least=True),
                Target(
                    what=f"{names[way]}: the server grows by",
                    value=max(run.memory for run in runs) / 1e6,
                    limit=20,
                    unit="MB",
                ),
            ]
    section.samples = samples
    return section


def speed(runs: list[Sample]) -> float:
    return median(runs, "size") / median(runs)


@contextlib.contextmanager
def serving(site: Site, server: str) -> Iterator[Served]:
    """Raises BenchmarkError when the server does not answer within half a minute."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    program, *arguments = SERVERS[server]
    where = [f"127.0.0.1:{port}"] if program == "gunicorn" else ["--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", program, *arguments, *where],
        cwd=CHECKOUT,
        env=site.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with ended(process):
        _wait(port)
        worker = _worker(process.pid) if program == "gunicorn" else process.pid
        cookies = f"sessionid={_session(site)}; csrftoken={_TOKEN}"
        yield Served(port, worker, {"Cookie": cookies})


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            with contextlib.closing(connection):
                connection.request("GET", "/login/")
                if connection.getresponse().status == 200:
                    return
        if time.monotonic() > deadline:
            raise BenchmarkError("The web server does not answer.")
        time.sleep(0.1)


def _worker(master: int) -> int:
    return int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])


def _session(site: Site) -> str:
    output = site.folder / "session"
    site.manage("shell", "--verbosity", "0", "-c", _SIGN_IN, stdout=output)
    return output.read_text().split()[-1]
