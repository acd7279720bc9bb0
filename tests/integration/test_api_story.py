"""The whole story over HTTP alone, on each engine: back up, prove, lose rows, restore, undo."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.backups import more_settings, wait_for
from tests.support.sites import Site

USER = """
from django.contrib.auth.models import User
User.objects.create_superuser("robot")
"""

HOSTILE = """
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.StaticHTMLRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "DEFAULT_SCHEMA_CLASS": "rest_framework.schemas.openapi.AutoSchema",
    "ALLOWED_VERSIONS": ["7"],
    "DEFAULT_VERSION": "7",
    "DATETIME_FORMAT": "%d.%m.%y",
    "DATE_INPUT_FORMATS": ["%d.%m.%y"],
    "EXCEPTION_HANDLER": "nobody.has.It",
    "NON_FIELD_ERRORS_KEY": "nonsense",
    "PAGE_SIZE": 1,
    "STRICT_JSON": False,
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": "wait",
}
SPECTACULAR_SETTINGS = {"TITLE": "another", "SCHEMA_PATH_PREFIX": "/nonsense"}
"""
"""What a site may say of its own views, and none of it of ours."""


class Program:
    """Knows an address and a token."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(
            f"{self.address}/settings/backups/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def ask(self, path: str) -> Any:
        """What a 200 holds; while the database is swapped, it is asked again."""
        found: list[Any] = []

        def answered() -> bool:
            status, headers, body = self.call("GET", path)
            if status == 503:
                assert int(headers["Retry-After"]) > 0
                return False
            assert status == 200, body
            found.append(json.loads(body))
            return True

        wait_for(answered)
        return found[0]

    def follow(self, method: str, path: str, body: Any, **headers: str) -> dict[str, Any]:
        """The run that this starts, at its end."""
        status, _headers, told = self.call(method, path, body, **headers)
        assert status == 202, told
        ended: list[dict[str, Any]] = []

        def over() -> bool:
            run = self.ask(f"runs/{json.loads(told)['id']}/")
            ended.append(run)
            return run["state"] not in ("waiting", "running")

        wait_for(over)
        assert ended[-1]["state"] == "succeeded", ended[-1]
        return ended[-1]


@contextlib.contextmanager
def serving(site: Site) -> Iterator[str]:
    """The site behind Django's own server; its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = site.start("runserver", f"127.0.0.1:{port}", "--noreload")

    def answers() -> bool:
        assert process.poll() is None, process.communicate()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
            return True
        return False

    try:
        wait_for(answers)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


@pytest.fixture
def program(any_site: Site) -> Iterator[Program]:
    more_settings(any_site, HOSTILE)
    any_site.manage("shell", "--no-imports", "-c", USER)
    scopes = ("read", "create", "download", "restore", "manage")
    asked = [word for scope in scopes for word in ("--scope", scope)]
    made = any_site.manage("backup_token", "make", "story", "--user", "robot", *asked)
    with serving(any_site) as address:
        yield Program(address, made.stdout.strip())


def test_a_program_backs_up_proves_restores_and_undoes(any_site: Site, program: Program) -> None:
    def orders() -> int:
        return int(any_site.query("SELECT count(*) FROM shop_order")[0][0])

    before = orders()
    assert before
    status, headers, told = program.call("GET", "backups/", Authorization="none")
    assert (status, headers["Content-Type"]) == (401, "application/problem+json")
    assert json.loads(told)["code"] == "not_authenticated"
    status, _headers, told = program.call("GET", "backups/?since=20.11.26")
    assert (status, list(json.loads(told)["errors"])) == (400, ["since"])
    assert program.ask("schema/")["info"]["title"] == "trustbackup"
    key = {"Idempotency-Key": "before-deploy"}
    made = program.follow("POST", "backups/", {"name": "before deploy"}, **key)
    where = f"backups/{made['backup']}/"
    drilled = program.follow("POST", f"{where}verify/", {"drill": True})
    assert drilled["action"] == "drill"
    detail = program.ask(where)
    assert (detail["drilled_ok"], detail["name"]) == (True, "before deploy")
    assert datetime.fromisoformat(detail["created"]).utcoffset() == timedelta(0)
    [part] = detail["parts"]
    _status, _headers, data = program.call("GET", f"{where}files/default/")
    assert hashlib.sha256(data).hexdigest() == part["sha256"]
    any_site.manage(
        *("shell", "--no-imports", "-c"),
        "from webshop.shop.models import Order; Order.objects.all().delete()",
    )
    assert orders() == 0
    plan = program.ask(f"{where}plan/")
    assert (plan["refusals"], plan["backup"]) == ([], made["backup"])
    status, _headers, told = program.call("POST", f"{where}restore/", {"confirm": "another"})
    assert (status, json.loads(told)["code"]) == (409, "not_confirmed")
    assert orders() == 0
    confirm = {"confirm": plan["confirm"]}
    again = {"Idempotency-Key": "back"}
    restored = program.follow("POST", f"{where}restore/", confirm, **again)
    assert orders() == before
    status, _headers, told = program.call("POST", f"{where}restore/", confirm, **again)
    assert json.loads(told)["id"] == restored["id"]
    undone = program.follow("POST", "undo/", {**confirm, "restore": restored["undo"]})
    assert undone["action"] == "undo"
    assert orders() == 0
    runs = program.ask("runs/?action=restore")
    assert [run["id"] for run in runs["results"]] == [restored["id"]]
