"""Phrases: English everywhere, another language where a page shows them."""

from __future__ import annotations

import copy
import json
from datetime import timedelta

import pytest
from django.utils import translation

from trustbackup.exceptions import Busy, RestoreError, TrustbackupError
from trustbackup.models import Run
from trustbackup.phrases import MARK, Grouped, Phrase, ago, dumps, joined, loads, ngettext, one_line
from trustbackup.phrases import gettext as _
from trustbackup.views.labels import translate


def known(message: str, **values: object) -> Phrase:
    """A message that Django's own catalogue has."""
    return Phrase(message, values)


def test_a_phrase_is_an_english_text() -> None:
    phrase = _("%(count)d of %(name)r are 100%%", count=3, name="shop")
    assert phrase == "3 of 'shop' are 100%"
    assert json.loads(json.dumps({"why": phrase})) == {"why": "3 of 'shop' are 100%"}
    assert f"{phrase}!" == "3 of 'shop' are 100%!"


def test_a_phrase_without_values_is_not_filled_in() -> None:
    assert _("100 % done") == "100 % done"


def test_the_number_decides_the_form() -> None:
    assert [ngettext("%(number)d day", "%(number)d days", n) for n in (0, 1, 2)] == [
        "0 days",
        "1 day",
        "2 days",
    ]


def test_an_error_is_a_phrase_of_phrases() -> None:
    error = RestoreError(known("Yes"), why=known("No"), todo=known("Home"))
    assert str(error) == "Yes: No. Home"
    with translation.override("de"):
        assert translate(error) == "Ja: Nein. Start"


@pytest.mark.parametrize("error", [TrustbackupError(), Busy(), RestoreError(todo="Do it.")])
def test_an_error_has_a_sentence_of_its_own(error: TrustbackupError) -> None:
    assert isinstance(error.what, Phrase)
    assert str(error).startswith(f"{error.what}.")


def test_the_sentences_of_another_error_are_a_cause() -> None:
    inner = RestoreError(known("Yes"), todo=known("Home."))
    error = Busy(known("No"), why=str(inner), todo=known("Home."))
    assert str(error) == "No: Yes. Home. Home."
    assert error.sentence == "No: Yes. Home."
    with translation.override("de"):
        assert translate(Busy(known("No"), why=str(RestoreError(known("Yes"))))) == "Nein: Ja."


def test_the_lines_of_a_program_become_one() -> None:
    phrase = _("%(name)s failed", name="a  b")
    assert one_line(" it\n failed ") == "it failed"
    assert one_line(phrase) is phrase


def test_what_a_server_said_stays_as_it_is() -> None:
    with translation.override("de"):
        assert translate("No") == "No"
        assert translate(_("%(name)s", name="No")) == "No"
        assert translate("100 % %(x)s") == "100 % %(x)s"


def test_the_plural_is_that_of_the_language() -> None:
    hours = [ngettext("%(number)d hour ago", "%(number)d hours ago", n) for n in (1, 2)]
    with translation.override("de"):
        assert [translate(one) for one in hours] == ["vor 1 Stunde", "vor 2 Stunden"]
    other = Phrase("%(count)d hour ago", {"count": 2}, "%(count)d hours ago", 2)
    with translation.override("de"):
        # Another name of the number than the catalogue's: not known there, so not translated.
        assert translate(other) == "2 hours ago"


def test_thousands_are_apart_as_in_the_language() -> None:
    phrase = _("%(rows)s rows", rows=Grouped(1_234_567))
    assert phrase == "1,234,567 rows"
    assert translate(phrase) == translate(loads(dumps(phrase))) == "1,234,567 rows"
    with translation.override("de"):
        assert translate(phrase) == translate(loads(dumps(phrase))) == "1.234.567 rows"


def test_sentences_of_another_error_get_no_second_stop() -> None:
    assert str(RestoreError("It failed.")) == "It failed."
    assert str(RestoreError(_("It failed"), why=_("It is full."))) == "It failed: It is full."


def test_several_are_joined() -> None:
    with translation.override("de"):
        assert translate(joined([known("Yes"), "100 %", known("No")], ", ")) == "Ja, 100 %, Nein"
    assert joined([]) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        _("No"),
        _("%(a)s and %(b)d", a=_("Yes"), b=2),
        ngettext("%(number)d day", "%(number)d days", 5),
        joined([_("Yes"), "no"]),
        _("%(rows)s rows", rows=Grouped(12_345)),
    ],
)
def test_a_row_keeps_what_it_was_made_of(text: str) -> None:
    found = loads(dumps(text))
    assert found == text
    assert type(found) is type(text)
    if isinstance(text, Phrase) and isinstance(found, Phrase):
        assert (found.message, found.values) == (text.message, text.values)
        again = copy.deepcopy(text)  # as dataclasses.asdict makes
        assert (again, again.message, again.values) == (text, text.message, text.values)


@pytest.mark.parametrize("rest", ["", "[", "{}", "[1]", '["%(x)s", {}, "", 1]', '["a", [], "", 1]'])
def test_what_nobody_dumped_is_a_text(rest: str) -> None:
    assert str(loads(MARK + rest)) in (rest, "a", "%(x)s", "{}")


def test_a_server_can_not_make_a_phrase() -> None:
    text = MARK + '["%(x)s", {"x": 1}, "", 1]'
    assert loads(dumps(text)) == text[1:]


@pytest.mark.django_db
def test_a_run_keeps_its_error() -> None:
    from datetime import UTC, datetime

    run = Run.objects.create(action="create", started=datetime.now(UTC), error=str(Busy()))
    Run.objects.create(action="create", started=datetime.now(UTC), error="")
    found = Run.objects.exclude(error="").get()
    assert found == run
    assert found.error == str(Busy())
    assert isinstance(found.error, Phrase)


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=6.9), "6 days ago"),
        (timedelta(days=7), "1 week ago"),
        (timedelta(days=29), "4 weeks ago"),
        (timedelta(days=30), "1 month ago"),
        (timedelta(days=364), "11 months ago"),
        (timedelta(days=365), "1 year ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_ago_says_the_largest_whole_unit(age: timedelta, said: str) -> None:
    assert ago(age) == said


def test_a_row_keeps_nothing_of_no_phrases() -> None:
    assert dumps(joined([])) == ""
