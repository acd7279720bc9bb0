"""The weekly digest: due on Monday morning, sent once, and it says what is not well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.listener import Listener
from tests.support.mailbox import Mailbox
from tests.support.notifications import hook, mail
from trustbackup import phrases
from trustbackup.events import EventKind, emit
from trustbackup.models import Backup, Delivery, Destination, Route, Run
from trustbackup.notifications import outbox
from trustbackup.operations.digest import digest_due
from trustbackup.phrases import gettext as _
from trustbackup.runs.delivery import sending

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("notifying")]
MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)


def backup(days: float, **values: Any) -> Backup:
    """One that was made so many days before that Monday."""
    made = MONDAY - timedelta(days=days)
    identifier = f"{made:%Y-%m-%d_%H-%M-%S}"
    values = {"state": "complete", "kind": "database", **values}
    return Backup.objects.create(identifier=identifier, created=made, **values)


@pytest.fixture(autouse=True)
def _wanted() -> None:
    """Somebody wants it; where it goes is nobody's here."""
    Route.objects.create(name="reader", channel="ping", events=["digest"])


def lines(now: datetime = MONDAY) -> list[str]:
    digest = digest_due(now)
    assert digest is not None
    return [digest.sentence, *map(phrases.loads, digest.detail["lines"])]


def test_it_says_what_was_made_proven_copied_and_what_was_not() -> None:
    backup(1, drilled_ok=True, drilled_at=MONDAY - timedelta(days=2))
    backup(3, drilled_ok=False, drilled_at=MONDAY - timedelta(days=1))
    backup(9)
    Destination.objects.create(name="nas", kind="sftp", problem=_("No room"))
    Destination.objects.create(name="cloud", kind="s3", succeeded_at=MONDAY - timedelta(hours=5))
    Run.objects.create(
        action="create",
        state=Run.State.FAILED,
        started=MONDAY - timedelta(days=2),
        error=_("The disk is full."),
    )
    Delivery.objects.create(
        route="ops", key="1", kind="failure", at=MONDAY - timedelta(days=2), state="failed"
    )
    said = " ".join(lines())
    for sentence in (
        "Last week 2 backups were made.",
        "it was restored in a drill 2 days ago",
        "2026-11-27_09-00-00 did not restore in its last drill",
        "1 backup failed",
        "The disk is full.",
        "nas: No room",
        "The last copy reached cloud 5 hours ago.",
        "Messages of the notification ops did not arrive.",
    ):
        assert sentence in said, said


def test_a_site_without_anything_is_told_so() -> None:
    said = " ".join(lines())
    assert "This site is not protected yet" in said
    assert "No backup is proven" in said


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 11, 30, 7, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 30, 8, tzinfo=UTC), True),
        (datetime(2026, 12, 6, 23, tzinfo=UTC), True),
        (datetime(2026, 12, 7, 7, tzinfo=UTC), False),
    ],
)
def test_it_is_due_from_monday_morning_until_it_was_sent(now: datetime, due: bool) -> None:
    assert (digest_due(now) is not None) is due


def test_nobody_makes_one_that_nobody_wants() -> None:
    Route.objects.update(enabled=False)
    assert digest_due(MONDAY) is None


def test_monday_is_that_of_the_sites_clock(settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    sunday_evening = datetime(2026, 11, 29, 20, tzinfo=UTC)  # there it is Monday, 9 o'clock
    digest = digest_due(sunday_evening)
    assert digest is not None
    assert digest.key == "digest:2026-W48"


@pytest.mark.parametrize("use_tz", [None, False])
def test_without_a_time_zone_monday_is_that_of_the_machines_clock(
    settings: Any, monkeypatch: pytest.MonkeyPatch, use_tz: bool | None
) -> None:
    settings.USE_TZ, settings.TIME_ZONE = use_tz, None
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    assert digest_due(datetime(2026, 11, 29, 18, tzinfo=UTC)) is None  # 7 o'clock there
    assert digest_due(datetime(2026, 11, 29, 20, tzinfo=UTC)) is not None


def test_it_is_sent_once_a_week(listener: Listener) -> None:
    hook(listener, events=["digest"])
    for hours in (0, 1, 50):
        with sending(0):
            if digest := digest_due(MONDAY + timedelta(hours=hours)):
                emit(digest)
    assert len(listener.requests) == 1
    assert digest_due(MONDAY + timedelta(days=7)) is not None


def test_it_is_read_in_the_readers_language(mailbox: Mailbox) -> None:
    mail(events=["digest"], language="de")
    backup(1)
    with sending(0):
        emit(digest_due(MONDAY))  # type: ignore[arg-type]
    outbox.send_due()
    text = mailbox.messages[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Letzte Woche wurde 1 Sicherung erstellt." in text
    assert "Keine Sicherung ist fehlgeschlagen." in text
    assert Delivery.objects.get(route="mail").kind == EventKind.DIGEST
