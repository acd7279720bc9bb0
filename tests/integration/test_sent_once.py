"""Several processes on PostgreSQL see the same at once: it is sent once."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.integration.test_plan_runs import run_code
from tests.support.backups import more_settings, wait_for
from tests.support.listener import Listener
from tests.support.notifications import SECRET
from tests.support.sites import Site
from trustbackup.events import EventKind

WORKERS = 8
PREPARE = """
from datetime import UTC, datetime, timedelta
from trustbackup.models import Plan
Plan.objects.create(name="nightly", schedule="0 4 * * *", zone="UTC")
Plan.objects.update(scheduled_at=datetime.now(UTC) - timedelta(days=9))
"""
WORK = """
import os, time
from datetime import UTC, datetime, time as clock
from pathlib import Path
from django.db import connection
from trustbackup.events import Event, EventKind, emit
from trustbackup.operations import digest
from trustbackup.operations.alarms import raise_alarms
from trustbackup.runs.delivery import pass_by, sending
digest.AT = clock.min
connection.ensure_connection()
Path({folder!r}, str(os.getpid())).touch()
while not Path({folder!r}, "go").exists():
    time.sleep(0.001)
with sending(0):
    emit(Event(kind=EventKind.FAILURE, sentence="It failed.", key="run:1"))
    raise_alarms(datetime.now(UTC))
pass_by()
"""
LOOK = """
import json
from trustbackup.models import Alarm, Delivery
rows = Delivery.objects.order_by("kind").values_list("kind", "state", "tries")
print(json.dumps([list(rows), Alarm.objects.count()]))
"""


def test_of_several_processes_on_a_server_one_sends_what_all_have_seen(
    postgres_site: Site, listener: Listener
) -> None:
    route = {
        "CHANNEL": "webhook",
        "URL": f"{listener.url}/hook",
        "SECRET": SECRET,
        "EVENTS": [EventKind.FAILURE.value, EventKind.LATE.value, EventKind.DIGEST.value],
    }
    routes = {"one": route, "other": route}
    more_settings(postgres_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'NOTIFICATIONS': {routes!r}}}")
    run_code(postgres_site, PREPARE)
    meeting = postgres_site.folder / "meeting"
    meeting.mkdir()
    code = WORK.format(folder=str(meeting))
    with ThreadPoolExecutor(WORKERS) as pool:
        works = [pool.submit(run_code, postgres_site, code) for _number in range(WORKERS)]
        try:
            wait_for(
                lambda: (
                    len(list(meeting.iterdir())) == WORKERS or any(work.done() for work in works)
                )
            )
        finally:
            (meeting / "go").touch()
        for work in works:
            work.result()
    heard = Counter(json.loads(request.body)["type"] for request in listener.requests)
    assert heard == {"backup.failure": 2, "backup.late": 2, "backup.digest": 2}
    rows, alarms = json.loads(run_code(postgres_site, LOOK))
    assert sorted(rows) == sorted([[kind, "sent", 1] for kind in route["EVENTS"]] * 2)
    assert alarms == 1
