"""A run that a forked command starts is what one of its own interpreter is, only sooner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_forkserver import STARTED_BY, SURROUNDINGS, shell, umask
from tests.support.backups import more_settings, wait_for
from tests.support.forkserver import client
from tests.support.sites import Site

START = """
import os, sys, threading
from trustbackup.runs import tasks
os.makedirs("there", exist_ok=True)
os.environ["MORE"] = "of its own"
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
sent, held = os.pipe()
other = os.dup2(held, 40)
output = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
ended = threading.Event()
codes = []
process = tasks.start_detached(
    [sys.executable, "-m", "django", "shell", "--no-imports", "-c", SCRIPT], dict(os.environ),
    os.path.abspath("there"), output=output, inherited=[other],
    on_end=lambda code: (codes.append(code), ended.set()),
)
if WAITS:
    ended.wait(120)
    print(process, codes[0])
"""


def run(site: Site, script: str, *, fresh: bool, waits: bool = True) -> str:
    """What a run says that a command has started, after its exit code, and number if asked."""
    started = shell(site, f"SCRIPT, WAITS = {script!r}, {waits}\n{START}", fresh=fresh)
    assert started.returncode == 0, str(started)
    said = (site.folder / "said").read_text()
    return f"{started.stdout.partition(' ')[2]}{said}"


def test_a_forked_run_sees_what_a_new_interpreter_sees(sqlite_site: Site, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    sqlite_site.variables.update(PYTHONPATH=str(tmp_path / "more"), TZ="Asia/Tokyo", DEBUG="0")
    seen: list[dict[str, Any]] = []
    for fresh in (False, True):
        with umask(0o027):
            code, said = run(sqlite_site, SURROUNDINGS, fresh=fresh).split("\n", 1)
        assert code == "0"
        seen.append(json.loads(said))
    forked, own = seen
    (options, filters) = forked["warnings"]
    forked["warnings"] = [options, [item for item in filters if "urllib3" not in item]]
    assert forked == own
    assert (own["umask"], own["leads"], "40" in own["files"]) == (0o027, [True, True], True)
    assert own["environment"]["MORE"] == "of its own"
    assert own["folder"] == str(sqlite_site.folder / "there")


@pytest.mark.parametrize(
    ("script", "code"),
    [("print('well')", 0), ("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9)],
)
def test_who_started_a_run_and_still_lives_hears_how_it_ended(
    sqlite_site: Site, script: str, code: int
) -> None:
    forked, own = (run(sqlite_site, script, fresh=fresh) for fresh in (False, True))
    assert forked == own
    assert own.startswith(f"{code}\n")


def test_a_forked_run_outlives_who_started_it_and_holds_what_it_inherited(
    sqlite_site: Site,
) -> None:
    going_on = (
        "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nos.write(40, b'x')"
    )
    told = "import pathlib, os; pathlib.Path('ended').touch()"
    run(sqlite_site, f"{going_on}\n{told}", fresh=False, waits=False)
    # Its reader has ended with the command: what is written now kills, or is refused.
    (sqlite_site.folder / "there/go").touch()
    wait_for(lambda: "BrokenPipeError" in (sqlite_site.folder / "said").read_text())
    assert not (sqlite_site.folder / "there/ended").exists()


def test_a_run_is_forked_by_the_server_that_has_forked_who_started_it(sqlite_site: Site) -> None:
    cold, warm = client.pids()
    assert run(sqlite_site, STARTED_BY, fresh=False) == f"0\n{warm}\n"
    more_settings(sqlite_site, "INSTALLED_APPS = [*INSTALLED_APPS, 'django.contrib.sites']")
    assert run(sqlite_site, STARTED_BY, fresh=False) == f"0\n{cold}\n"


def test_a_run_whose_apps_may_be_others_gets_an_interpreter(sqlite_site: Site) -> None:
    more_settings(
        sqlite_site,
        "import os, sys\nif os.environ.get('MORE'): INSTALLED_APPS = [*INSTALLED_APPS, 'tests']",
    )
    said = run(sqlite_site, STARTED_BY, fresh=False).split()
    assert said[0] == "0"
    assert int(said[1]) not in client.pids()


def test_what_a_tracer_follows_is_a_child_of_what_it_traces(
    sqlite_site: Site, strace: str, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    prefix = [strace, "-f", "-qq", "-e", "trace=execve", "-o", str(trace)]
    script = f"SCRIPT, WAITS = {'pass'!r}, True\n{START}"
    sqlite_site.manage("shell", "--no-imports", "-c", script, prefix=prefix)
    assert '"-m", "django", "shell"' in trace.read_text()
