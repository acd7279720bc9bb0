"""What a test looks at after a command: the folder, the list, the one sentence of a refusal."""

from __future__ import annotations

import hashlib
import json
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from tests.support.sites import Result, Site

AFTERMATH = """
import io, json, sys
from django.core.management import call_command
def said(*arguments):
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out)
    return json.loads(out.getvalue())
found = {"before": said("list_backups"), "made": said("create_backup")}
found["after"] = said("list_backups")
found["verified"] = said("verify_backup", "all")
print(json.dumps(found))
"""


SESSION = """
import contextlib, io, json, traceback
from django.core.management import ManagementUtility
ends = []
for arguments in json.loads(COMMANDS):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            ManagementUtility(["manage.py", *arguments]).execute()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 255
    ends.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(ends))
"""


def run_all(site: Site, commands: Sequence[Sequence[str]], **env: str) -> list[Result]:
    """Run many commands one after the other in one process, each as from the command line."""
    script = SESSION.replace("COMMANDS", repr(json.dumps([list(item) for item in commands])))
    ended = site.manage("shell", "--no-imports", "-c", script, env=env)
    return [Result(tuple(command), *end) for command, end in zip(commands, ended.json, strict=True)]


def assert_refused(result: Result, *named: str) -> None:
    """Exit code 1, nothing on standard output, and one sentence that names these things."""
    assert result.returncode == 1, str(result)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, str(result)
    for noise in ("Traceback", "CommandError", "Error:", "Exception"):
        assert noise not in lines[0], str(result)
    assert lines[0].endswith((".", "?")), str(result)
    for word in named:
        assert word in lines[0], f"{word!r} is not said: {result}"


def make(site: Site, *arguments: str, **options: Any) -> dict[str, Any]:
    """Make a backup; what ``create_backup --json`` says."""
    found: dict[str, Any] = site.manage("create_backup", "--json", *arguments, **options).json
    return found


def listed(site: Site, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.manage("list_backups", "--json", *arguments).json
    return found


def verify(site: Site, reference: str) -> dict[str, Any]:
    """What ``verify_backup --json`` says, whichever way it ended."""
    result = site.manage("verify_backup", reference, "--json", check=False)
    found: dict[str, Any] = result.json
    assert result.returncode == (0 if found["ok"] else 1), str(result)
    return found


def read_manifest(made: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(made["manifest"]).read_bytes())
    return document


def rows_of(made: dict[str, Any], part: str = "default") -> dict[str, int]:
    """Rows of each table by its name, from the manifest."""
    (found,) = [item for item in read_manifest(made)["parts"] if item["part"] == part]
    return {table["name"]: table["rows"] for table in found["tables"]}


def snapshot(folder: Path) -> dict[str, str]:
    """Everything in a folder: names, kinds, modes, contents; to compare before and after."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        text = stat.filemode(status.st_mode)
        if path.is_symlink():
            text += f" -> {path.readlink()}"
        elif path.is_file():
            text += f" {hashlib.sha256(path.read_bytes()).hexdigest()}"
        found[str(path.relative_to(folder))] = text
    return found


def leftovers(folder: Path) -> list[str]:
    """Files of unfinished work in a backup folder."""
    found = [path for name in (".drafts", ".deleted") for path in (folder / name).rglob("*")]
    return sorted(str(path.relative_to(folder)) for path in found)


def aftermath(site: Site, **env: str) -> dict[str, Any]:
    """List, make a backup, list and verify all, in one process; raises unless all is well.

    What fault rows call H (``before`` holds only whole backups), K and R.
    """
    result = site.manage("shell", "--no-imports", "-c", AFTERMATH, env=env)
    found: dict[str, Any] = result.json
    assert {item["state"] for item in found["before"]} <= {"complete"}, found["before"]
    assert found["made"]["id"] == found["after"][0]["id"], found
    # One that was killed as its last act was whole is listed by the next run only.
    after = [item["id"] for item in found["after"][1:]]
    assert {item["id"] for item in found["before"]} <= set(after), found
    assert {item["state"] for item in found["after"]} == {"complete"}, found["after"]
    assert found["verified"]["ok"], found["verified"]
    assert len(found["verified"]["backups"]) == len(found["after"])
    return found


QUICK_PASSWORDS = "PASSWORD_HASHERS = ['django.contrib.auth.hashers.MD5PasswordHasher']"
"""Settings of a site whose users sign in: a strong hash takes a third of a second each time."""


def more_settings(site: Site, text: str) -> None:
    """Let every later command of the site read these lines after the web shop's settings."""
    module = site.home / "more_settings.py"
    module.write_text(
        f"from __future__ import annotations\nfrom webshop.settings import *\n{text}\n"
    )
    # Python takes what it compiled for the source as long as size and second are the same.
    Path(cache_from_source(str(module))).unlink(missing_ok=True)
    site.variables.update(PYTHONPATH=str(site.home), DJANGO_SETTINGS_MODULE="more_settings")


def wait_for(condition: Callable[[], object], seconds: float = 240.0) -> None:
    """Poll until the condition holds. Raises AssertionError when it does not in time.

    The limit only ends a test that fails: on a machine with twenty busy processes a command
    takes half a minute.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds} s: {condition}"
        time.sleep(0.01)


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """The folder holds afterwards exactly what it held before, and no unfinished work."""
    before = {key: text for key, text in snapshot(folder).items() if not _own(key)}
    yield
    after = {key: text for key, text in snapshot(folder).items() if not _own(key)}
    changed = sorted(set(before.items()) ^ set(after.items()))
    assert not changed, changed
    assert not leftovers(folder)


def _own(key: str) -> bool:
    return key in (".drafts", ".deleted")
