"""A forked command is what a command in an interpreter of its own is, only sooner."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.backups import more_settings, wait_for
from tests.support.forkserver import client
from tests.support.sites import Result, Site

SURROUNDINGS = """
import gc, json, locale, os, resource, signal, sys, tempfile, threading, time, warnings
from django.conf import settings
umask = os.umask(0)
limits = [resource.getrlimit(number) for number in range(16)]
print(json.dumps({
    "environment": dict(os.environ), "argv": sys.argv, "path": sys.path, "folder": os.getcwd(),
    "umask": umask, "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
    "limits": limits, "nice": os.nice(0), "cores": sorted(os.sched_getaffinity(0)),
    "warnings": [sys.warnoptions, [str(item) for item in warnings.filters]],
    "flags": repr(sys.flags), "temporary": tempfile.gettempdir(), "zone": time.tzname,
    "threads": [item.name for item in threading.enumerate()], "collects": gc.isenabled(),
    "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "files": sorted(set(os.listdir("/proc/self/fd")) - {"3"}), "locale": locale.setlocale(0),
    "streams": [[f.encoding, f.errors, f.line_buffering, f.isatty(), f.fileno()]
        for f in (sys.stdin, sys.stdout, sys.stderr)],
    "debug": settings.DEBUG, "database": str(settings.DATABASES["default"]["NAME"]),
}))
"""


def shell(site: Site, script: str, *, fresh: bool) -> Result:
    return site.manage("shell", "--no-imports", "-c", script, fresh=fresh, check=False)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_a_forked_command_sees_what_a_new_interpreter_sees(
    sqlite_site: Site, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    sqlite_site.variables.update(PYTHONPATH=str(tmp_path / "more"), TZ="Asia/Tokyo", DEBUG="0")
    with umask(0o027):
        forked, own = (shell(sqlite_site, SURROUNDINGS, fresh=fresh) for fresh in (False, True))
    seen = forked.json
    # urllib3 came with boto3, and says which of its own warnings are to be seen.
    (options, filters) = seen["warnings"]
    seen["warnings"] = [options, [item for item in filters if "urllib3" not in item]]
    assert seen == own.json
    assert own.json["umask"] == 0o027
    assert own.json["debug"] is False


ENDS = {
    "a code": "import sys; sys.exit(3)",
    "a sentence": "import sys; sys.exit('so it ends')",
    "an exception": "raise LookupError('nothing is there')",
    "a signal": "import os; os.kill(os.getpid(), 15)",
    "Ctrl-C": "import os; os.kill(os.getpid(), 2)",
    "a great number": "import sys; sys.exit(259)",
    "at once": "import os; print('never written'); os._exit(4)",
    "a farewell": "import atexit; atexit.register(print, 'farewell')",
    "a thread": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.2), print('later'))).start()",
    "a warning": "import warnings; warnings.warn('no good', DeprecationWarning)",
    "a forgotten file": "f = open('/dev/null')",
    "a forgotten circle": "class C:\n    def __del__(self): print('gone', flush=True)\n"
    "c = C()\nc.c = c",
    "a closed output": "import sys; sys.stdout.close()",
    "bytes": "import os; os.write(1, b'one\\r\\ntwo'); os.write(2, b'three')",
}


@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS)
def test_a_forked_command_ends_as_one_of_its_own_interpreter_does(
    sqlite_site: Site, script: str
) -> None:
    forked, own = (shell(sqlite_site, script, fresh=fresh) for fresh in (False, True))
    assert (forked.returncode, forked.stdout) == (own.returncode, own.stdout)
    # Only the frames of the one that began it differ, and addresses.
    assert forked.stderr.splitlines()[-1:] == own.stderr.splitlines()[-1:]


def test_what_an_interpreter_reads_at_its_start_asks_for_one() -> None:
    usual = {"PATH": "/bin", **client.SAME}
    assert client.can_run(usual)
    assert client.can_run({**usual, "PGHOST": "db", "PYTHONPATH": "/nowhere"})
    for name, value in {"LC_ALL": "de_DE.UTF-8", "PYTHONUTF8": "0", "LD_PRELOAD": "x"}.items():
        assert not client.can_run({**usual, name: value}), name
    assert not client.can_run({"PATH": "/bin", "LC_ALL": "C.UTF-8"})


def test_a_folder_that_changes_python_itself_asks_for_an_interpreter(sqlite_site: Site) -> None:
    (sqlite_site.home / "sitecustomize.py").write_text("print('changed')\n")
    sqlite_site.variables["PYTHONPATH"] = str(sqlite_site.home)
    assert shell(sqlite_site, "pass", fresh=False).stdout == "changed\n"


def test_nothing_of_one_command_is_left_for_the_next(sqlite_site: Site) -> None:
    spoil = "import os, json; os.environ['LEFT'] = 'x'; json.left = True; os.umask(0)"
    look = "import os, json; print(os.environ.get('LEFT'), hasattr(json, 'left'))"
    assert shell(sqlite_site, spoil, fresh=False).returncode == 0
    assert shell(sqlite_site, look, fresh=False).stdout == "None False\n"


def test_a_command_has_no_variable_that_it_was_not_given(sqlite_site: Site) -> None:
    looking = sqlite_site.home / "looking.py"
    looking.write_text("import os\nprint(sorted(os.environ))\n")
    # The server itself has a PATH, and nothing else that commands may lack.
    environment = {**client.SAME, "OWN": "1"}
    process = client.start([str(looking)], cwd=sqlite_site.folder, environment=environment)
    assert process.communicate() == (f"{sorted(environment)}\n", "")


FILES = "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"


def test_a_command_inherits_no_descriptor_of_those_that_run_meanwhile(sqlite_site: Site) -> None:
    waits = "import os, time; os.mkdir('waits')\nwhile os.path.exists('waits'): time.sleep(.01)"
    waiting = sqlite_site.start("shell", "--no-imports", "-c", waits)
    wait_for((sqlite_site.folder / "waits").exists)
    forked, own = (shell(sqlite_site, FILES, fresh=fresh) for fresh in (False, True))
    (sqlite_site.folder / "waits").rmdir()
    assert waiting.communicate(120) == ("", "")
    assert forked.stdout == own.stdout


KEPT = """
import json, os
json.left = open("left", "w")
json.left.write("all of it")
"""


def test_a_file_that_a_module_of_the_server_holds_is_written_and_complained_of(
    sqlite_site: Site,
) -> None:
    for fresh in (False, True):
        result = shell(sqlite_site, KEPT, fresh=fresh)
        assert "ResourceWarning: unclosed file" in result.stderr, str(result)
        assert result.returncode == 0
        assert (sqlite_site.folder / "left").read_text() == "all of it"


def test_the_server_has_read_no_settings_and_knows_no_app(sqlite_site: Site) -> None:
    looking = sqlite_site.home / "looking.py"
    looking.write_text(
        "import sys\nfrom django.apps import apps\nfrom django.conf import settings\n"
        "print(settings.configured, apps.ready, sorted(name for name in sys.modules\n"
        "    if name.partition('.')[0] in ('webshop', 'dbbackup', 'tests')\n"
        "    or name.startswith(('trustbackup.apps', 'trustbackup.models'))))\n"
        "print('paramiko' in sys.modules)\n"
    )
    environment = sqlite_site.environment()
    process = client.start([str(looking)], cwd=sqlite_site.folder, environment=environment)
    assert process.communicate() == ("False False []\nTrue\n", "")
    assert process.returncode == 0


STARTED_BY = "import os; print(os.getppid())"
OTHERS = {
    "one more app": "INSTALLED_APPS = [*INSTALLED_APPS, 'django.contrib.sites']",
    "another setting of a library": "DBBACKUP_CONNECTORS = {'default': {'IF_EXISTS': True}}",
    "another module of ours": "from trustbackup.store import locks\nlocks.shared = None",
    "another module, by its name": (
        "import importlib\nimportlib.import_module('trustbackup.store.locks').shared = None"
    ),
    "another package": "from trustbackup import phrases\nphrases.one_line = None",
    "no settings at all": "raise RuntimeError('not to be read')",
}


def test_a_command_of_the_same_apps_finds_them_loaded(sqlite_site: Site) -> None:
    (with_apps,) = client.pids()[1:]
    assert shell(sqlite_site, STARTED_BY, fresh=False).stdout == f"{with_apps}\n"
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 3}\nUSE_TZ = False")
    assert shell(sqlite_site, STARTED_BY, fresh=False).stdout == f"{with_apps}\n"


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_a_command_whose_apps_may_be_others_loads_its_own(sqlite_site: Site, text: str) -> None:
    more_settings(sqlite_site, f"import sys\nprint('once', file=sys.stderr)\n{text}")
    forked, own = (shell(sqlite_site, STARTED_BY, fresh=fresh) for fresh in (False, True))
    assert forked.returncode == own.returncode
    assert forked.stderr.count("once") == own.stderr.count("once")
    assert forked.stderr.splitlines()[-1:] == own.stderr.splitlines()[-1:]
    assert forked.stdout in ("", f"{client.pids()[0]}\n")


def test_what_settings_print_is_printed_once(sqlite_site: Site) -> None:
    more_settings(sqlite_site, "print('read')")
    assert shell(sqlite_site, STARTED_BY, fresh=False).stdout == f"read\n{client.pids()[1]}\n"


DATABASE = """
from django.conf import settings
from django.db import connection, connections
from dbbackup import settings as library
print(connection.vendor, sorted(connections), settings.MEDIA_ROOT, library.MEDIA_PATH)
print(library.DATABASES, settings.SECRET_KEY)
"""


def test_no_setting_of_the_server_is_a_commands(sqlite_site: Site) -> None:
    more_settings(sqlite_site, "DATABASES['more'] = DATABASES['default']\nSECRET_KEY = 'x' * 50")
    forked, own = (shell(sqlite_site, DATABASE, fresh=fresh) for fresh in (False, True))
    assert (forked.returncode, forked.stdout) == (own.returncode, own.stdout)
    assert "sqlite ['default', 'more']" in own.stdout


def test_commands_of_many_threads_run_at_the_same_time(sqlite_site: Site) -> None:
    # Each waits for the others: one after the other, none would end.
    script = (
        "import os, pathlib, time\n"
        "pathlib.Path('here', str(os.getpid())).touch()\n"
        "while len(os.listdir('here')) < 4: time.sleep(0.01)\n"
        "print(os.getpid())"
    )
    (sqlite_site.folder / "here").mkdir()
    with ThreadPoolExecutor(4) as threads:
        ended = list(threads.map(lambda _: shell(sqlite_site, script, fresh=False), range(4)))
    assert [result.returncode for result in ended] == [0] * 4
    assert len({result.stdout for result in ended}) == 4


def test_a_forked_command_that_is_killed_tells_by_which_signal(sqlite_site: Site) -> None:
    result = shell(sqlite_site, "import os; os.kill(os.getpid(), 9)", fresh=False)
    assert result.returncode == -9


def test_no_zombie_is_left_behind(sqlite_site: Site) -> None:
    for _ in range(3):
        shell(sqlite_site, "pass", fresh=False)
    for server, others in zip(client.pids(), (1, 0), strict=True):
        children = Path(f"/proc/{server}/task/{server}/children")
        wait_for(lambda: len(children.read_text().split()) == others)  # noqa: B023 - at once
