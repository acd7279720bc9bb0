"""A plan's form: what is saved, shown again, refused at its field, and never a 500."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.plan_forms import ADD, ROOT, errors, plan_form, shown
from trustbackup.models import AuditEvent, Destination, Plan
from trustbackup.operations.plans.spec import find_plan

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Any) -> dict[str, Any]:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    found: dict[str, Any] = settings.TRUSTBACKUP
    return found


FULL = plan_form(
    databases=["default"],
    more_excluded="django_session\n  shop.log \n\ndjango_session",
    compression="zstd",
    skip_unchanged="on",
    destinations=["far"],
    every="7",
    days="2",
    begin="22:00",
    end="05:00",
    when__repeat="weekly",
    when__weekday="0",
    keep__last="0",
    keep__size_limit="1,5 GB",
    keep__days="30",
    keep__enforce_size="on",
    **{"keep-far-own": "on", "keep-far-monthly": "12", "keep-near-daily": "9"},
)


@pytest.mark.django_db(transaction=True)
def test_a_plan_is_saved_shown_as_it_is_changed_and_renamed(operator: Client) -> None:
    for name in ("far", "near"):
        Destination.objects.create(name=name, kind="folder", automatic=name == "near")
    assert operator.get(ADD).status_code == 200
    answer = operator.post(ADD, FULL)
    assert answer.status_code == 302, errors(answer)
    assert answer.url == f"{ROOT}plan/nightly/"
    row = Plan.objects.get()
    assert (row.schedule, row.zone) == ("30 4 * * 1", "Europe/Berlin")
    assert row.excluded == ["django_session", "shop.log"]
    assert (row.databases, row.destinations, row.compression) == (["default"], ["far"], "zstd")
    assert row.retention == {
        "last": 0, "daily": 7, "days": 30, "size_limit": 3 * 2**29, "enforce_size": True
    }  # fmt: skip
    assert row.destination_retention == {"far": {"monthly": 12}}, "untouched where it is not ticked"
    assert row.drill == {"every": 7, "days": 2, "window": ["22:00", "05:00"]}
    assert row.skip_unchanged
    before = find_plan("nightly")

    again = operator.get(f"{ROOT}plan/nightly/change/")
    answer = operator.post(f"{ROOT}plan/nightly/change/", shown(again))
    assert answer.status_code == 302, errors(answer)
    assert find_plan("nightly") == before, "saved as it was shown, it is the same"

    Plan.objects.update(scheduled_at=datetime.now(UTC) - timedelta(days=9))
    data = {**shown(again), "name": "weekly"}
    assert operator.post(f"{ROOT}plan/nightly/change/", data).url == f"{ROOT}plan/weekly/"
    row = Plan.objects.get()
    assert row.name == "weekly"
    assert datetime.now(UTC) - row.scheduled_at < timedelta(minutes=5), "it owes nothing"
    events = AuditEvent.objects.order_by("at").values_list("action", "target", "actor")
    assert list(events) == [
        ("add plan", "nightly", "operator"),
        ("change plan", "nightly", "operator"),
        ("change plan", "weekly", "operator"),
    ]


def test_a_new_form_begins_with_what_would_do_for_most_sites(operator: Client) -> None:
    answer = operator.get(ADD)
    data = {**shown(answer), "name": "mine"}
    assert operator.post(ADD, data).status_code == 302
    spec = find_plan("mine")
    assert spec.enabled
    assert spec.retention is not None
    assert spec.retention.as_dict() == {"last": 3, "daily": 7, "weekly": 5, "monthly": 12}
    assert spec.schedule is not None
    assert spec.schedule.cron.split()[1:] == ["4", "*", "*", "*"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"when__repeat": "daily"}, "30 4 * * *"),
        ({"when__repeat": "weekly", "when__weekday": "6"}, "30 4 * * 0"),
        ({"when__repeat": "monthly", "when__day": "0"}, "30 4 L * *"),
        ({"when__repeat": "hourly", "when__hours": "6", "when__minute": "5"}, "5 */6 * * *"),
        ({"when__repeat": "cron", "when__cron": "@daily", "when__at": "25:00"}, "0 0 * * *"),
        ({"when__repeat": "never", "when__cron": "nonsense", "when__zone": "Mars"}, ""),
    ],
)
def test_each_way_to_repeat_is_stored_as_a_cron_line_and_comes_back(
    operator: Client, changes: dict[str, Any], line: str
) -> None:
    answer = operator.post(ADD, plan_form(**changes))
    assert answer.status_code == 302, errors(answer)
    assert Plan.objects.get().schedule == line
    again = shown(operator.get(f"{ROOT}plan/nightly/change/"))
    answer = operator.post(f"{ROOT}plan/nightly/change/", again)
    assert answer.status_code == 302, errors(answer)
    assert Plan.objects.get().schedule == line


def cron(line: str) -> dict[str, str]:
    return {"when__repeat": "cron", "when__cron": line}


BAD = {
    "30 February": (cron("0 4 30 2 *"), "when-cron", "no such month"),
    "never comes": (cron("0 4 31 4,6 *"), "when-cron", "no such month"),
    "six fields": (cron("0 0 4 * * *"), "when-cron", "six fields"),
    "no cron line": (cron(""), "when-cron", "required"),
    "no line at all": (cron("often"), "when-cron", "1 fields"),
    "too long": (cron("1," * 200), "when-cron", "at most"),
    "unknown zone": ({"when__zone": "Mars/Olympus"}, "when-zone", "no time zone"),
    "a zone that is a path": ({"when__zone": "../../etc/passwd"}, "when-zone", "no time zone"),
    "no time": ({"when__at": ""}, "when-at", "required"),
    "a time that is none": ({"when__at": "25:00"}, "when-at", "valid time"),
    "day 31": ({"when__repeat": "monthly", "when__day": "31"}, "when-day", "valid choice"),
    "every 5 hours": ({"when__repeat": "hourly", "when__hours": "5"}, "when-hours", "valid choice"),
    "minute 60": (
        {"when__repeat": "hourly", "when__hours": "6", "when__minute": "60"}, "when-minute", "59"
    ),
    "an unknown way": ({"when__repeat": "often"}, "when-repeat", "valid choice"),
    "keeps nothing": ({"keep__daily": "0"}, "keep-last", "keep nothing"),
    "no rule": ({"keep__daily": ""}, "keep-last", "no rule"),
    "less than none": ({"keep__daily": "-1"}, "keep-daily", "0"),
    "too many": ({"keep__daily": "100001"}, "keep-daily", "100000"),
    "a size that is none": ({"keep__size_limit": "much"}, "keep-size_limit", "such as 20 GB"),
    "a size of nothing": ({"keep__size_limit": "0 GB"}, "keep-size_limit", "such as 20 GB"),
    "a limit alone that deletes": (
        {"keep__daily": "", "keep__size_limit": "1 GB", "keep__enforce_size": "on"},
        "keep-size_limit",
        "another rule",
    ),
    "nothing at one place": ({"keep-far-own": "on"}, "keep-far-last", "no rule"),
    "gone destination": ({"destinations": ["burnt"]}, "destinations", "valid choice"),
    "unknown database": ({"databases": ["none"]}, "databases", "valid choice"),
    "name taken": ({"name": "taken"}, "name", "of this name already"),
    "name in the settings": ({"name": "fixed"}, "name", "settings have a plan"),
    "no name": ({"name": ""}, "name", "required"),
    "a name with blanks": ({"name": "every night"}, "name", "valid"),
    "too long a name": ({"name": "n" * 51}, "name", "50"),
    "no grace": ({"grace": "0"}, "grace", "1"),
    "half a window": ({"begin": "22:00"}, "end", "both times"),
    "an empty window": ({"begin": "22:00", "end": "22:00"}, "end", "differ"),
    "a table with a line break": ({"more_excluded": "a\tb"}, "more_excluded", "no name of a table"),
    "too many tables": (
        {"more_excluded": "\n".join(map(str, range(201)))}, "more_excluded", "at most 200"
    ),
    "half a character": ({"name": "a\x00b", "more_excluded": "\x00"}, "more_excluded", "Null"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_sentence_at_its_field(
    operator: Client, site: dict[str, Any], case: str
) -> None:
    site["PLANS"] = {"fixed": {}}
    Plan.objects.create(name="taken")
    Destination.objects.create(name="far", kind="folder", automatic=False)
    changes, field, said = BAD[case]
    answer = operator.post(ADD, plan_form(**changes))
    assert answer.status_code == 422, case
    found = errors(answer)
    assert said in found[field], found
    assert "Nothing was saved" in answer.content.decode()
    assert list(Plan.objects.values_list("name", flat=True)) == ["taken"]
    assert case != "30 February" or list(found) == [field], "and nothing else is marked"


def test_what_is_gone_can_be_unticked(operator: Client) -> None:
    Plan.objects.create(
        name="nightly", databases=["old"], destinations=["burnt"], retention={"daily": 7}
    )
    address = f"{ROOT}plan/nightly/change/"
    answer = operator.get(address)
    assert "burnt (gone)" in answer.content.decode()
    answer = operator.post(address, shown(answer))
    assert answer.status_code == 422
    assert "burnt is gone: untick it" in errors(answer)["destinations"]
    assert "old is not in the site" in errors(answer)["databases"]
    assert operator.post(address, plan_form()).status_code == 302
    row = Plan.objects.get()
    assert (row.databases, row.destinations) == ([], [])


def test_a_row_that_cannot_be_followed_can_be_mended(operator: Client) -> None:
    Plan.objects.create(name="odd", schedule="0 0 30 2 *", retention={"daily": 0})
    address = f"{ROOT}plan/odd/change/"
    answer = operator.get(address)
    assert "can&#x27;t be followed" in answer.content.decode()
    answer = operator.post(address, {**shown(answer), "enabled": "on"})
    assert answer.status_code == 302, errors(answer)
    assert find_plan("odd").retention


@pytest.mark.parametrize("changes", [{}, {"when__zone": "Mars"}, {"name": ""}])
def test_the_next_times_are_shown_before_anything_is_saved(
    operator: Client, changes: dict[str, Any]
) -> None:
    answer = operator.post(ADD, plan_form(look="1", **changes))
    assert answer.status_code == 200
    html = answer.content.decode()
    times = html[html.index('id="plan-times"') :].partition("</div>")[0]
    if "when__zone" in changes:
        assert "There is no time zone" in times
    else:
        assert times.count("<li>") == 5
        assert times.count(", 04:30</li>") == 5
    assert "Nothing was saved" not in html
    assert not Plan.objects.exists()


def test_a_plan_that_somebody_deleted_meanwhile_is_a_404(operator: Client) -> None:
    for answer in (
        operator.get(f"{ROOT}plan/gone/change/"),
        operator.post(f"{ROOT}plan/gone/change/", plan_form()),
    ):
        assert answer.status_code == 404
        assert "There is no such plan any more" in answer.content.decode()
