"""Health and metrics for programs; the alert rules and the dashboard that come with them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from django.contrib.auth.models import Permission, User
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from tests.support.index import backup_folder, put
from tests.support.sites import CHECKOUT
from trustbackup.models import AuditEvent, Backup, Copy, Destination, Plan, Run
from trustbackup.operations import monitoring
from trustbackup.store import catalog, names

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-more-than-twenty-characters"
BEARER = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
HEALTH, METRICS = "/settings/backups/health/", "/settings/backups/metrics/"
DAY = timedelta(days=1)
DOCUMENTS = CHECKOUT / "docs" / "monitoring"


@pytest.fixture(autouse=True)
def token(settings: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "MONITORING_TOKEN": TOKEN}
    # The rows of these tests are of no files.
    monkeypatch.setattr(catalog, "synchronise_if_changed", lambda _folder: None)


def now() -> datetime:
    return datetime.now(UTC)


def back_up(age: timedelta, **fields: Any) -> Backup:
    created = now() - age
    values = {"created": created, "kind": "database", "state": "complete", **fields}
    return Backup.objects.create(identifier=names.backup_id(created), **values)


def fill() -> None:
    """One of everything that a figure is made of."""
    Plan.objects.create(name="nightly", schedule="0 4 * * *", zone="UTC")
    proven = {"drilled_ok": True, "drilled_at": now() - DAY, "recovery_seconds": 41.5}
    made = back_up(timedelta(hours=1), plan="nightly", bytes=1000, seconds=2.5, rows=70, **proven)
    back_up(2 * DAY, bytes=500, seconds=1.5, rows=60)
    nas = Destination.objects.create(
        name="nas", kind="folder", options={"path": "/x"}, free_bytes=5, problem="no room"
    )
    Copy.objects.create(identifier=made.identifier, destination=nas, state="stored", changed=now())
    for day in range(5):
        Run.objects.create(
            action="create",
            plan="nightly",
            state=Run.State.SUCCEEDED,
            started=now() - (4 - day) * DAY,
            outcome={"free": (100 - day) * 10**9},
        )
    AuditEvent.objects.create(at=now(), actor="a", action="print recovery sheet", target="x")


def metrics(client: Client) -> dict[str, dict[tuple[str, ...], float]]:
    """Every figure by its name and its labels' values."""
    answer = client.get(METRICS, **BEARER)
    assert answer.status_code == 200, answer.content
    families = text_string_to_metric_families(answer.content.decode())
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families:
        assert family.documentation
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


# ------------------------------------------------------------------------------ health


def test_anybody_reads_the_status_alone(client: Client) -> None:
    answer = client.get(HEALTH)
    assert (answer.status_code, answer.json()) == (503, {"status": "bad"})
    back_up(timedelta(hours=1))
    answer = client.get(HEALTH)
    assert (answer.status_code, answer.json()) == (200, {"status": "warn"})
    Backup.objects.update(drilled_ok=True, drilled_at=now())
    answer = client.get(HEALTH)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]
    assert client.head(HEALTH).status_code == 200
    assert client.post(HEALTH).status_code == 405


def test_the_token_or_the_right_show_the_details(client: Client) -> None:
    fill()
    user = User.objects.create_user("watcher", password="a password")
    stranger = client.get(HEALTH, HTTP_AUTHORIZATION=f"Bearer {TOKEN[:-1]}").json()
    assert stranger == {"status": "warn"}
    client.force_login(user)
    assert client.get(HEALTH).json() == stranger
    user.user_permissions.add(Permission.objects.get(codename="view_backup"))
    shown = client.get(HEALTH).json()
    with_token = Client().get(HEALTH, **BEARER).json()
    assert shown.keys() == with_token.keys()
    assert shown["sentence"].startswith("Last backup 1 hour ago, but no copy reached nas.")
    (by_hand, plan) = shown["plans"]
    assert (by_hand["name"], plan["name"], plan["late"]) == ("", "nightly", False)
    assert datetime.fromisoformat(plan["next_due"]) > now()
    assert shown["destinations"][0]["copies"]["stored"] == 1
    assert client.get(METRICS).status_code == 200
    # A wrong token is a wrong token, whoever is signed in.
    assert client.get(HEALTH, HTTP_AUTHORIZATION="Bearer x").json() == stranger


def test_a_late_plan_is_a_503_with_its_sentence(client: Client) -> None:
    due = now() - timedelta(hours=3)
    Plan.objects.create(name="nightly", schedule=f"{due.minute} {due.hour} * * *", zone="UTC")
    Plan.objects.update(scheduled_at=now() - 9 * DAY)
    back_up(2 * DAY + timedelta(hours=1), plan="nightly")
    answer = client.get(HEALTH, **BEARER)
    assert answer.status_code == 503
    (overdue,) = answer.json()["overdue"]
    assert (overdue["kind"], overdue["subject"]) == ("backup", "nightly")
    assert answer.json()["sentence"] == overdue["sentence"]
    assert metrics(client)["trustbackup_plan_late"][("nightly",)] == 1


