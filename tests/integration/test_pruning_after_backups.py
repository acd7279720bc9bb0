"""After each backup of a plan it is checked and compared, and what has expired goes."""

from __future__ import annotations

import json
from typing import Any

from tests.support.backups import listed, more_settings
from tests.support.sites import Site

PLANS = {"nightly": {"SCHEDULE": "@yearly", "RETENTION": {"last": 1}}}
LOOK = """
import json
from trustbackup.models import Run
print(json.dumps(list(Run.objects.order_by("started").values(
    "action", "state", "target", "outcome", "error")), default=str))
"""
HEARING = """
from trustbackup.signals import event_happened
def hear(event, **_):
    with open({log!r}, "a") as file:
        file.write(f"{{event.kind}} {{event.key}}\\n")
event_happened.connect(hear, weak=False)
"""


def runs(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        site.manage("shell", "--no-imports", "-c", LOOK).stdout
    )
    return found


def test_a_plans_run_checks_compares_and_prunes(any_site: Site) -> None:
    log = any_site.home / "events"
    more_settings(
        any_site,
        f"TRUSTBACKUP = {{**TRUSTBACKUP, 'PLANS': {PLANS!r}}}\n" + HEARING.format(log=str(log)),
    )
    any_site.manage("backup_all")
    any_site.manage("backup_all")
    (second,) = listed(any_site)
    assert second["checked"]["ok"]
    before = log.read_text()
    assert "anomaly" not in before
    any_site.manage(
        "shell",
        "--no-imports",
        "-c",
        "from webshop.shop.models import Order; Order.objects.all().delete()",
    )
    any_site.manage("backup_all")
    newest, stays = listed(any_site)
    assert stays["id"] == second["id"], "pruning pauses"
    assert newest["odd"]
    assert any("shop.Order lost 100 % of its rows" in each for each in newest["anomalies"])
    heard = log.read_text().removeprefix(before)
    assert heard.count(f"anomaly anomaly {newest['id']}") == 1
    pruned = [run for run in runs(any_site) if run["action"] == "prune"]
    assert [run["state"] for run in pruned] == ["succeeded"] * 3
    assert [run["outcome"]["pruned"][0]["paused"] for run in pruned] == [{}, {}, {"anomaly": 1}]
    any_site.manage("confirm_backup", "latest")
    any_site.manage("prune_backups")
    assert [item["id"] for item in listed(any_site)] == [newest["id"]]
