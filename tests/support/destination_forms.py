"""A destination's form as a browser fills it in, and what the page then says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import sshd
from trustbackup.models import Destination
from trustbackup.sealing import seal_secrets

PAGES = "/settings/backups/destinations/"


CANARY = "canary-of-the-tests-7319"


def sftp_form(**changes: Any) -> dict[str, Any]:
    form = {
        "name": "nas",
        "host": "127.0.0.1",
        "port": "22",
        "user": "backup",
        "password": CANARY,
        "timeout": "20",
        "automatic": "on",
    }
    return {**form, **changes}


def form_of(server: sshd.Server, **changes: Any) -> dict[str, Any]:
    if not server.user.password:
        pytest.skip("sshd checks passwords only where root runs the tests")
    values = {
        "host": server.host,
        "port": server.port,
        "user": server.user.name,
        "password": server.user.password,
        "host_key": server.host_key(),
        "folder": "of-the-page",
    }
    return sftp_form(**{**values, **changes})


def saved(**changes: Any) -> Destination:
    options = {"host": "nas.example.com", "port": 22, "user": "backup"}
    values = {"name": "nas", "kind": "sftp", "options": options}
    sealed = seal_secrets({"password": CANARY})
    return Destination.objects.create(**{**values, "secrets": sealed, **changes})


def html(answer: Any) -> str:
    return str(answer.content.decode())


LIST = "/settings/backups/"


def said(answer: Any) -> str:
    assert answer.redirect_chain == [(LIST, 302)]
    return " ".join(str(message) for message in answer.context["messages"])
