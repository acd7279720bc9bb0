"""Case G3: processes whose threads are green, as gevent and eventlet make them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.backups import leftovers, listed
from tests.support.content import content
from tests.support.restores import go_on
from tests.support.sites import Result, Site, finish

pytestmark = pytest.mark.field

PATCHES = {
    "gevent": "from gevent import monkey, sleep, spawn; monkey.patch_all()",
    "gevent without subprocess": (
        "from gevent import monkey, sleep, spawn; monkey.patch_all(subprocess=False)"
    ),
    "eventlet": "import eventlet; eventlet.monkey_patch(); from eventlet import sleep, spawn",
}
SCRIPT = """
import sys
PATCH
ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        sleep(0.01)
spawn(tick)
import django
django.setup()
from django.core.management import call_command
for command in sys.argv[1:]:
    before = ticks
    call_command(*command.split())
    print("##", command, ticks - before, flush=True)
"""


def run_green(site: Site, patch: str, *commands: str, timeout: float = 400) -> Result:
    """Call commands one after the other in a process whose threads are green."""
    script = site.home / "green.py"
    script.write_text(SCRIPT.replace("PATCH", PATCHES[patch]))
    process = subprocess.Popen(
        [site.command()[0], str(script), *commands],
        cwd=site.folder,
        env=site.environment(
            PYTHONWARNINGS="ignore", PYTHONPATH=str(Path(site.command()[1]).parent)
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    result = finish(process, timeout=timeout)
    assert result.returncode == 0, str(result)
    return result


@pytest.mark.parametrize("patch", PATCHES)
def test_case_g3_every_command_works_where_threads_are_green(any_site: Site, patch: str) -> None:
    then = content(any_site)
    run_green(any_site, patch, "create_backup", "verify_backup latest --restore")
    go_on(any_site)
    later = content(any_site)
    run_green(any_site, patch, "restore_backup latest --dry-run", "restore_backup latest --force")
    assert content(any_site) == then
    run_green(any_site, patch, "undo_restore", "verify_backup all", "rescan_backups")
    assert content(any_site) == later
    (proven,) = listed(any_site)
    assert proven["drilled"]["ok"]
    assert not leftovers(any_site.backups)
