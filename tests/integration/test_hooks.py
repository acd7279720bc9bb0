"""Hooks: a site's own functions before and after an action; one before may refuse it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from trustbackup import checks
from trustbackup.conf import HOOKABLE, get_settings
from trustbackup.exceptions import ConfigurationError, TrustbackupError
from trustbackup.models import Run
from trustbackup.phrases import gettext as _
from trustbackup.runs.events import FAILED
from trustbackup.runs.hooks import HookCall
from trustbackup.runs.recorder import record_run

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "tests.integration.test_hooks"
called: list[tuple[str, HookCall]] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    called.clear()


def note(told: HookCall) -> None:
    called.append(("note", told))


def refuse(told: HookCall) -> str:
    called.append(("refuse", told))
    return "the till is open"


def raise_ours(told: HookCall) -> None:
    raise TrustbackupError(_("No"), why=_("it is closed"))


def raise_another(told: HookCall) -> None:
    raise RuntimeError("broken")


@pytest.fixture
def hooks(folder: Path, settings: Any) -> Any:
    """Sets the site's hooks, named as they are here."""

    def use(**names: list[str]) -> None:
        found = {key: [f"{HERE}.{name}" for name in each] for key, each in names.items()}
        settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "HOOKS": found}

    return use


def test_hooks_are_told_what_is_done_and_how_it_ended(hooks: Any) -> None:
    hooks(before_create=["note"], after_create=["note"])
    with record_run("create", "a name", actor="me", address="here") as recorder:
        recorder.target = "b1"
        recorder.outcome["bytes"] = 7
    (_first, before), (_second, after) = called
    assert (before.action, before.target, before.actor, before.address) == (
        "create",
        "a name",
        "me",
        "here",
    )
    assert (before.state, before.outcome) == ("", {})
    assert (after.target, after.state, after.outcome) == ("b1", "succeeded", {"bytes": 7})
    assert before.run == after.run == str(Run.objects.get().id)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("refuse", "the till is open"),
        ("raise_ours", "No: it is closed."),
        ("raise_another", "RuntimeError: broken"),
        ("is_not_there", "is_not_there"),
    ],
)
def test_a_hook_before_may_refuse(name: str, said: str, hooks: Any) -> None:
    hooks(before_create=[name, "note"], after_create=["note"])
    with (
        pytest.raises(TrustbackupError, match=said),
        record_run("create", actor="me"),
    ):
        pytest.fail("it was begun")
    assert [told.state for what, told in called if what == "note"] == ["failed"]
    run = Run.objects.get()
    assert run.state == "failed"
    assert said in run.error


def test_a_command_that_is_refused_does_nothing(hooks: Any, folder: Path, capsys: Any) -> None:
    hooks(before_create=["refuse"])
    with pytest.raises(Exception, match="the till is open"):
        call_command("create_backup")
    assert not list(folder.glob("backup_*"))


def test_what_a_hook_after_says_is_a_note(hooks: Any) -> None:
    hooks(after_create=["raise_another", "refuse", "note"])
    with record_run("create", actor="me"):
        pass
    run = Run.objects.get()
    assert run.state == "succeeded"
    assert run.outcome["hooks"] == [
        f"{HERE}.raise_another says: RuntimeError: broken",
        f"{HERE}.refuse says: the till is open",
    ]
    assert [what for what, _told in called] == ["refuse", "note"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (["x"], "not a dictionary"),
        ({"before_creat": ["a.b"]}, "Did you mean 'before_create'"),
        ({"around": ["a.b"]}, "unknown key"),
        ({"before_create": "a.b"}, "not a list of texts"),
    ],
)
def test_hooks_that_make_no_sense_are_refused(value: Any, said: str, settings: Any) -> None:
    settings.TRUSTBACKUP = {"HOOKS": value}
    with pytest.raises(ConfigurationError, match=said):
        get_settings()


def test_a_hook_that_is_not_there_is_a_failed_check(hooks: Any) -> None:
    hooks(before_create=["note"])
    assert not [each for each in checks.check_settings() if each.id == "trustbackup.E001"]
    hooks(before_create=["is_not_there"])
    (error,) = [each for each in checks.check_settings() if each.id == "trustbackup.E001"]
    assert "is_not_there" in error.msg


def test_every_action_that_is_told_of_has_hooks() -> None:
    assert set(HOOKABLE) == set(FAILED)
