"""Routes that make no sense are refused in a sentence; tries grow rarer and end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.conf import get_settings
from trustbackup.events import PROBLEMS, SELECTABLE, EventKind
from trustbackup.exceptions import ConfigurationError, TrustbackupError
from trustbackup.models.notification import KIND_LABELS
from trustbackup.notifications.channel import NotificationError
from trustbackup.notifications.channels.webhook import new_secret
from trustbackup.notifications.http import Address
from trustbackup.notifications.routes import read_route
from trustbackup.policy.retries import PAUSES, pause_after

SECRET = new_secret()
HOOK = {"CHANNEL": "webhook", "URL": "https://x.example/y", "SECRET": SECRET}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "There is no channel ''"),
        ({"CHANNEL": ["email"]}, "There is no channel"),
        ({**HOOK, "EVENT": []}, "Did you mean 'EVENTS'"),
        ({**HOOK, "events": []}, "Did you mean 'EVENTS'"),
        ({**HOOK, "EVENTS": []}, "hears of no event"),
        ({**HOOK, "EVENTS": ["fail"]}, "There is no event 'fail'"),
        ({**HOOK, "EVENTS": ["test"]}, "There is no event 'test'"),
        ({**HOOK, "EVENTS": "failure"}, "EVENTS is not a list"),
        ({**HOOK, "ACTIONS": ["make"]}, "There is no action 'make'"),
        ({**HOOK, "PLANS": 7}, "PLANS is not a list"),
        ({**HOOK, "ENABLED": "no"}, "ENABLED is no bool"),
        ({**HOOK, "SECRET": None}, "is no text"),
        ({**HOOK, "SECRET": "whsec_short"}, "24 to 64 bytes"),
        ({**HOOK, "SECRET": "env:NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE can't be read"),
        ({**HOOK, "URL": ""}, "it is blank"),
        ({**HOOK, "URL": "ftp://x.example/"}, "does not begin with https://"),
        ({**HOOK, "URL": "https:///x"}, "names no host"),
        ({**HOOK, "URL": "https://x.example:99999/"}, "host or port is not valid"),
        ({**HOOK, "URL": "https://a:b@x.example/"}, "a user or a password"),
        ({**HOOK, "URL": "https://x.example/a b"}, "has a space"),
        ({"CHANNEL": "email", "ADDRESSES": ["nobody"]}, "'nobody' is no email address"),
        ({"CHANNEL": "email", "ADDRESSES": "a@x.example"}, "not a list of texts"),
        ({"CHANNEL": "email", "ADMINS": False}, "has no recipient"),
        ({"CHANNEL": "email", "USERS": ["u"] * 21}, "too many recipients"),
        ({"CHANNEL": "apprise", "URL": "json://127.0.0.1"}, "json:// is not among those"),
        ({"CHANNEL": "apprise", "URL": "syslog://"}, "not of the form"),
        ({"CHANNEL": "apprise", "URL": "discord://1/2?template=/etc/passwd"}, "'template' is not"),
    ],
)
def test_a_route_that_makes_no_sense_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(TrustbackupError, match=said):
        read_route("ops", values).open()


@pytest.mark.parametrize("value", [[], {"a": []}, {"": HOOK}, {7: HOOK}, "email"])
def test_a_setting_of_another_shape_is_refused(value: Any, settings: Any) -> None:
    settings.TRUSTBACKUP = {"NOTIFICATIONS": value}
    with pytest.raises(ConfigurationError, match="NOTIFICATIONS"):
        get_settings()


def test_every_kind_has_a_name_and_every_problem_is_one() -> None:
    assert list(KIND_LABELS) == list(EventKind)
    assert set(SELECTABLE) | {EventKind.TEST} == set(EventKind)
    assert set(SELECTABLE) > PROBLEMS


@given(tries=st.integers(), jitter=st.floats(0, 1))
def test_tries_grow_rarer_and_end(tries: int, jitter: float) -> None:
    pause = pause_after(tries, jitter=jitter)
    assert (pause is None) is not (1 <= tries <= len(PAUSES))
    if pause is not None:
        assert timedelta(0) < pause < PAUSES[-1] * 1.2
        before = pause_after(tries - 1)
        assert before is None or before < pause


def _parsed(url: str) -> tuple[str, Address | None]:
    try:
        return "", Address.parse(url)
    except NotificationError as error:
        return str(error), None


@given(st.text())
def test_an_address_is_used_or_refused_and_never_said_again(text: str) -> None:
    url = f"https://x.example/{text}canary"
    problem, address = _parsed(url)
    if address is None:
        assert problem
        assert "canary" not in problem
    else:
        assert address.shown == "https://x.example"
        assert "canary" not in repr(address)
        assert address.target.isascii()


@pytest.mark.parametrize(
    ("url", "suffix", "target"),
    [
        ("https://hc.example/ping/1", "/start", "/ping/1/start"),
        ("https://hc.example/ping/1/", "/start", "/ping/1/start"),
        ("https://hc.example/ping/1?create=1", "/fail", "/ping/1/fail?create=1&rid=7"),
        ("https://hc.example", "", "/?rid=7"),
    ],
)
def test_a_ping_says_how_it_went_behind_the_path(url: str, suffix: str, target: str) -> None:
    query = "rid=7" if "rid" in target else ""
    assert Address.parse(url).with_suffix(suffix, query).target == target
