"""The lines that the page has for pipelines, as they stand, against a server of its own."""

from __future__ import annotations

import html
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.api_server import Program, new_token, serving
from tests.support.backups import more_settings
from tests.support.sites import Site

SESSION = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
user, session = User.objects.get(), SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""
HOOK = """
import time
from pathlib import Path

def look(_call):
    text = Path(__file__).with_name("what").read_text()
    if text == "fail":
        raise RuntimeError("the till is open")
    if text == "slow":
        time.sleep(3)
"""


@pytest.fixture
def program(sqlite_site: Site) -> Iterator[Program]:
    home = sqlite_site.home
    (home / "till.py").write_text(HOOK)
    (home / "what").write_text("")
    hooks = '{**TRUSTBACKUP, "HOOKS": {"before_create": ["till.look"]}}'
    more_settings(sqlite_site, f"TRUSTBACKUP = {hooks}")
    token = new_token(sqlite_site, scopes=("read", "create"))
    with serving(sqlite_site) as address:
        yield Program(address, token)


def lines_of(program: Program, site: Site) -> dict[str, str]:
    """What stands on the page, by its name."""
    cookie = site.manage("shell", "--no-imports", "-c", SESSION).stdout.strip()
    request = urllib.request.Request(
        f"{program.address}/settings/backups/tokens/", headers={"Cookie": f"sessionid={cookie}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        page = answer.read().decode()
    found = re.findall(r'<pre [^>]*id="snippet-(\w+)"[^>]*>(.*?)</pre>', page, re.DOTALL)
    return {name: html.unescape(text) for name, text in found}


def run(script: str, folder: Path, token: str, *shell: str, **more: str) -> int:
    """The exit code, as a pipeline would see it."""
    ended = subprocess.run(
        [*shell, "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "BACKUP_TOKEN": token, **more},
        timeout=200,
        capture_output=True,
        text=True,
    )
    return ended.returncode


def test_pipelines_back_up_before_a_deployment_and_stop_when_that_fails(
    sqlite_site: Site, program: Program, tmp_path: Path
) -> None:
    lines = lines_of(program, sqlite_site)
    github = yaml.safe_load(lines["github"])["jobs"]
    gitlab = yaml.safe_load(lines["gitlab"])
    assert github["deploy"]["needs"] == "backup"
    assert gitlab["stages"] == ["backup", "deploy"]
    [step] = github["backup"]["steps"]
    assert step["env"] == {"BACKUP_TOKEN": "${{ secrets.BACKUP_TOKEN }}"}
    [script] = gitlab["backup"]["script"]
    bash, shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail"), ("sh", "-e")
    ids = {"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1", "CI_JOB_ID": "9"}
    what, number = sqlite_site.home / "what", 0
    for text, interpreter in ((step["run"], bash), (script, shell), (lines["curl"], bash)):

        def backs_up(text: str = text, token: str = program.token) -> bool:
            nonlocal number
            number += 1
            ids.update(GITHUB_RUN_ATTEMPT=str(number), CI_JOB_ID=str(number))
            return run(text, tmp_path, token, *interpreter, **ids) == 0  # noqa: B023

        def count() -> int:
            return int(program.ask("backups/")["count"])

        before = count()
        assert backs_up()
        assert count() == before + 1
        if text != lines["curl"]:
            # Longer than one request waits: it is asked again, and is one backup.
            what.write_text("slow")
            assert backs_up(text.replace("wait=60", "wait=1"))
            assert count() == before + 2
        what.write_text("fail")
        before = count()
        assert not backs_up()
        assert count() == before
        what.write_text("")
        assert not backs_up(token="tbk_wrong")
        nowhere = text.replace(program.address, "http://127.0.0.1:1")
        assert not backs_up(nowhere)
        assert count() == before
