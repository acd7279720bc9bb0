"""What a site pays for its plans while nothing is due: the scheduler's look, and a visitor's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.measure import BenchmarkError, Sample, interleave, median
from benchmarks.report import Section, Target
from benchmarks.site import Site

PLANS = (1, 20)
REQUESTS = 25
"""To the shop's front page in one block; blocks with the look and without it take turns."""
BLOCKS = 60
_FILL = """
from datetime import UTC, datetime
from trustbackup.models import Plan
for number in range({plans}):
    Plan.objects.create(name=f"plan-{{number}}", schedule="0 4 * * *", zone="UTC")
"""
_VISIT = """
import gc, statistics, sys, time
from django.core.signals import request_finished
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from trustbackup import apps
from trustbackup.runs.lookout import lookout
client = Client(SERVER_NAME="localhost")
look = dict(receiver=apps.look_after_request, dispatch_uid="trustbackup")
def visit():
    began = time.process_time()
    for _ in range({requests}):
        assert client.get("/").status_code == 200
    return time.process_time() - began
def queries():
    with CaptureQueriesContext(connection) as asked:
        client.get("/")
    return len(asked)
visit()
lookout.rest(3600)
found = {{True: [], False: []}}
gc.collect()
for number in range({blocks}):
    for looks in (True, False) if number % 2 else (False, True):
        (request_finished.connect if looks else request_finished.disconnect)(**look)
        found[looks].append(visit())
request_finished.connect(**look)
before = queries()
request_finished.disconnect(**look)
print(statistics.median(found[True]), statistics.median(found[False]), before - queries())
"""


def measure(folder: Path, rounds: int) -> list[Section]:
    return [_scheduler(folder, rounds), _visitors(folder, rounds)]


def _site(folder: Path, plans: int) -> Site:
    site = Site(folder, f"sqlite:///{folder / 'db.sqlite3'}")
    site.manage("migrate", "--verbosity", "0")
    _run(site, _FILL.format(plans=plans))
    return site


def _run(site: Site, code: str) -> str:
    """What a program says that runs within the site. Raises BenchmarkError."""
    program = f"import django; django.setup()\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=site.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"The site's program failed: {done.stderr[-2000:]}")
    return done.stdout


def _scheduler(folder: Path, rounds: int) -> Section:
    sites = {plans: _site(folder / f"plans-{plans}", plans) for plans in PLANS}
    start = "check --help: Django's own start"
    variants = {
        f"run_scheduled_backups, plans: {plans}": lambda site=site: site.manage(
            "run_scheduled_backups"
        )
        for plans, site in sites.items()
    }
    samples = interleave(
        {**variants, start: lambda: sites[PLANS[0]].manage("check", "--help")}, rounds * 4
    )
    base = median(samples[start], "cpu")
    section = Section(
        title="A look of the scheduler when nothing is due",
        header=["", "CPU seconds", "beside Django's own start"],
        samples=samples,
    )
    for name, runs in samples.items():
        cpu = median(runs, "cpu")
        section.rows.append([name, f"{cpu:.3f}", f"{cpu / base:.2f} x"])
    section.targets = [
        Target(what=name, value=median(samples[name], "cpu") / base, limit=1.1) for name in variants
    ]
    return section


def _visitors(folder: Path, rounds: int) -> Section:
    site = _site(folder / "visitors", PLANS[0])
    code = _VISIT.format(requests=REQUESTS, blocks=BLOCKS)
    found = [[float(text) for text in _run(site, code).split()] for _round in range(rounds)]
    with_it, without = "with the look", "without it"
    samples = {
        with_it: [Sample(seconds=looking, cpu=looking) for looking, _quiet, _asked in found],
        without: [Sample(seconds=quiet, cpu=quiet) for _looking, quiet, _asked in found],
    }
    asked = max(queries for _looking, _quiet, queries in found)
    section = Section(
        title="The shop's front page, and the look at what is overdue that is not due yet",
        header=["", "ms CPU a request", "queries more"],
        rows=[
            [with_it, f"{median(samples[with_it]) / REQUESTS * 1000:.3f}", f"{asked:.0f}"],
            [without, f"{median(samples[without]) / REQUESTS * 1000:.3f}", "-"],
        ],
        samples=samples,
        facts={"requests": REQUESTS * BLOCKS},
    )
    ratio = median(samples[with_it]) / median(samples[without])
    section.targets = [
        Target(what="a page with the look beside one without it", value=ratio, limit=1.01),
        Target(what="queries that the look adds to a request", value=asked, limit=0, unit=""),
    ]
    return section
