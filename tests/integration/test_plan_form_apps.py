"""A plan's form for one app's data: what it asks for, and refuses at its field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.plan_forms import ADD, ROOT, errors, plan_form, shown
from trustbackup.models import Plan
from trustbackup.operations.plans.spec import find_plan

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Any) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}


def test_a_plan_of_one_apps_data_asks_for_nothing_of_databases(operator: Client) -> None:
    form = plan_form(
        name="shop-data",
        kind="app",
        app="shop",
        databases=["no-such-database"],
        skip_unchanged="on",
        days="none",
        begin="25:00",
    )
    answer = operator.post(ADD, form)
    assert answer.status_code == 302, errors(answer)
    spec = find_plan("shop-data")
    assert (spec.kind, spec.app, spec.databases) == ("app", "shop", ())
    assert not spec.skip_unchanged
    assert spec.drill.as_dict() == {}
    page = operator.get(f"{ROOT}plan/shop-data/").content.decode()
    assert "The data of app shop" in page
    page = operator.get(f"{ROOT}plans/").content.decode()
    assert "The data of app shop" in page
    assert "No plan holds the databases yet" in page
    assert "Nothing runs by itself yet" not in page
    # Another database, which a command has named, stays; the app stays chosen.
    Plan.objects.filter(name="shop-data").update(databases=["default"])
    change = f"{ROOT}plan/shop-data/change/"
    assert operator.post(change, shown(operator.get(change))).status_code == 302
    spec = find_plan("shop-data")
    assert (spec.kind, spec.app, spec.databases) == ("app", "shop", ("default",))
    answer = operator.post(change, plan_form(name="shop-data", kind="database", app="shop"))
    assert answer.status_code == 302, errors(answer)
    spec = find_plan("shop-data")
    assert (spec.kind, spec.app, spec.databases) == ("database", "", ())


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ("", "Choose the app"),
        ("xyzzy", "not one of the available choices"),
        ("trustbackup", "not one of the available choices"),
    ],
)
def test_a_plan_of_no_app_is_refused_at_its_field(operator: Client, chosen: str, why: str) -> None:
    answer = operator.post(ADD, plan_form(kind="app", app=chosen))
    assert answer.status_code == 422
    assert why in errors(answer)["app"]
    assert not Plan.objects.exists()


def test_a_plan_of_an_app_that_is_gone_says_so(operator: Client) -> None:
    Plan.objects.create(name="old", kind="app", app="xyzzy")
    change = f"{ROOT}plan/old/change/"
    answer = operator.get(change)
    assert "xyzzy (gone)" in answer.content.decode()
    refused = operator.post(change, shown(answer))
    assert errors(refused) == {"app": "App xyzzy is gone."}
