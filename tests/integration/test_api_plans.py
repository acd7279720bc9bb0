"""Writing plans over HTTP: by the settings' keys, with the page's rules and sentences."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.integration.test_api_destinations import errors
from tests.support.api import RIGHTS, caller
from trustbackup.models import AccessToken, AuditEvent, Destination, Plan
from trustbackup.operations.plans.spec import find_plan
from trustbackup.policy.plan import Source, read_plan

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]
ALL = {
    "enabled": False,
    "kind": "full",
    "app": "",
    "databases": ["default"],
    "excluded": ["django_session", "shop.log"],
    "archive": True,
    "compression": "zstd",
    "encrypt_to": [],
    "destinations": ["far"],
    "schedule": "30 4 * * 1-5",
    "zone": "Europe/Istanbul",
    "retention": {"last": 0, "daily": 7, "days": 30, "size_limit": 3 * 2**29, "enforce_size": True},
    "destination_retention": {"far": {"monthly": 12}},
    "drill": {"every": 7, "days": 2, "window": ["22:00", "05:00"]},
    "skip_unchanged": False,
    "grace": 45,
}
NIGHTLY = "plans/nightly/"


@pytest.fixture(autouse=True)
def far() -> None:
    Destination.objects.create(name="far", kind="folder", automatic=False)


def by_all(*scopes: str) -> Any:
    return caller(scopes or ("read", "manage"), RIGHTS)


def test_a_plan_is_written_whole_changed_renamed_and_deleted() -> None:
    by = by_all()
    status, told, answer = by.call("POST", "plans/", {"name": "nightly", **ALL})
    assert status == 201, answer.content
    assert told == {"name": "nightly", **ALL, "source": "row", "problem": ""}
    wanted, found = read_plan("nightly", ALL, Source.ROW), find_plan("nightly")
    assert (found.schedule, found.drill) == (wanted.schedule, wanted.drill)
    assert (found.retention, found.grace) == (wanted.retention, wanted.grace)
    # What is left out stays as it is; null takes rules back.
    told = by.call("PATCH", NIGHTLY, {"retention": None, "drill": {"days": 3, "every": None}})[1]
    assert told == {
        "name": "nightly", **ALL, "retention": None, "drill": {"days": 3},
        "source": "row", "problem": "",
    }  # fmt: skip
    told = by.call("PATCH", NIGHTLY, {"name": "weekly", "schedule": "", "enabled": True})[1]
    assert (told["name"], told["schedule"], told["enabled"]) == ("weekly", "", True)
    assert by.get("plans/weekly/") == told
    assert [plan["name"] for plan in by.get("plans/")] == ["weekly"]
    assert by.problem("GET", NIGHTLY) == (404, "not_found")
    assert by.call("DELETE", "plans/weekly/")[0] == 204
    assert not Plan.objects.exists()
    events = AuditEvent.objects.exclude(action="API call").order_by("at")
    assert [(event.action, event.target) for event in events] == [
        ("add plan", "nightly"),
        ("change plan", "nightly"),
        ("change plan", "weekly"),
        ("delete plan", "weekly"),
    ]


def test_a_plan_of_little_is_what_the_settings_would_have() -> None:
    by = by_all()
    by.call("POST", "plans/", {"name": "by-hand"})
    plain = read_plan("by-hand", {}, Source.ROW)
    found = find_plan("by-hand")
    assert (found.schedule, found.retention, found.drill) == (None, None, plain.drill)
    assert (found.enabled, found.kind, found.grace) == (True, "database", plain.grace)


def test_what_no_plan_can_be_is_refused_at_its_member() -> None:
    by = by_all()
    by.call("POST", "plans/", {"name": "nightly", **ALL})
    assert errors(by, "POST", "plans/", {"name": "nightly"}) == {
        "name": ["There is a plan of this name already."]
    }
    for member, body in {
        "databases": {"databases": ["gone"]},
        "destinations": {"destinations": ["gone"]},
        "colour": {"colour": "red"},
        "grace": {"grace": "45"},
        "retention": {"retention": {"daily": True}},
        "non_field_errors": {"schedule": "every day"},
    }.items():
        assert list(errors(by, "PATCH", NIGHTLY, body)) == [member], body
    for body in (
        {"zone": "Europe/Nowhere"},
        {"retention": {"daily": 0}},
        {"drill": {"window": ["22:00", "22:00"]}},
        {"destination_retention": {"gone": {"daily": 7}}},
        {"kind": "media"},
        {"kind": "app"},
        {"kind": "app", "app": "nosuch"},
        {"excluded": ["a\nb"]},
        {"compression": "brotli"},
        {"encrypt_to": ["age1nobody"], "archive": False},
        {"name": "a b"},
    ):
        assert errors(by, "PATCH", NIGHTLY, body), body
    mixed = {"name": "rows", "kind": "settings", "databases": ["gone"]}
    assert "databases" in str(errors(by, "POST", "plans/", mixed))
    told = by.get(NIGHTLY)
    assert {name: told[name] for name in ALL} == ALL
    assert Plan.objects.count() == 1


def test_a_plan_of_the_settings_is_shown_and_says_why_it_stays(settings: Any) -> None:
    plans = {"fixed": {"SCHEDULE": "0 3 * * *"}, "broken": {"SCHEDULE": "never"}}
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "PLANS": plans}
    by = by_all()
    told = by.get("plans/fixed/")
    assert (told["source"], told["schedule"]) == ("settings", "0 3 * * *")
    assert by.get("plans/broken/")["problem"]
    for method, path, body in (
        ("PATCH", "plans/fixed/", {"enabled": False}),
        ("DELETE", "plans/broken/", None),
    ):
        status, value, _answer = by.call(method, path, body)
        assert (status, value["code"]) == (409, "refused")
        assert "kept in the settings" in value["detail"]
        assert "Change it in TRUSTBACKUP['PLANS']" in value["detail"]
    assert errors(by, "POST", "plans/", {"name": "fixed"}) == {
        "name": ["The settings have a plan of this name."]
    }


def test_a_plan_is_written_by_who_may() -> None:
    by_all().call("POST", "plans/", {"name": "nightly"})
    for scopes, rights, code in (
        (["read", "create", "restore"], ["view", "change_plan"], "scope_missing"),
        (["read", "manage"], [each for each in RIGHTS if each != "change_plan"], "right_missing"),
    ):
        User.objects.all().delete()
        AccessToken.objects.all().delete()
        by = caller(scopes, rights)
        assert by.get(NIGHTLY)["name"] == "nightly"
        for method, path, body in (
            ("POST", "plans/", {"name": "other"}),
            ("PATCH", NIGHTLY, {"enabled": False}),
            ("DELETE", NIGHTLY, None),
        ):
            assert by.problem(method, path, body) == (403, code), method
    assert Plan.objects.get().enabled
