"""The words of rows and runs, as the pages say them."""

from __future__ import annotations

import pytest

from trustbackup.models import AuditEvent
from trustbackup.runs.work import VERBS
from trustbackup.views import words


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_a_run_has_its_words(verb: str) -> None:
    said = {words.run_title(verb, state) for state in ("running", "succeeded", "failed")}
    assert len(said) == 3
    assert verb not in said


def test_a_stage_is_said_with_what_it_names() -> None:
    assert words.stage("dumping default") == "Dumping default"
    assert words.stage("carrying over default") == "Carrying our own tables over into default"
    assert words.stage("publishing") == "Writing the manifest"
    assert words.stage("copying to nas") == "Copying to nas"
    assert words.stage("waiting to try nas") == "Trying nas again soon"
    assert words.stage("fetching from nas") == "Fetching from nas"
    assert words.log("10:00:00 dumping 50%s\n10:00:01 publishing") == (
        "10:00:00 Dumping 50%s\n10:00:01 Writing the manifest"
    )


def test_what_is_not_known_is_shown_as_it_is() -> None:
    assert words.run_title("polish", "running") == "polish"
    assert words.stage("polishing default") == "polishing default"
    assert words.trigger("moon") == "moon"
    assert words.signature("") == ""


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
    assert words.event_title(AuditEvent(action="restore", detail=detail)) == said
