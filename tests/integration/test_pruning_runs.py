"""What a page asks of pruning: a plan that is tried before it is saved, and a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support.index import backup_folder
from tests.support.pruning import BEGIN, nas, nightly, plans
from trustbackup.events import Event, EventKind
from trustbackup.models import Destination, Run
from trustbackup.operations.plans.spec import find_plan
from trustbackup.operations.retention.prune import preview_pruning, prune_by_rules
from trustbackup.policy.retention import RetentionPolicy
from trustbackup.policy.retention.reasons import Reason
from trustbackup.runs.execute import execute
from trustbackup.signals import event_happened
from trustbackup.store import names, record
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    plans(settings, tmp_path / "backups", last=3)
    return backup_folder(tmp_path / "backups")


def test_a_plan_can_be_tried_before_it_is_saved(folder: BackupFolder) -> None:
    made = nightly(folder, 4)
    plan = replace(find_plan("nightly"), retention=RetentionPolicy(last=1))
    (place,) = preview_pruning(instead=plan)
    assert place.judgement.going == made[:3]
    assert prune_by_rules()[0].deleted == made[:1]


def test_the_page_may_start_it_as_a_run(folder: BackupFolder) -> None:
    made = nightly(folder, 20)
    run = Run.objects.create(
        action="prune", state="waiting", started=BEGIN, options={"confirmed": True}
    )
    execute(run.pk)
    run.refresh_from_db()
    assert (run.state, sorted(folder.scan())) == ("succeeded", made[17:])
    assert run.outcome["pruned"][0]["deleted"] == made[:17]


def test_what_was_protected_from_elsewhere_is_a_note(folder: BackupFolder, tmp_path: Path) -> None:
    place = nas(tmp_path / "nas")
    made = nightly(folder, 5)
    place.copy(made)
    preview_pruning()
    data = record.render(made[0], record.Record(protected=True), folder.signer)
    (place.path / names.record_name(made[0])).write_bytes(data)
    _here, there = prune_by_rules()
    assert there.deleted == [made[1]]
    assert "it is protected" in there.notes[made[0]]
    assert made[0] in place.there()


def test_a_copy_that_the_folder_counts_on_stays(
    folder: BackupFolder, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its data was evicted here after all were looked at, trusting in that copy."""
    from trustbackup.operations.offsite.evict import evict
    from trustbackup.operations.retention import prune

    plans(settings, folder.root, last=9, nas={"last": 2})
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "KEEP_LOCAL": 2}
    place = nas(tmp_path / "nas")
    made = nightly(folder, 4)
    place.copy(made)
    judge = prune.judge_there

    def meanwhile(*args: Any, **options: Any) -> Any:
        found = judge(*args, **options)
        assert set(found.going) == set(made[:2])
        assert set(evict()) == set(made[:2])
        return found

    monkeypatch.setattr(prune, "judge_there", meanwhile)
    _here, there = prune_by_rules()
    assert there.deleted == []
    assert set(there.notes) == set(made[:2])
    assert place.there() == made


def test_pruning_pauses_while_the_plans_last_backup_failed(folder: BackupFolder) -> None:
    made = nightly(folder, 5)
    begun = datetime.now(UTC)
    failed = {"action": "create", "plan": "nightly", "state": "failed"}
    Run.objects.create(**failed, started=begun, finished=begun)
    (place,) = prune_by_rules()
    assert (place.deleted, place.judgement.held(Reason.FAILED)) == ([], made[:2])
    before = begun - timedelta(seconds=1)
    Run.objects.update(started=before)
    Run.objects.create(
        action="create", plan="nightly", state="succeeded", started=begun, finished=begun
    )
    # Of a clock that was wrong: it would count for a year.
    Run.objects.create(**failed, started=begun + timedelta(days=365))
    assert prune_by_rules()[0].deleted == made[:2]


def test_what_waits_for_somebody_is_told_once_a_day(folder: BackupFolder, settings: Any) -> None:
    told: list[Event] = []

    def listen(event: Event, **_rest: Any) -> None:
        told.append(event)

    event_happened.connect(listen)
    nightly(folder, 20, data=b"x" * 1000)
    plans(settings, folder.root, last=1, size_limit=1)
    for _run in range(2):
        call_command("prune_backups", stdout=StringIO(), stderr=StringIO())
    said = [event for event in told if event.kind == EventKind.PRUNING_FAILED]
    brake, size = (
        {event.key: event for event in said if event.key.startswith(f"pruning {what}")}
        for what in ("brake", "size")
    )
    assert "have expired than may go at once" in next(iter(brake.values())).sentence
    assert "more than its size limit" in next(iter(size.values())).sentence
    assert next(iter(size.values())).plan == "nightly"
    today = {f"{datetime.now(UTC) - timedelta(seconds=each):%Y-%m-%d}" for each in (0, 60)}
    assert {key.rpartition(" ")[2] for key in (*brake, *size)} <= today
    assert max(len(brake), len(size)) <= len(today)


def test_a_place_that_was_not_pruned_makes_the_run_partial(folder: BackupFolder) -> None:
    Destination.objects.create(name="gone", kind="pigeon", options={"path": "/"})
    nightly(folder, 4)
    with pytest.raises(SystemExit):
        call_command("prune_backups", stdout=StringIO(), stderr=StringIO())
    run = Run.objects.get(action="prune")
    assert run.state == Run.State.PARTIAL
    assert "gone was not pruned" in run.error
