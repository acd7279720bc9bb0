"""The list of the page: true to the disk, the same number of queries for any number."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from trustbackup.models import AuditEvent, Backup, Destination, Run
from trustbackup.operations.health import site_health
from trustbackup.store import names

pytestmark = pytest.mark.django_db
LIST = "/settings/backups/"
ROW = 'type="checkbox" name="selected"'


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    return tmp_path


def add(folder: Path, count: int) -> None:
    newest = datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(count):
        identifier = names.backup_id(newest - timedelta(hours=number))
        (folder / f"backup_{identifier}.dump").write_bytes(b"x" * (number + 1))


def html(client: Client, query: str = "", path: str = "") -> str:
    response = client.get(f"{LIST}{path}?{query}")
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_number_of_queries_does_not_grow(operator: Client, folder: Path) -> None:
    counts = []
    for count in (10, 300):
        add(folder, count)
        html(operator)
        with CaptureQueriesContext(connection) as queries:
            html(operator)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] < 25


def test_what_was_added_or_removed_by_hand_is_seen_at_once(operator: Client, folder: Path) -> None:
    add(folder, 2)
    assert html(operator).count(ROW) == 2
    extra = folder / "backup_2026-11-02_00-00-00.dump"
    extra.write_bytes(b"by hand")
    assert "2026-11-02_00-00-00" in html(operator)
    extra.unlink()
    assert "2026-11-02_00-00-00" not in html(operator)


def test_twenty_a_page_and_a_page_too_far_is_the_last(operator: Client, folder: Path) -> None:
    add(folder, 45)
    assert html(operator).count(ROW) == 20
    for query in ("page=3", "page=99"):
        assert html(operator, query).count(ROW) == 5
    for query in ("page=nonsense", "sort=nonsense", "since=tomorrow", "state=odd", "text=%00"):
        html(operator, query)


def test_it_sorts_by_size_as_a_number(operator: Client, folder: Path) -> None:
    add(folder, 12)
    shown = re.findall(rf'{ROW} value="([^"]+)"', html(operator, "sort=size"))
    sizes = dict(Backup.objects.values_list("identifier", "bytes"))
    assert [sizes[item] for item in shown] == sorted(sizes.values())


@pytest.mark.parametrize("path", ["", "runs/", "backup/{}/", "backup/{}/restore/"])
def test_a_strict_content_security_policy_works(operator: Client, folder: Path, path: str) -> None:
    add(folder, 1)
    page = operator.get(LIST + path.format("2026-11-01_00-00-00")).content.decode()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
    for script in re.findall(r"<script[^>]*>", page):
        assert 'src="/static/' in script
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith(("/", "?", "#")), address


def test_a_name_is_escaped(operator: Client, folder: Path) -> None:
    Backup.objects.create(
        identifier="x", name="<script>alert(1)</script>", created=datetime.now(UTC), kind="database"
    )
    assert "<script>alert" not in html(operator)


def test_the_admin_shell_is_the_default(operator: Client, folder: Path, settings: Any) -> None:
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": []}]
    add(folder, 1)
    page = html(operator)
    assert "Django administration" in page
    assert 'class="tb"' in page


def test_without_htmx_the_page_is_only_not_live(
    operator: Client, folder: Path, settings: Any
) -> None:
    assert "/django_htmx/" in html(operator)
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_htmx"]
    assert "/django_htmx/" not in html(operator)


def test_the_activity_shows_what_was_done_at_once_and_filters_runs(
    operator: Client, folder: Path
) -> None:
    now = datetime.now(UTC)
    AuditEvent.objects.create(at=now, actor="operator", action="keep", detail={})
    for action, state in (("create", "failed"), ("drill", "succeeded")):
        Run.objects.create(action=action, state=state, started=now, finished=now)
    page = html(operator, path="runs/")
    assert "Protected" in page
    for query, shown in {
        "": ["Backup", "Proved by a drill"],
        "verb=drill": ["Proved by a drill"],
        "state=failed": ["Backup"],
        "state=failed&verb=drill": [],
        "state=odd&page=99": ["Backup", "Proved by a drill"],
    }.items():
        names = re.findall(r'"tb-name"><a[^>]*>([^<]*)', html(operator, query, path="runs/"))
        assert sorted(names) == shown, query


def test_a_destination_that_fails_is_said_in_the_head() -> None:
    now = datetime.now(UTC)
    good = Backup(identifier=names.backup_id(now), created=now, kind="database", state="complete")
    place = Destination.objects.create(name="nas", kind="folder", options={"path": "/mnt/nas"})
    for problem in ("", "the disk is full"):
        place.problem = problem
        place.save()
        Backup.objects.all().delete()
        good.pk = None
        good.drilled_ok = True
        good.save()
        found = site_health()
        assert found.level == ("warn" if problem else "good")
        assert ("nas" in found.sentence) == bool(problem)
