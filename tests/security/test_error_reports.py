"""What was typed as a secret is not in the report of an error 500, nor is a stored one."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from tests.support.api import Caller
from tests.support.task_backends import DUMMY
from trustbackup.models import AccessToken, Destination, Route
from trustbackup.notifications.channels.webhook import new_secret
from trustbackup.operations.access_tokens import make_token
from trustbackup.operations.offsite import targets
from trustbackup.sealing import seal_secrets

pytestmark = pytest.mark.django_db

CANARY = "canary-5f1d0c7e"
PAGES = "/settings/backups/"
SFTP = {"host": "127.0.0.1", "port": "1", "user": "x", "timeout": "5", "private_key": CANARY,
        "passphrase": CANARY, "password": CANARY}  # fmt: skip
S3 = {"bucket": "b", "access_key": "a", "secret_key": CANARY, "session_token": CANARY}
HOOK = {"url": f"https://127.0.0.1:1/{CANARY}", "secret": new_secret(), "events": "late"}
REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "a new SFTP server": ("destinations/add/sftp/", {"name": "x", **SFTP, "save": "1"}),
    "an SFTP server's test": (
        "destinations/add/sftp/", {"name": "x", **SFTP, "test_connection": "1"}),
    "an SFTP server's key pair": (
        "destinations/add/sftp/", {"name": "x", **SFTP, "make_key_pair": "1"}),
    "a changed SFTP server": ("destinations/nas/", {**SFTP, "save": "1"}),
    "the test of a saved one": ("destinations/nas/test/", {}),
    "a new bucket": ("destinations/add/s3/", {"name": "x", **S3, "save": "1"}),
    "a bucket's test": ("destinations/add/s3/", {"name": "x", **S3, "test_connection": "1"}),
    "a new webhook": ("notifications/add/webhook/", {**HOOK, "name": "x", "save": "1"}),
    "a webhook's new secret": ("notifications/add/webhook/", {**HOOK, "make_secret": "1"}),
    "a changed webhook": ("notification/ops/change/", {**HOOK, "save": "1"}),
    "the list's save button": ("", {**SFTP, "save_backup_settings": "1"}),
    "the list's test button": ("", {**SFTP, "test_sftp_connection": "1"}),
    "a restore": ("backup/2026-11-20_10-00-00/restore/", {"typed": "x", "password": CANARY}),
    "an undo": ("undo/", {"restore": "x", "password": CANARY}),
}  # fmt: skip


class Odd(Exception):
    """What nobody expects."""


def fail(*_arguments: object, **_more: object) -> Any:
    raise Odd


@pytest.fixture
def operator(settings: Any, tmp_path: Path) -> Client:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    settings.TASKS = {"trustbackup": DUMMY}  # what a process of its own said would fail here
    address = "admin@example.org"
    settings.ADMINS = [address if django.VERSION >= (6, 0) else ("Admin", address)]
    (tmp_path / "backup_2026-11-20_10-00-00.dump").write_bytes(b"PGDMP")
    Destination.objects.create(
        name="nas",
        kind="sftp",
        options={"host": "127.0.0.1", "port": 1, "user": "x"},
        secrets=seal_secrets({"password": CANARY}),
    )
    Route.objects.create(
        name="ops",
        channel="webhook",
        secrets=seal_secrets({"url": HOOK["url"], "secret": HOOK["secret"]}),
    )
    user = User.objects.create_superuser("operator", password="another password")
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def mails(settings: Any) -> Any:
    # Django 6.1 asks for it; older ones have put their own backend in the place of any.
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    handler = AdminEmailHandler(include_html=True)
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


def assert_mailed_without(*secrets: str, told: str) -> None:
    """Each form of the report is there, and says none of the secrets."""
    reports = [str(sent.body) for sent in mail.outbox]
    reports += [str(item.content) for sent in mail.outbox for item in sent.alternatives]  # type: ignore[attr-defined]
    assert len(reports) == 3, "Django's own mail, and one with HTML"
    for report in reports:
        assert "Odd" in report, told
        for secret in secrets:
            assert secret not in report, told


FAILURES = [
    "trustbackup.views.base.Page._respond",
    "trustbackup.views.base.Page.get_context_data",
    "django.forms.fields.CharField.clean",
    "django.forms.forms.BaseForm.full_clean",
    "trustbackup.vault.Vault.seal",
    "trustbackup.vault.Vault.unseal",
    "trustbackup.vault.resolve",
    "trustbackup.models.Destination.save",
    "trustbackup.operations.offsite.connection_test.steps_of",
    "trustbackup.views.responses.record_event",
    "trustbackup.views.responses.start",
    "django.contrib.auth.hashers.verify_password",
]
"""Functions on the way of a request, which fail one after the other."""


@pytest.mark.parametrize("what", REQUESTS)
def test_case_t3_a_secret_is_not_in_the_mail_of_an_error(
    operator: Client, mails: None, what: str
) -> None:
    path, data = REQUESTS[what]
    failed = []
    for function in FAILURES:
        mail.outbox.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(function, fail)
            answer = operator.post(PAGES + path, data)
        if answer.status_code == 500:
            failed.append(function)
            assert_mailed_without(CANARY, HOOK["secret"], told=function)
    assert len(failed) >= 2, "nothing failed: the list above is out of date"


API_REQUESTS: dict[str, dict[str, str]] = {
    "backups/2026-11-20_10-00-00/restore/": {"confirm": "x", "password": CANARY},
    "undo/": {"confirm": "x", "password": CANARY},
    "backups/": {"name": CANARY},
}
API_FAILURES = [
    "trustbackup.api.authentication.authenticate",
    "trustbackup.api.authentication.address_of",
    "trustbackup.operations.access_tokens.is_well_formed",
    "trustbackup.operations.access_tokens._digest",
    "trustbackup.operations.access_tokens.account_of",
    "trustbackup.models.AccessToken.is_over",
    "trustbackup.api.base.has_right",
    "trustbackup.api.base.record_call",
    "trustbackup.api.parsing.BoundedJsonParser.parse",
    "rest_framework.fields.CharField.run_validation",
    "trustbackup.api.starting.once",
    "trustbackup.api.idempotency.salted_hmac",
    "trustbackup.api.starting.start",
]


@pytest.mark.parametrize("path", API_REQUESTS)
def test_case_t3_a_token_is_not_in_the_mail_of_an_error_of_the_api(
    operator: Client, mails: None, path: str
) -> None:
    token, _row = make_token("t", "operator", AccessToken.Scope.values)
    by = Caller(token, Client(raise_request_exception=False))
    failed = []
    for function in API_FAILURES:
        mail.outbox.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(function, fail)
            key = {"Idempotency-Key": function}
            status = by.call("POST", f"{PAGES}api/v1/{path}", API_REQUESTS[path], **key)[0]
        if status == 500:
            failed.append(function)
            assert_mailed_without(CANARY, token, told=function)
    assert len(failed) >= 10, "too little failed: the list above is out of date"


def failed_call(call: Callable[[], object]) -> str:
    """The report of an error that a worker would send."""
    try:
        call()
    except Odd:
        return ExceptionReporter(None, *sys.exc_info()).get_traceback_html()
    raise AssertionError("it did not fail")


@pytest.mark.parametrize("name", ["open", "configure"])
def test_case_t3_a_stored_secret_is_not_in_the_report_of_a_run(
    operator: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("trustbackup.destinations.kind.DestinationKind." + name, fail)
    ref = targets.find_destination("nas")
    page = failed_call(ref.open)
    assert "Odd" in page
    assert CANARY not in page
