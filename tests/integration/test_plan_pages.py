"""Plans on the page: the list, one of them, and what their buttons do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.support.task_backends import DUMMY
from trustbackup.models import AuditEvent, Backup, Destination, Plan, PlanDue, Run

pytestmark = pytest.mark.django_db
PLANS = "/settings/backups/plans/"
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Any) -> dict[str, Any]:
    """Runs are begun, and carried by nobody."""
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    settings.TASKS = {"trustbackup": DUMMY}
    found: dict[str, Any] = settings.TRUSTBACKUP
    return found


def page(client: Client, path: str = "", language: str = "en") -> str:
    answer = client.get(
        PLANS[: -len("plans/")] + (path or "plans/"), headers={"Accept-Language": language}
    )
    assert answer.status_code == 200
    return str(answer.content.decode())


def press(client: Client, button: str, name: str = "", **data: str) -> Any:
    address = reverse(f"trustbackup:{button}_plan", args=[name] if name else [])
    return client.post(address, data, follow=True)


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def events() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("at").values_list("action", "target"))


@pytest.mark.django_db(transaction=True)
def test_a_new_site_is_offered_one_plan_that_a_button_switches_on(operator: Client) -> None:
    html = page(operator)
    assert "Nothing runs by itself yet" in html
    assert "7 daily ones" in html
    assert "Every day at 04:" in html
    assert not Plan.objects.exists()
    answer = press(operator, "accept")
    assert "Plan nightly is on." in said(answer)
    row = Plan.objects.get()
    assert (row.name, row.enabled, row.schedule.split()[1:]) == (
        "nightly",
        True,
        ["4", "*", "*", "*"],
    )
    assert row.drill == {"days": 7}
    html = page(operator)
    assert "Nothing runs by itself yet" not in html
    assert "tomorrow at 04:" in html or "today at 04:" in html
    assert "There is a plan already" in said(press(operator, "accept"))
    assert Plan.objects.count() == 1
    assert events() == [("add plan", "nightly")]


def test_the_list_says_of_each_plan_what_when_and_how_it_went(operator: Client) -> None:
    Destination.objects.create(name="nas", kind="folder", options={"path": "/none"})
    Destination.objects.create(name="far", kind="folder", automatic=False)
    Plan.objects.create(
        name="weekly",
        schedule="15 3 * * 1",
        zone="Europe/Berlin",
        databases=["default"],
        excluded=["django_session", "log"],
        destinations=["far", "burnt"],
    )
    Plan.objects.create(name="by-hand", enabled=False)
    started = NOW - timedelta(hours=3)
    for state, back in (("succeeded", 5), ("failed", 3)):
        when = NOW - timedelta(hours=back)
        Run.objects.create(
            action="create", plan="weekly", state=state, started=when, finished=started
        )
    html = " ".join(page(operator).split())
    for text in (
        "Every week on Monday at 03:15",
        "without the rows of 2 tables",
        ">3 hours ago<",
        ">failed</span>",
        'burnt <span class="tb-chip tb-failed">gone</span> far, nas',
        "By hand alone",
        ">off</span>",
        "never",
    ):
        assert text in html, text
    assert "5 hours ago" not in html
    german = page(operator, language="de")
    assert "Jede Woche am Montag um 03:15 Uhr" in german


def test_the_list_asks_as_much_of_the_database_for_many_plans(operator: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(operator)
        return len(queries)

    page(operator)
    Plan.objects.create(name="one", schedule="0 4 * * *")
    before = asked()
    for number in range(20):
        Plan.objects.create(name=f"p{number}", schedule="0 4 * * *")
        Run.objects.create(action="create", plan=f"p{number}", state="failed", started=NOW)
    assert asked() == before


@pytest.mark.django_db(transaction=True)
def test_a_plan_is_switched_off_and_on(operator: Client) -> None:
    Plan.objects.create(name="nightly", schedule="30 4 * * *")
    assert "is off: it runs no more" in said(press(operator, "switch", "nightly", off="1"))
    assert not Plan.objects.get().enabled
    assert "It does not run by itself" in page(operator, "plan/nightly/")
    since = Plan.objects.get().scheduled_at
    for _twice in range(2):
        assert "is on." in said(press(operator, "switch", "nightly", on="1"))
    row = Plan.objects.get()
    assert row.enabled
    assert row.scheduled_at > since, "it owes nothing of the time when it was off"
    assert events() == [("switch off plan", "nightly"), ("switch on plan", "nightly")]
    assert press(operator, "switch", "gone", on="1").status_code == 404


def test_a_plan_is_run_once_however_often_it_is_asked_for(operator: Client) -> None:
    Plan.objects.create(name="nightly", enabled=False)
    press(operator, "run", "nightly")
    run = Run.objects.get()
    assert (run.action, run.plan, run.actor) == ("create", "nightly", "operator")
    assert run.options == {"plan": "nightly"}
    assert "under way already" in said(press(operator, "run", "nightly"))
    assert Run.objects.count() == 1
    assert press(operator, "run", "gone").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_plan_is_deleted_after_a_page_that_asks_and_its_backups_stay(operator: Client) -> None:
    Plan.objects.create(name="nightly", schedule="30 4 * * *")
    rules = {"daily": 7}
    Backup.objects.create(identifier="x", plan="nightly", created=NOW, retention=rules)
    asked = press(operator, "delete", "nightly").content.decode()
    assert "The backup that it made stays" in asked
    assert Plan.objects.exists()
    assert "its backups stay" in said(press(operator, "delete", "nightly", confirmed="1"))
    assert not Plan.objects.exists()
    assert Backup.objects.get().retention == rules
    assert events() == [("delete plan", "nightly")]


def test_a_plan_of_the_settings_can_be_run_and_not_changed(
    operator: Client, site: dict[str, Any]
) -> None:
    site["PLANS"] = {"hourly": {"SCHEDULE": "0 * * * *", "RETENTION": {"hourly": 24, "days": 2}}}
    html = page(operator)
    assert "from the settings" in html
    assert "/plan/hourly/switch/" not in html
    html = page(operator, "plan/hourly/")
    assert "TRUSTBACKUP[" in html
    assert "24 hourly ones, all of the last 2 days" in html
    assert html.count("<li>") >= 5
    for button in ("switch", "delete"):
        assert f"/plan/hourly/{button}/" not in html
        answer = press(operator, button, "hourly", confirmed="1")
        assert (answer.status_code, b"kept in the settings" in answer.content) == (409, True)
    press(operator, "run", "hourly")
    assert Run.objects.get().plan == "hourly"


def test_a_saved_plan_that_the_settings_override_says_so_and_can_be_deleted(
    operator: Client, site: dict[str, Any]
) -> None:
    Plan.objects.create(name="hourly", schedule="30 4 * * *")
    site["PLANS"] = {"hourly": {"SCHEDULE": "0 * * * *"}}
    assert "the saved one is not used" in page(operator)
    html = page(operator, "plan/hourly/")
    assert "the saved one is not used" in html
    assert "/plan/hourly/switch/" not in html
    press(operator, "delete", "hourly", confirmed="1")
    assert "the saved one is not used" not in page(operator)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"schedule": "0 0 30 2 *"}, "February"),
        ({"schedule": "0 0 4 * * *"}, "six fields"),
        ({"schedule": "0 4 * * *", "zone": "Mars/Olympus"}, "no time zone"),
        ({"retention": {"daily": 0}}, "keep nothing"),
    ],
)
def test_a_row_that_cannot_be_followed_is_a_sentence(
    operator: Client, values: dict[str, Any], why: str
) -> None:
    Plan.objects.create(name="odd", **values)
    for html in (page(operator), page(operator, "plan/odd/")):
        assert "can&#x27;t be followed" in html
    assert "Run now" not in page(operator, "plan/odd/")
    answer = press(operator, "run", "odd")
    assert "can't be followed" in said(answer)
    assert not Run.objects.exists()


def test_the_page_of_a_plan_shows_its_next_times_runs_and_what_it_skipped(operator: Client) -> None:
    Plan.objects.create(name="nightly", schedule="30 4 * * *", zone="Europe/Berlin")
    Run.objects.create(action="create", plan="nightly", state="partial", started=NOW)
    for state, reason in (("started", ""), ("skipped", "Its run before this one still goes on.")):
        due = NOW - timedelta(hours=len(reason))
        PlanDue.objects.create(plan="nightly", due=due, at=due, state=state, reason=reason)
    answer = operator.get(PLANS.replace("plans/", "plan/nightly/"))
    assert len(answer.context["upcoming"]) == 5
    assert all(text.endswith("04:30") for text in answer.context["upcoming"])
    html = answer.content.decode()
    assert "still goes on" in html
    assert ">partial</span>" in html
    assert html.count('class="tb-chip tb-skipped"') == 1


def test_who_may_only_look_sees_no_button(client: Client, django_user_model: Any) -> None:
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("looker")
    user.user_permissions.set(Permission.objects.filter(codename="view_backup"))
    client.force_login(user)
    assert "<form" not in page(client).partition("<main")[2]
    Plan.objects.create(name="nightly", schedule="30 4 * * *")
    for path in ("plans/", "plan/nightly/"):
        assert "<form" not in page(client, path).partition("<main")[2]
