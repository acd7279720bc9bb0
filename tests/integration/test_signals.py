"""A signal to end comes anywhere: nobody who takes errors for his own may swallow it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from trustbackup.destinations.guarded import Guarded
from trustbackup.destinations.storage.backend import DjangoStorage
from trustbackup.destinations.storage.config import StorageConfig
from trustbackup.exceptions import Cancelled
from trustbackup.management.terminal import cancellable
from trustbackup.models import AuditEvent, Run
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Reporter
from trustbackup.runs.execute import execute
from trustbackup.runs.hooks import HookCall
from trustbackup.runs.queue import waiting_run
from trustbackup.runs.recorder import RunRecorder, record_run
from trustbackup.runs.work import ACTIONS, Work, work_of
from trustbackup.signals import event_happened
from trustbackup.store import catalog, names
from trustbackup.store.backup_files import BackupFiles

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "backup_20260101_000000.dump.gz"
HERE = "tests.integration.test_signals"


def end(*_anything: object, **_more: object) -> Any:
    """What a service manager does, at the moment at which this is called."""
    os.kill(os.getpid(), signal.SIGTERM)


def end_in_a_hook(_told: HookCall) -> None:
    end()


@contextmanager
def ended() -> Iterator[None]:
    """What is done within ends by the signal."""
    with pytest.raises(Cancelled, match=r"asked to end \(SIGTERM\)"), cancellable():
        yield


@pytest.fixture
def receiver() -> Iterator[None]:
    event_happened.connect(end, weak=False)
    yield
    event_happened.disconnect(end)


@pytest.mark.usefixtures("receiver")
def test_in_a_receiver_of_a_run_that_begins(folder: Path) -> None:
    with ended(), record_run("create", actor="me"):
        pytest.fail("it was begun")
    assert Run.objects.get().state == Run.State.CANCELLED
    assert AuditEvent.objects.get().detail["state"] == "cancelled"


@pytest.mark.parametrize(("when", "state"), [("before", "cancelled"), ("after", "succeeded")])
def test_in_a_hook(when: str, state: str, folder: Path, settings: Any) -> None:
    hooks = {f"{when}_create": [f"{HERE}.end_in_a_hook"]}
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "HOOKS": hooks}
    with ended(), record_run("create", actor="me"):
        pass
    run = Run.objects.get()
    assert run.state == state
    assert run.finished is not None
    assert AuditEvent.objects.get().detail["state"] == state


def test_while_the_end_of_a_run_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save, ends = AuditEvent.save, [end]

    def end_once(event: AuditEvent, *args: Any, **kwargs: Any) -> None:
        if ends:
            ends.pop()()
        save(event, *args, **kwargs)

    monkeypatch.setattr(AuditEvent, "save", end_once)
    with ended(), record_run("create", actor="me"):
        pass
    assert Run.objects.get().state == Run.State.SUCCEEDED
    assert AuditEvent.objects.get().detail["state"] == "succeeded"


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> Callable[[Work], Run]:
    """Carries a run whose work is this."""

    def carry(work: Work) -> Run:
        action = next(iter(ACTIONS))
        monkeypatch.setitem(ACTIONS, action, work)
        run = waiting_run(action, {}, actor="me")
        assert work_of(action) is work
        execute(run.pk)
        return run

    return carry


def test_of_a_run_that_is_over_the_signal_goes_on(
    folder: Path, carried: Callable[[Work], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a scheduler would begin the next one, deaf to every further signal."""
    monkeypatch.setattr("trustbackup.runs.recorder.emit_end", end)
    with ended():
        carried(lambda _recorder, _options, _report: None)
    assert Run.objects.get().state == Run.State.SUCCEEDED
    assert AuditEvent.objects.count() == 1


def test_a_carrier_lives_on_when_its_run_is_cancelled(
    folder: Path, carried: Callable[[Work], Run]
) -> None:
    """A worker of a queue has others to carry."""

    def work(_recorder: RunRecorder, _options: Any, _report: Reporter) -> None:
        raise Cancelled

    carried(work)
    assert Run.objects.get().state == Run.State.CANCELLED


def test_while_a_manifest_is_read_it_is_not_called_unreadable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BackupFiles, "read_manifest", end)
    entry = BackupFiles(Context.current().folder, "x", {names.manifest_name("x"): 2})
    with ended():
        catalog.describe(entry)


class Ending(FileSystemStorage):
    """A storage that is at work while the signal comes."""

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        end()
        return super().listdir(path)


def test_in_a_library_whose_errors_are_translated(folder: Path) -> None:
    there = DjangoStorage(StorageConfig(alias="x"), Ending(location=folder))
    with ended():
        Guarded(there).list()


def test_whoever_reports_progress_to_a_storage_can_cancel(tmp_path: Path) -> None:
    """A reporter that raises what no library takes for an error of its own."""

    class Catching(FileSystemStorage):
        def _save(self, name: str, content: Any) -> str:
            try:
                content.read()
            except Exception:  # a library that goes on with what it has
                content = ContentFile(b"")
            return super()._save(name, content)  # type: ignore[misc]

    def cancel(_done: int) -> None:
        raise Cancelled

    source = tmp_path / NAME
    source.write_bytes(b"data")
    place = tmp_path / "there"
    there = DjangoStorage(StorageConfig(alias="x"), Catching(location=place))
    with pytest.raises(Cancelled):
        there.put(source, "0" * 64, cancel)
    assert not [path for path in place.rglob("*") if path.is_file()]
