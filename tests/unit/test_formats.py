"""Times, durations and changes, as they are said in each language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from trustbackup.policy.anomalies import Change
from trustbackup.views import formats


@pytest.mark.parametrize(
    ("language", "days", "said"),
    [
        ("en", 0, "just now"),
        ("en", 1, "1 day ago"),
        ("en", 3, "3 days ago"),
        ("de", 1, "vor 1 Tag"),
        ("de", 3, "vor 3 Tagen"),
        ("de", 14, "vor 2 Wochen"),
        ("tr", 1, "1 gün önce"),
        ("tr", 3, "3 gün önce"),
    ],
)
def test_ago_is_a_whole_phrase(language: str, days: int, said: str) -> None:
    with translation.override(language):
        text = formats.ago(datetime.now(UTC) - timedelta(days=days))
    assert text.replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Nov. 5, 2026, 02:15:33 UTC"),
        ("de", "5. November 2026, 02:15:33 UTC"),
        ("tr", "05 Kasım 2026, 02:15:33 UTC"),  # noqa: RUF001
    ],
)
def test_a_moment_has_seconds_and_a_time_zone(language: str, said: str) -> None:
    with translation.override(language):
        assert formats.moment(datetime(2026, 11, 5, 2, 15, 33, tzinfo=UTC)) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["0.40 s", "9.5 s", "12 s", "3 min 20 s", "1 h 5 min"]),
        ("de", ["0,40 s", "9,5 s", "12 s", "3 min 20 s", "1 h 5 min"]),
        ("tr", ["0,40 sn", "9,5 sn", "12 sn", "3 dk 20 sn", "1 sa 5 dk"]),
    ],
)
def test_a_duration_has_the_languages_decimals_and_units(language: str, said: list[str]) -> None:
    with translation.override(language):
        assert [formats.took(seconds) for seconds in (0.4, 9.5, 12, 200, 3900)] == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            ["+1,234 (+12 %)", "\N{MINUS SIGN}9 (\N{MINUS SIGN}90 %)", "+1", "=", "new", "gone"],
        ),
        (
            "de",
            [
                "+1.234 (+12 %)",
                "\N{MINUS SIGN}9 (\N{MINUS SIGN}90 %)",
                "+1",
                "=",
                "neu",
                "nicht mehr da",
            ],
        ),
        (
            "tr",
            [
                "+1.234 (%+12)",
                "\N{MINUS SIGN}9 (%\N{MINUS SIGN}90)",
                "+1",
                "=",
                "yeni",
                "artık yok",  # noqa: RUF001
            ],
        ),
    ],
)
def test_a_change_has_the_languages_numbers(language: str, said: list[str]) -> None:
    rows = [(10_000, 11_234), (10, 1), (0, 1), (5, 5), (None, 5), (5, None)]
    changes = [Change(table="t", before=before, now=now) for before, now in rows]
    with translation.override(language):
        assert [formats.changed(change) for change in changes] == said
