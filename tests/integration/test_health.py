"""Is this site safe: one sentence for pages, commands and other programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from tests.support.index import backup_folder, put
from trustbackup.models import Backup, Destination, Plan, Run
from trustbackup.operations.health import Health, Level, Remedy, site_health
from trustbackup.store import names
from trustbackup.views.labels import translate

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def add(hours: float, **facts: Any) -> None:
    created = NOW - timedelta(hours=hours)
    Backup.objects.create(
        **{
            "identifier": names.backup_id(created),
            "created": created,
            "kind": "database",
            "state": "complete",
            **facts,
        }
    )


def judged() -> Health:
    return site_health(NOW)


def test_without_a_backup_it_is_not_protected() -> None:
    sentence = "This site is not protected yet: it has no backup."
    assert judged() == Health(Level.BAD, sentence, Remedy.CREATE)  # type: ignore[arg-type]


def test_what_is_only_damaged_protects_nothing() -> None:
    add(1, state="damaged")
    assert judged().sentence == "This site is not protected yet: it has no backup."


def test_a_proven_backup_of_last_night_is_good() -> None:
    add(9, drilled_ok=True)
    found = judged()
    assert (found.level, found.remedy) == ("good", "")
    assert found.sentence == "Everything is protected: last backup 9 hours ago, proven to restore."


@pytest.mark.parametrize(
    ("facts", "level", "remedy"),
    [
        ({}, "warn", "drill"),
        ({"checked_ok": True}, "warn", "drill"),
        ({"drilled_ok": False}, "bad", "create"),
        ({"checked_ok": False}, "bad", "create"),
        ({"drilled_ok": True, "checked_ok": False}, "bad", "create"),
        ({"drilled_ok": True, "state": "offloaded"}, "good", ""),
    ],
)
def test_the_newest_good_one_is_judged_by_its_proof(
    facts: dict[str, Any], level: str, remedy: str
) -> None:
    add(50, drilled_ok=True)
    add(1, **facts)
    assert (judged().level, judged().remedy) == (level, remedy)


def test_a_damaged_newest_one_is_told_with_the_age_of_the_last_good_one() -> None:
    add(3, drilled_ok=True)
    add(1, state="damaged")
    assert judged().sentence == (
        "The newest backup is damaged; the last good one was made 3 hours ago."
    )


@pytest.mark.parametrize(("hours", "level"), [(26, "good"), (26.1, "warn"), (24 * 40, "warn")])
def test_a_backup_is_old_after_a_day_and_two_hours(hours: float, level: str) -> None:
    add(hours, drilled_ok=True)
    assert judged().level == level


@pytest.mark.parametrize(("hours", "level"), [(1, "bad"), (3, "good")])
def test_a_failure_counts_until_a_backup_succeeds(hours: float, level: str) -> None:
    add(2, drilled_ok=True)
    Run.objects.create(action="create", state="failed", started=NOW - timedelta(hours=hours))
    Run.objects.create(action="verify", state="failed", started=NOW)
    assert judged().level == level


def test_fault_43_what_a_wrong_clock_dated_hides_nothing() -> None:
    add(-24 * 365, drilled_ok=True)
    assert (judged().level, judged().remedy) == ("warn", "create")
    assert "dated in the future" in judged().sentence
    add(72, drilled_ok=True)
    assert judged().sentence == "The last backup was made 3 days ago."
    add(1, drilled_ok=True)
    ahead = NOW + timedelta(days=365)
    Run.objects.create(action="create", state="failed", started=ahead)
    assert judged().level == "good"


@pytest.mark.parametrize("automatic", [True, False])
def test_a_failing_destination_is_named_where_every_backup_goes_there(automatic: bool) -> None:
    add(1, drilled_ok=True)
    Destination.objects.create(name="nas", kind="folder", problem="no room", automatic=automatic)
    assert judged().level == ("warn" if automatic else "good")
    assert ("no copy reached nas" in judged().sentence) == automatic


def test_the_sentence_is_translated_when_it_is_shown() -> None:
    add(72, drilled_ok=True)
    found = judged()
    assert found.sentence == "The last backup was made 3 days ago."
    with translation.override("de"):
        assert translate(found.sentence).endswith("vor 3 Tagen.")


@pytest.mark.django_db(transaction=True)
def test_the_command_says_what_the_page_says(operator: Client, folder: Path) -> None:
    folder.parent.mkdir()
    for number in range(2):
        said = StringIO()
        call_command("list_backups", stdout=said)
        sentence = site_health().sentence
        assert sentence in said.getvalue()
        assert sentence in operator.get("/settings/backups/").content.decode()
        put(backup_folder(folder), number)
    for options in ({"json": True}, {"type": "database"}, {"database": "default"}):
        said = StringIO()
        call_command("list_backups", stdout=said, **options)
        assert str(site_health().sentence) not in said.getvalue(), "it judges no part of the list"


def test_a_plan_whose_key_was_never_proven_is_not_green() -> None:
    add(9, drilled_ok=True)
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    Plan.objects.create(
        name="nightly", encrypt_to=[key], schedule="0 3 * * *", zone="UTC", retention=None
    )
    Plan.objects.update(scheduled_at=NOW - timedelta(minutes=1))
    found = judged()
    assert (found.level, found.remedy) == ("warn", "keys")
    assert found.sentence.endswith("which was never proven to open a backup.")
