"""What a site's TASKS setting says, right or wrong: its pages stay, and it is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.backups import more_settings
from tests.support.sites import Site
from tests.support.task_backends import DETACHED, DUMMY, IMMEDIATE

CREATE = """
import html, json
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client
from trustbackup.models import Run
client = Client(SERVER_NAME="localhost")
user, _new = User.objects.get_or_create(username="operator", is_superuser=True, is_staff=True)
client.force_login(user)
shown = client.get("/settings/backups/").status_code
answer = client.post("/settings/backups/", {"create_backup": "1", "name": "now"}, follow=True)
run = Run.objects.get()
told = run.error in html.unescape(answer.content.decode())
found = [str(message.id) for message in run_checks(tags=["trustbackup"])]
print(json.dumps([shown, answer.status_code, run.state, run.error, told, found]))
"""

TAKEN = {
    "an empty one": {},
    "no default": {"emails": DUMMY},
    "a default of queues": {"default": {**DUMMY, "QUEUES": ["emails"]}},
    "a default that is not there": {"default": {"BACKEND": "nobody.has.It"}},
    "ours alone": {"trustbackup": DUMMY},
    "ours, of queues": {"default": DUMMY, "trustbackup": {**DUMMY, "QUEUES": ["low", "backups"]}},
    "ours, at once": {"trustbackup": IMMEDIATE},
    "the embedded one by name": {"trustbackup": DETACHED},
}
REFUSED = {
    "a backend that is not there": {"trustbackup": {"BACKEND": "nobody.has.It"}},
    "a backend without a name": {"trustbackup": {}},
}


def create(site: Site, tasks: object) -> list[Any]:
    """The list's status and that of Create, its run's state and error, whether the page says
    that, and what the system check found."""
    more_settings(site, f"TASKS = {tasks!r}")
    found: list[Any] = site.manage("shell", "--verbosity", "0", "-c", CREATE).json
    return found


@pytest.mark.parametrize("tasks", TAKEN.values(), ids=TAKEN)
def test_a_run_is_begun_whatever_else_the_sites_tasks_are(sqlite_site: Site, tasks: Any) -> None:
    shown, answered, state, error, _told, found = create(sqlite_site, tasks)
    assert (shown, answered, error) == (200, 200, "")
    assert state in ("waiting", "running", "succeeded")
    if tasks.get("trustbackup") == IMMEDIATE:
        assert state == "succeeded"
    assert "trustbackup.E007" not in found


@pytest.mark.parametrize("tasks", REFUSED.values(), ids=REFUSED)
def test_a_backend_that_can_not_be_used_is_told_by_the_check_and_by_the_page(
    sqlite_site: Site, tasks: Any
) -> None:
    shown, answered, state, error, told, found = create(sqlite_site, tasks)
    assert (shown, answered, state, told) == (200, 200, "failed", True)
    assert "TASKS['trustbackup'] can't be used" in error
    assert "trustbackup.E007" in found


BROKEN = """
from {package}.backends.dummy import DummyBackend
class Backend(DummyBackend):
    def enqueue(self, task, args, kwargs):
        raise ConnectionRefusedError("Error 111 connecting to 192.0.2.1:6379")
"""


def test_a_queue_that_does_not_answer_is_a_sentence(sqlite_site: Site) -> None:
    package = DUMMY["BACKEND"].partition(".backends")[0]
    (sqlite_site.home / "broken_queue.py").write_text(BROKEN.format(package=package))
    shown, answered, state, error, told, _found = create(
        sqlite_site, {"trustbackup": {"BACKEND": "broken_queue.Backend"}}
    )
    assert (shown, answered, state, told) == (200, 200, "failed", True)
    assert "Error 111 connecting" in error


def test_a_worker_finds_the_task_by_its_name(sqlite_site: Site) -> None:
    code = (
        "from django.utils.module_loading import import_string\n"
        "from trustbackup.runs.tasks import Task, load_task\n"
        "task = load_task()\n"
        "found = import_string(task.module_path)\n"
        "print(isinstance(found, Task), found == task, task.module_path)"
    )
    more_settings(sqlite_site, f"TASKS = {{'trustbackup': {DUMMY!r}}}")
    said = sqlite_site.manage("shell", "--verbosity", "0", "-c", code).stdout
    assert said.split() == ["True", "True", "trustbackup.runs.tasks.carry_run"]
