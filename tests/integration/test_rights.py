"""Attack 22, the table of rights: every URL and button, with every single right, and none."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import URLPattern, reverse

from tests.support.task_backends import DUMMY
from trustbackup.models import Destination, Plan, Route, Run
from trustbackup.notifications.channels.registry import CHANNELS
from trustbackup.runs.work import ACTIONS as RUNS
from trustbackup.urls import urlpatterns
from trustbackup.views.backups.actions import ACTIONS
from trustbackup.views.destinations import connection_test
from trustbackup.views.destinations.sftp_shortcuts import BUTTONS

pytestmark = pytest.mark.django_db

NAME = "backup_2026-11-20_10-00-00.dump"
ID = "2026-11-20_10-00-00"
RUN = uuid.UUID(int=7)
RIGHTS = {
    "view": "view_backup",
    "add": "add_backup",
    "change": "change_backup",
    "delete": "delete_backup",
    "download": "download_backup",
    "restore": "restore_backup",
    "destination": "change_destination",
    "plan": "change_plan",
}


@dataclass(frozen=True)
class Row:
    """One way of asking for one page, and all the rights that it takes."""

    page: str
    arguments: tuple[Any, ...]
    method: str
    needs: frozenset[str]
    data: dict[str, Any] = field(default_factory=dict)
    run: str = "create"
    """What the run that is asked about does."""

    def __str__(self) -> str:
        words = [self.method, self.page, *map(str, self.arguments), *self.data]
        return " ".join(words if self.run == "create" else [*words, self.run])


def row(page: str, arguments: tuple[Any, ...], method: str, needs: str, **more: Any) -> Row:
    return Row(page, arguments, method, frozenset(needs.split()), **more)


CANCEL = {
    "create": "add",
    "upload": "add",
    "restore": "restore",
    "undo": "restore",
    "prune": "delete",
    "test destination": "destination",
    "notify": "destination",
    "test notification": "destination",
}
"""What may stop a run: the right that starts it; `change` for all others."""
FOR_PROGRAMS = {"health", "metrics"}
"""What answers to a token, too: tests/integration/test_monitoring.py."""
TABLE = [
    row("manage", (), "GET", "view"),
    row("manage", (), "POST", "view add", data={"create_backup": "1", "type": "none"}),
    row("manage", (), "POST", "view add", data={"no such button": "1"}),
    *(row("manage", (), "POST", "view destination", data={name: "1"}) for name in BUTTONS),
    row("manage", (), "POST", "view add", data={"create_backup": "1", BUTTONS[0]: "1"}),
    row("detail", (ID,), "GET", "view"),
    row("activity", (), "GET", "view"),
    row("run", (RUN,), "GET", "view"),
    row("progress", (RUN,), "GET", "view"),
    *(
        row("cancel", (RUN,), "POST", f"view {CANCEL.get(action, 'change')}", run=action)
        for action in RUNS
    ),
    row("cancel", (uuid.UUID(int=8),), "POST", "view add"),
    row("test_progress", (RUN,), "GET", "view destination", run="test destination"),
    row("download", (NAME,), "GET", "download"),
    row("download", ("backup_none.dump",), "GET", "download"),
    *(
        row("bundle", (kind,), "POST", "download", data={"selected": [ID]})
        for kind in ("zip", "tar.gz")
    ),
    row("bundle", ("zip",), "POST", "download"),
    row("delete", (), "POST", "delete", data={"selected": [ID]}),
    row("delete", (), "POST", "delete"),
    *(row("act", (action,), "POST", "view change", data={"selected": [ID]}) for action in ACTIONS),
    row("act", ("nothing",), "POST", "view change"),
    row("upload", (), "GET", "view add"),
    row("upload", (), "POST", "view add"),
    row("label", (ID,), "POST", "view change", data={"label": "x"}),
    row("restore", (ID,), "GET", "view restore"),
    row("restore", (ID,), "POST", "view restore"),
    row("files", (ID,), "GET", "view download"),
    row("download_files", (ID,), "GET", "view download"),
    row("put_back", (ID,), "GET", "view restore"),
    row("put_back", (ID,), "POST", "view restore"),
    row("identity", (ID,), "POST", "view"),
    row("sign_in", (), "POST", "view"),
    row("undo", (), "POST", "view restore", data={"restore": "none"}),
    row("recovery_sheet", (), "GET", "view restore"),
    row("recovery_sheet", (), "POST", "view restore"),
    row("destinations", (), "GET", "view"),
    row("add_destination", ("sftp",), "GET", "view destination"),
    row("add_destination", ("sftp",), "POST", "view destination"),
    row("destination", ("disk",), "GET", "view destination"),
    row("destination", ("disk",), "POST", "view destination"),
    row("test_destination", ("disk",), "POST", "view destination"),
    row("reset_destination", ("disk",), "POST", "view destination"),
    row("delete_destination", ("disk",), "POST", "view destination"),
    row("plans", (), "GET", "view"),
    row("retention", (), "GET", "view"),
    row("accept_plan", (), "POST", "view plan"),
    row("plan", ("nightly",), "GET", "view"),
    row("add_plan", (), "GET", "view plan"),
    row("add_plan", (), "POST", "view plan"),
    row("add_plan", (), "POST", "view plan", data={"look": "1"}),
    row("change_plan", ("nightly",), "GET", "view plan"),
    row("change_plan", ("nightly",), "POST", "view plan"),
    row("switch_plan", ("nightly",), "POST", "view plan"),
    row("run_plan", ("nightly",), "POST", "view add"),
    row("delete_plan", ("nightly",), "POST", "view plan"),
    row("delete_plan", ("nightly",), "POST", "view plan", data={"confirmed": "1"}),
    row("keys", (), "GET", "view"),
    row("add_key", (), "POST", "view plan"),
    row("prove_key", (), "POST", "view change"),
    row("retire_key", ("office",), "POST", "view plan"),
    row("notifications", (), "GET", "view"),
    *(row("add_notification", (name,), "GET", "view destination") for name in (*CHANNELS, "dove")),
    *(row("add_notification", (name,), "POST", "view destination") for name in CHANNELS),
    row("add_notification", ("webhook",), "POST", "view destination", data={"make_secret": "1"}),
    row("notification", ("ops",), "GET", "view"),
    row("change_notification", ("ops",), "GET", "view destination"),
    row("change_notification", ("ops",), "POST", "view destination"),
    row("change_notification", ("ops",), "POST", "view destination", data={"test": "1"}),
    row("test_notification", ("ops",), "POST", "view destination"),
    row("switch_notification", ("ops",), "POST", "view destination"),
    row("delete_notification", ("ops",), "POST", "view destination"),
    row("delete_notification", ("ops",), "POST", "view destination", data={"confirmed": "1"}),
    row("tokens", (), "GET", "view"),
    row("add_token", (), "GET", "view"),
    row("add_token", (), "POST", "view"),
    row("revoke_token", ("deploy",), "POST", "view"),
    row("revoke_token", ("deploy",), "POST", "view", data={"confirmed": "1"}),
]


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    # Runs are begun, and carried by nobody.
    settings.TASKS = {"trustbackup": DUMMY}
    monkeypatch.setattr(connection_test, "WAIT_SECONDS", 0)
    (tmp_path / NAME).write_bytes(b"no dump at all")
    Destination.objects.create(name="disk", kind="folder", options={"path": "/none/of/it"})
    Plan.objects.create(name="nightly", schedule="30 4 * * *")
    addresses = {"addresses": ["ops@shop.example"]}
    Route.objects.create(name="ops", channel="email", events=["failure"], options=addresses)


def user(rights: frozenset[str]) -> User:
    names = [RIGHTS[right] for right in rights]
    found = User.objects.create_user("somebody", password="a password of a test")
    found.user_permissions.set(Permission.objects.filter(codename__in=names))
    return found


def ask(row: Row, rights: frozenset[str]) -> int:
    """The status that somebody with these rights, and no other, is answered with."""
    Run.objects.all().delete()
    started = "2026-11-20T10:00:00Z"
    Run.objects.create(id=RUN, action=row.run, state="running", started=started)
    User.objects.all().delete()
    client = Client()
    client.force_login(user(rights))
    address = reverse(f"trustbackup:{row.page}", args=row.arguments)
    response = getattr(client, row.method.lower())(address, row.data)
    response.close()
    return int(response.status_code)


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_attack_22_each_page_takes_all_of_its_rights_and_no_other(row: Row) -> None:
    everything = frozenset(RIGHTS)
    tried = [frozenset[str](), row.needs, everything]
    tried += [frozenset({right}) for right in RIGHTS]
    tried += [everything - {right} for right in row.needs]
    for rights in tried:
        status = ask(row, rights)
        if row.needs <= rights:
            assert status in (200, 302, 404, 422), f"{sorted(rights)}: {status}"
        else:
            assert status == 403, f"{sorted(rights)}: {status}"


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_attack_22_who_is_refused_changes_nothing(row: Row, tmp_path: Path) -> None:
    def state() -> object:
        files = sorted(path.name for path in tmp_path.rglob("*"))
        rows = [list(model.objects.values()) for model in (Destination, Plan, Route)]
        return files, rows, list(Run.objects.values("id", "cancel"))

    ask(row, frozenset())
    before = state()
    for rights in (frozenset({"view"}), frozenset(RIGHTS) - row.needs):
        if not row.needs <= rights:
            assert ask(row, rights) == 403
            assert state() == before


def test_attack_22_the_table_has_every_url() -> None:
    assert {row.page for row in TABLE} | FOR_PROGRAMS == {
        # Those of the API have a table of their own, beside its scopes.
        str(pattern.name)
        for pattern in urlpatterns
        if isinstance(pattern, URLPattern)
    }
