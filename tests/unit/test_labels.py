"""The words of rows and runs, as the pages show them."""

from __future__ import annotations

import pytest

from trustbackup.models import AuditEvent
from trustbackup.runs.work import ACTIONS
from trustbackup.views import labels


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_of_a_run_has_its_words(action: str) -> None:
    said = {labels.run_title(action, state) for state in ("running", "succeeded", "failed")}
    assert len(said) == 3
    assert action not in said


def test_a_stage_is_said_with_what_it_names() -> None:
    assert labels.stage("dumping default") == "Dumping default"
    assert labels.stage("carrying over default") == "Carrying our own tables over into default"
    assert labels.stage("publishing") == "Writing the manifest"
    assert labels.stage("copying to nas") == "Copying to nas"
    assert labels.stage("waiting to try nas") == "Trying nas again soon"
    assert labels.stage("fetching from nas") == "Fetching from nas"
    assert labels.log("10:00:00 dumping 50%s\n10:00:01 publishing") == (
        "10:00:00 Dumping 50%s\n10:00:01 Writing the manifest"
    )


def test_what_is_not_known_is_shown_as_it_is() -> None:
    assert labels.run_title("polish", "running") == "polish"
    assert labels.stage("polishing default") == "polishing default"
    assert labels.trigger("moon") == "moon"
    assert labels.signature("") == ""


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({}, "Restored"),
        ({"state": "succeeded"}, "Restored"),
        ({"state": "failed"}, "Restore: failed"),
        ({"state": "cancelled"}, "Restore: cancelled"),
    ],
)
def test_the_audit_trail_says_how_it_ended(detail: dict[str, str], said: str) -> None:
    assert labels.event_title(AuditEvent(action="restore", detail=detail)) == said
