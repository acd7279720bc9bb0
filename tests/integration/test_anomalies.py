"""What looks odd about a new backup: marked, and no pruning until somebody says it is right."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.support.index import backup_folder
from tests.support.pruning import NIGHTLY, decisions, nightly, plans
from trustbackup.models import AuditEvent, Backup
from trustbackup.operations.backup.anomalies import anomalies_of, note_anomalies
from trustbackup.operations.retention.prune import prune_by_rules
from trustbackup.policy.anomalies import AnomalyKind
from trustbackup.store import record
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import Table

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    plans(settings, tmp_path / "backups", last=2)
    return backup_folder(tmp_path / "backups")


def rows(**counts: int) -> tuple[Table, ...]:
    return tuple(Table(schema="", name=name, rows=count) for name, count in counts.items())


def test_a_table_that_lost_rows_is_noted_by_its_models_name_and_stops_pruning(
    folder: BackupFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(shop_order=100, django_session=500, trustbackup_backup=90, old=30, left=80)
    now = rows(shop_order=60, django_session=0, trustbackup_backup=0, left=70)
    made = nightly(folder, 4, tables=before)
    assert note_anomalies(made[3]) == []
    (odd,) = nightly(folder, 1, first=4, tables=now)
    found = note_anomalies(odd)
    assert [each.sentence for each in found] == [
        "old is gone, with 30 rows.",
        "shop.Order lost 40 % of its rows: 100 before, 60 now.",
    ]
    assert anomalies_of(Backup.objects.get(identifier=odd)) == found
    assert list(Backup.objects.odd().values_list("identifier", flat=True)) == [odd]
    (place,) = prune_by_rules(confirmed=True)
    assert place.deleted == []
    assert [decisions(place)[each] for each in made[:3]] == ["anomaly"] * 3
    call_command("show_backup", odd)
    assert "shop.Order lost 40 % of its rows" in capsys.readouterr().out
    call_command("list_backups")
    assert "odd" in capsys.readouterr().out

    call_command("confirm_backup", "latest", "--json")
    assert json.loads(capsys.readouterr().out) == {"confirmed": [odd]}
    assert AuditEvent.objects.filter(action="confirm", target=odd).exists()
    assert not Backup.objects.odd().exists()
    assert prune_by_rules(confirmed=True)[0].deleted == made[:3]
    assert folder.record(odd).anomalies, "what was odd is still told"
    with pytest.raises(CommandError, match="does not look odd"):
        call_command("confirm_backup", odd)


def test_sizes_and_durations_are_compared_with_what_is_usual(folder: BackupFolder) -> None:
    nightly(folder, 4, raw_bytes=40 << 20, seconds=60)
    small, slow, large = (
        nightly(folder, 1, first=first, **values)[0]
        for first, values in (
            (10, {"raw_bytes": 10 << 20, "seconds": 60}),
            (11, {"raw_bytes": 40 << 20, "seconds": 400}),
            (12, {"raw_bytes": 90 << 20, "seconds": 60}),
        )
    )
    for made, kind in (
        (small, AnomalyKind.SMALLER),
        (slow, AnomalyKind.SLOWER),
        (large, AnomalyKind.LARGER),
    ):
        (found,) = note_anomalies(made)
        assert (found.kind, found.subject) == (kind, "")


def test_rows_that_a_plan_leaves_out_are_not_lost_and_other_plans_are_not_compared(
    folder: BackupFolder,
) -> None:
    nightly(folder, 1, tables=rows(shop_order=100, logs=900))
    other = replace(NIGHTLY, name="weekly")
    (made,) = nightly(folder, 1, first=1, tables=rows(shop_order=10), plan=other)
    assert note_anomalies(made) == []
    (made,) = nightly(folder, 1, first=2, tables=rows(shop_order=99, logs=0), excluded=("logs",))
    assert note_anomalies(made) == []


def test_a_record_keeps_what_was_odd_and_both_sides_of_a_copy_know_it(
    folder: BackupFolder,
) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    odd = record.Record(anomalies=(record.Odd(kind="rows", subject="t", before=9, now=1),))
    said = replace(odd, anomalies_confirmed=at)
    data = record.render("2026-01-01_04-00-00", said, folder.signer)
    assert record.load(data, "2026-01-01_04-00-00", folder.signer) == said
    for mine, theirs in ((odd, said), (said, odd), (record.Record(), said)):
        assert record.merge(mine, theirs) == said
    assert (odd.is_odd, said.is_odd, record.Record().is_odd) == (True, False, False)
    later = {"kind": "of a later version", "subject": "", "before": 0, "now": 0}
    assert anomalies_of(Backup(anomalies=[later])) == []


def test_the_page_shows_what_is_odd_and_takes_that_it_is_right(
    operator: Client, folder: BackupFolder
) -> None:
    nightly(folder, 1, tables=rows(shop_order=100))
    (odd,) = nightly(folder, 1, first=1, tables=rows(shop_order=60))
    note_anomalies(odd)
    assert b">odd</span>" in operator.get("/settings/backups/").content
    page = operator.get(f"/settings/backups/backup/{odd}/")
    assert b"shop.Order lost 40 % of its rows" in page.content
    assert b"It is right</button>" in page.content
    operator.post("/settings/backups/act/confirm/", {"selected": odd})
    assert not Backup.objects.odd().exists()
    page = operator.get(f"/settings/backups/backup/{odd}/")
    assert b"It looked odd, and is right" in page.content
    assert b"It is right</button>" not in page.content
    again = operator.post("/settings/backups/act/confirm/", {"selected": odd}, follow=True)
    assert b"does not look odd" in again.content