def test_a_database_that_is_away_and_a_wrong_setting_are_a_503(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def away(*_arguments: object) -> Iterator[None]:
        raise DatabaseError("connection refused at host secret-host")

    monkeypatch.setattr("trustbackup.views.monitoring.site_health", away)
    monkeypatch.setattr("trustbackup.views.monitoring.site_figures", away)
    for path in (HEALTH, METRICS):
        answer = client.get(path, **BEARER)
        assert answer.status_code == 503
        assert b"does not answer" in answer.content
        assert b"secret-host" not in answer.content
    assert client.get(HEALTH).json() == {"status": "bad"}
    settings.TRUSTBACKUP = {"BACKUP_DIR": 7}
    assert client.get(HEALTH).json() == {"status": "bad"}


def test_the_folder_is_looked_at(
    client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    back_up(timedelta(hours=1), drilled_ok=True, drilled_at=now())
    assert client.get(HEALTH).status_code == 503, "the index said more than there is"
    put(backup_folder(folder), 1)
    assert Backup.objects.count() == 0
    client.get(HEALTH)
    assert Backup.objects.count() == 1


# ----------------------------------------------------------------------------- metrics


def test_strangers_read_no_metrics(client: Client) -> None:
    for headers in (
        {},
        {"HTTP_AUTHORIZATION": "Bearer "},
        {"HTTP_AUTHORIZATION": f"Basic {TOKEN}"},
    ):
        answer = client.get(METRICS, **headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert b"trustbackup_" not in answer.content


def test_the_figures_are_those_of_the_index(client: Client) -> None:
    fill()
    found = metrics(client)
    assert found["trustbackup_health"][()] == 1
    assert found["trustbackup_backups"][("complete",)] == 2
    assert found["trustbackup_backups_bytes"][()] == 1500
    assert found["trustbackup_last_backup_bytes"] == {("",): 500, ("nightly",): 1000}
    assert found["trustbackup_last_backup_duration_seconds"][("nightly",)] == 2.5
    assert found["trustbackup_last_backup_rows"][("nightly",)] == 70
    assert found["trustbackup_recovery_duration_seconds"] == {("nightly",): 41.5}
    assert found["trustbackup_copies"][("nas", "stored")] == 1
    assert found["trustbackup_copies"][("nas", "failed")] == 0
    assert found["trustbackup_destination_failing"] == {("nas",): 1}
    ages = found["trustbackup_last_backup_timestamp_seconds"]
    assert 3590 < now().timestamp() - ages[("nightly",)] < 3700
    full = found["trustbackup_folder_full_in_seconds"][()]
    assert 95 * 86400 < full < 97 * 86400
    answer = client.get(METRICS, HTTP_ACCEPT="application/openmetrics-text", **BEARER)
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")


def test_without_prometheus_client_a_sentence_says_what_to_install(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "trustbackup.views.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    answer = client.get(METRICS, **BEARER)
    assert answer.status_code == 501
    assert b"trustbackup[metrics]" in answer.content


def test_more_backups_and_plans_ask_no_more_queries() -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            monitoring.site_figures(now())
        return len(queries)

    fill()
    few = asked()
    for number in range(30):
        Plan.objects.create(name=f"plan-{number}", schedule="0 4 * * *", zone="UTC")
        back_up(number * DAY + timedelta(minutes=5), plan=f"plan-{number}")
    assert asked() == few


# ------------------------------------------------------------ rules and the dashboard


def names_in(expression: str) -> set[str]:
    """The figures that an expression asks for; what is no PromQL raises ValueError."""
    promql_parser.parse(expression)
    return set(re.findall(r"\btrustbackup_\w+", expression))


def test_every_alert_rule_is_one_and_names_figures_that_there_are(client: Client) -> None:
    fill()
    due = now() - timedelta(hours=30)
    Plan.objects.create(name="late", schedule=f"{due.minute} {due.hour} * * *", zone="UTC")
    Plan.objects.filter(name="late").update(scheduled_at=now() - 9 * DAY)
    known = set(metrics(client))
    document = yaml.safe_load((DOCUMENTS / "alerts.yaml").read_text())
    (group,) = document["groups"]
    rules = group["rules"]
    assert len(rules) >= 8
    for rule in rules:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert re.fullmatch(r"\d+[mhd]", rule["for"])
        assert set(rule["annotations"]) == {"summary", "description"}
        assert names_in(rule["expr"]) <= known, rule["alert"]
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_every_panel_of_the_dashboard_asks_for_figures_that_there_are(client: Client) -> None:
    fill()
    Plan.objects.create(name="late", schedule="* * * * *", zone="UTC", grace=1)
    Plan.objects.filter(name="late").update(scheduled_at=now() - 9 * DAY)
    known = set(metrics(client))
    dashboard = json.loads((DOCUMENTS / "dashboard.json").read_text())
    assert dashboard["uid"] == "trustbackup"
    variables = {item["name"] for item in dashboard["templating"]["list"]}
    asked: set[str] = set()
    for panel in dashboard["panels"]:
        assert panel["title"]
        for target in panel["targets"]:
            expression = target["expr"]
            assert set(re.findall(r"\$(\w+)", expression)) <= variables
            asked |= names_in(expression.replace("$instance", ".*"))
    assert asked <= known
    corners = [tuple(panel["gridPos"][side] for side in "xy") for panel in dashboard["panels"]]
    assert len(set(corners)) == len(corners), "two panels lie on each other"
    forgotten = {"trustbackup_info", "trustbackup_plan_enabled", "trustbackup_plan_late"}
    forgotten |= {
        "trustbackup_destination_failing",
        "trustbackup_destination_newest_copy_timestamp_seconds",
        "trustbackup_recovery_sheet_printed_timestamp_seconds",
    }
    assert known - asked == forgotten, "what no panel shows is meant"


@pytest.mark.parametrize("wrong", ["sum by (", "trustbackup_health ==", "rate(x)"])
def test_what_is_no_expression_is_found(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        names_in(wrong)
