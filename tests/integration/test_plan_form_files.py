"""A plan's form for uploaded files: incremental unless it says otherwise, and nothing of tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.plan_forms import ADD, ROOT, errors, plan_form, shown
from trustbackup.models import Plan
from trustbackup.operations.plans.spec import find_plan
from trustbackup.operations.plans.switch import row_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Any) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}


def test_a_plan_of_files_is_incremental_and_asks_for_nothing_of_tables(operator: Client) -> None:
    form = plan_form(
        name="files",
        kind="media",
        databases=["no-such-database"],
        more_excluded="shop_log",
        skip_unchanged="on",
        days="7",
    )
    answer = operator.post(ADD, form)
    assert answer.status_code == 302, errors(answer)
    spec = find_plan("files")
    assert (spec.kind, spec.databases, spec.excluded, spec.skip_unchanged) == (
        "media",
        (),
        (),
        False,
    )
    assert spec.incremental
    assert spec.drill.as_dict() == {"days": 7}
    page = operator.get(f"{ROOT}plan/files/").content.decode()
    assert "Uploaded files" in page
    assert "one archive in each backup" not in page
    page = operator.get(f"{ROOT}plans/").content.decode()
    assert "Uploaded files" in page
    assert "No plan holds the databases yet" in page


@pytest.mark.parametrize("kind", ["media", "full"])
def test_the_form_has_a_switch_for_archives_and_keeps_it(operator: Client, kind: str) -> None:
    answer = operator.post(ADD, plan_form(name="all", kind=kind, archive="on"))
    assert answer.status_code == 302, errors(answer)
    assert find_plan("all").archive
    page = operator.get(f"{ROOT}plan/all/").content.decode()
    assert "one archive in each backup" in page
    assert "Every database" not in page
    change = f"{ROOT}plan/all/change/"
    assert operator.post(change, shown(operator.get(change))).status_code == 302
    spec = find_plan("all")
    assert spec.archive
    assert row_of(spec).archive
    # What holds no files has none to archive.
    answer = operator.post(change, plan_form(name="all", kind="database", archive="on"))
    assert answer.status_code == 302, errors(answer)
    assert not Plan.objects.get(name="all").archive
