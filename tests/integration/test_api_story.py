"""The whole story over HTTP alone, on each engine: back up, prove, lose rows, restore, undo."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.support.api_server import Program, new_token, serving
from tests.support.backups import more_settings
from tests.support.sites import Site

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


@pytest.fixture
def program(any_site: Site) -> Iterator[Program]:
    more_settings(any_site, HOSTILE)
    token = new_token(any_site)
    with serving(any_site) as address:
        yield Program(address, token)


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
