"""A notification's form: tried out before it is saved, refused at its field, secrets go in only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db.models.signals import pre_save
from django.test import Client

from tests.support.listener import Listener
from tests.support.mailbox import Mailbox
from tests.support.notification_pages import (
    CANARY,
    LIST,
    ROOT,
    errors,
    form,
    html,
    page,
    press,
    said,
    webhook,
)
from tests.support.notifications import SECRET, hook
from trustbackup.models import AuditEvent, Plan, Route, Run
from trustbackup.notifications.routes import spec_of
from trustbackup.sealing import unseal_secrets

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("notifying", "runs_at_once"),
]


def test_an_email_is_set_up_changed_switched_and_deleted(
    operator: Client, mailbox: Mailbox, django_user_model: Any
) -> None:
    django_user_model.objects.create_user("grace", "grace@shop.example")
    Plan.objects.create(name="nightly")
    assert "Encrypted ones alone" in page(operator, "notifications/add/email/")
    values = form(
        users="grace\n\n grace ",
        addresses="ops@shop.example\nteam@shop.example",
        plans=["nightly"],
        actions=["create"],
        language="de",
    )
    answer = operator.post(f"{LIST}add/email/", values)
    assert (answer.status_code, answer.url) == (302, f"{ROOT}notification/ops/")
    row = Route.objects.get()
    assert (row.channel, row.enabled, row.secrets) == ("email", True, "")
    assert row.options == {
        "admins": False,
        "users": ["grace"],
        "addresses": ["ops@shop.example", "team@shop.example"],
        "attach_limit": 0,
    }
    assert (row.events, row.plans) == (["failure", "late"], ["nightly"])
    assert (row.actions, row.language) == (["create"], "de")
    shown = operator.get(f"{ROOT}notification/ops/change/").context["form"]
    sent_back = {field.html_name: field.value() for field in shown if field.value()}
    assert sent_back.pop("users") == "grace"
    assert operator.post(f"{ROOT}notification/ops/change/", {**sent_back, "users": "grace"}).url
    row.refresh_from_db()
    assert row.options["addresses"] == ["ops@shop.example", "team@shop.example"]
    assert (row.events, row.actions, row.language) == (["failure", "late"], ["create"], "de")
    assert "grace, ops@shop.example, team@shop.example" in said(press(operator, "test", "ops"))
    assert sorted(mailbox.recipients()) == [
        "grace@shop.example",
        "ops@shop.example",
        "team@shop.example",
    ]
    assert "nobody hears by it" in said(press(operator, "switch", "ops", off="1"))
    assert not spec_of(Route.objects.get()).enabled
    assert "is on" in said(press(operator, "switch", "ops", on="1"))
    asked = press(operator, "delete", "ops")
    assert "are forgotten" in html(asked)
    assert Route.objects.exists()
    press(operator, "delete", "ops", confirmed="1")
    assert not Route.objects.exists()
    trail = AuditEvent.objects.exclude(action="test notification").order_by("at")
    assert list(trail.values_list("action", "target", "actor")) == [
        (f"{action} notification", "ops", "operator")
        for action in ("add", "change", "change", "change", "delete")
    ]


def test_a_webhook_is_tried_out_before_it_is_saved_and_its_secrets_go_in_only(
    operator: Client, listener: Listener
) -> None:
    listener.answers = [503]
    add = f"{LIST}add/webhook/"
    answer = operator.post(add, webhook(listener, test="1"))
    assert answer.status_code == 200
    assert "it answers with status 503" in html(answer)
    draft = answer.context["draft"]
    # What was typed is still known, and no page says it.
    again = operator.post(add, form(draft=draft, test="1"))
    assert f"A test message was sent to {listener.url}." in html(again)
    assert [json.loads(request.body)["type"] for request in listener.requests] == [
        "backup.test"
    ] * 2
    assert not Route.objects.exists()
    draft = again.context["draft"]
    refused = operator.post(add, form(draft=draft, events=None))
    assert refused.status_code == 422
    assert "it hears of nothing" in errors(refused)
    saved = operator.post(add, form(draft=refused.context["draft"]), follow=True)
    row = Route.objects.get()
    assert unseal_secrets(row.secrets) == {"url": f"{listener.url}/{CANARY}", "secret": SECRET}
    change = f"{ROOT}notification/ops/change/"
    assert operator.post(change, form(events=["late"])).status_code == 302
    row.refresh_from_db()
    assert row.events == ["late"]
    assert unseal_secrets(row.secrets)["secret"] == SECRET, "blank keeps it"
    shown = [html(each) for each in (answer, again, refused, saved, operator.get(change))]
    shown += [page(operator), page(operator, "runs/"), page(operator, f"runs/{_newest().pk}/")]
    for text in (*shown, *map(str, Run.objects.values()), *map(str, AuditEvent.objects.values())):
        assert CANARY not in text
        assert SECRET not in text
    assert operator.post(change, form(url="ftp://x.example/")).status_code == 422


def test_an_email_that_attaches_backups_hears_of_success_and_its_limit_comes_back(
    operator: Client,
) -> None:
    add = f"{LIST}add/email/"
    values = form(addresses="ops@shop.example", attach_limit="5")
    refused = operator.post(add, values)
    assert refused.status_code == 422
    assert "let it hear of success" in errors(refused)
    for limit in ("0", "26", "a lot"):
        assert operator.post(add, {**values, "attach_limit": limit}).status_code == 422, limit
    assert not Route.objects.exists()
    assert operator.post(add, {**values, "events": ["success"]}).status_code == 302
    assert Route.objects.get().options["attach_limit"] == 5_000_000
    shown = operator.get(f"{ROOT}notification/ops/change/").context["form"]
    assert shown["attach_limit"].value() == 5


def _newest() -> Run:
    found = Run.objects.order_by("started").last()
    assert found
    return found


def test_a_secret_is_made_shown_until_it_is_saved_and_never_again(
    operator: Client, listener: Listener
) -> None:
    add = f"{LIST}add/webhook/"
    first = operator.get(add)
    made = first.context["made"]
    assert made in html(first)
    typed = {"url": f"{listener.url}/x", "name": "ops", "enabled": "on"}
    refused = operator.post(add, {**typed, "draft": first.context["draft"]})
    assert refused.status_code == 422
    assert made in html(refused)
    own = operator.post(add, {**typed, "draft": refused.context["draft"], "secret": SECRET})
    assert (own.status_code, own.context["made"]) == (422, "")
    assert made not in html(own), "it is not the one that would be used"
    other = operator.post(
        add, {**typed, "draft": refused.context["draft"], "make_secret": "1", "events": ["late"]}
    )
    assert other.context["made"] not in ("", made)
    assert other.context["form"]["events"].value() == ["late"]
    assert made not in html(other)
    made = other.context["made"]
    values = form(draft=other.context["draft"])
    assert operator.post(add, values).status_code == 302
    assert unseal_secrets(Route.objects.get().secrets)["secret"] == made
    for path in ("notification/ops/", "notification/ops/change/", "notifications/"):
        assert made not in page(operator, path)
    # Of another form's draft nothing is taken, nor of one that is over.
    lost = operator.post(add, form(name="other", draft=other.context["draft"]))
    assert lost.status_code == 422
    assert "it is not 24 to 64 bytes" in errors(lost)


@pytest.mark.parametrize(
    ("channel", "changes", "sentence"),
    [
        ("email", {"addresses": "nobody"}, "no email address"),
        ("email", {}, "has no recipient"),
        ("email", {"users": "stranger"}, "There is no active user stranger"),
        ("email", {"admins": "on"}, "The setting ADMINS is empty"),
        ("email", {"addresses": "\n".join(f"a{n}@b.example" for n in range(21))}, "too many"),
        ("webhook", {"url": "https://x.example/a", "secret": "short"}, "24 to 64 bytes"),
        ("webhook", {"url": "https://u:p@x.example/a", "secret": SECRET}, "a user or a password"),
        ("webhook", {"url": "env:NOT_SET_ANYWHERE", "secret": SECRET}, "can't be read"),
        ("ping", {"url": ""}, "it is blank"),
        ("ping", {"url": "https://x.example/\x00"}, "Null characters"),
        ("ping", {"url": "https://x.example/" + "y" * 3_000}, "at most 2000 characters"),
        ("apprise", {"url": "file:///etc/passwd"}, "can't be"),
        ("apprise", {"url": "json://127.0.0.1"}, "json:// is not among those"),
        ("ping", {"url": "https://x.example/", "events": ["nothing"]}, "nothing"),
        ("ping", {"url": "https://x.example/", "events": ["test"]}, "test"),
        ("ping", {"url": "https://x.example/", "plans": ["none"]}, "none"),
        ("ping", {"url": "https://x.example/", "actions": ["notify"]}, "notify"),
        ("ping", {"url": "https://x.example/", "language": "xx"}, "xx"),
        ("ping", {"url": "https://x.example/", "name": "of two words"}, "letters"),
        ("ping", {"url": "https://x.example/", "name": ""}, "required"),
        ("ping", {"url": "https://x.example/", "name": "x" * 51}, "50"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    operator: Client, settings: Any, channel: str, changes: dict[str, Any], sentence: str
) -> None:
    settings.ADMINS = []
    answer = operator.post(f"{LIST}add/{channel}/", form(**changes))
    assert answer.status_code == 422
    assert sentence in errors(answer)
    assert "Nothing was saved" in html(answer)
    assert not Route.objects.exists()


def test_of_two_who_save_one_name_at_once_the_later_is_told(
    operator: Client, listener: Listener
) -> None:
    def be_quicker(**_details: Any) -> None:
        pre_save.disconnect(be_quicker, Route)
        hook(listener, name="ops")

    pre_save.connect(be_quicker, Route)
    answer = operator.post(f"{LIST}add/webhook/", webhook(listener))
    assert answer.status_code == 422
    assert "already" in errors(answer)


def test_a_button_that_changes_nothing_is_not_in_the_trail(
    operator: Client, listener: Listener
) -> None:
    hook(listener)
    for data, names in (({"on": "1"}, 0), ({}, 1), ({}, 1), ({"on": "1"}, 2)):
        press(operator, "switch", "ops", **data)
        trail = AuditEvent.objects.filter(action="change notification")
        assert trail.count() == names, data
