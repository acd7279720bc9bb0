"""Never a 500: what the pages answer while the database does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.backups import make, more_settings
from tests.support.catalogues import LANGUAGES, committed
from tests.support.sites import Result, Site

ROOT = "/settings/backups/"
RUN = "00000000-0000-0000-0000-000000000007"
PATHS = ("", f"runs/{RUN}/", f"runs/{RUN}/progress/", "runs/", "destinations/", "upload/")
ACTIVITY = f"{ROOT}runs/"
SENTENCE = "The database does not answer at this moment"

SETTINGS = """
TEMPLATES[0]["OPTIONS"]["context_processors"].append("eager.who")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"level": {"format": "%(levelname)s %(message)s"}},
    "handlers": {"terminal": {"class": "logging.StreamHandler", "formatter": "level"}},
    "root": {"handlers": ["terminal"]},
}
"""
EAGER = """
from __future__ import annotations
def who(request):
    return {"who": request.user.get_username()}
"""
"""A context processor of a site's own, which no page can do without a database for."""

BEGIN = """
import json
from django.contrib.auth.models import User
from django.db import close_old_connections, connection
from django.test import Client
from trustbackup.models import Run

user = User.objects.create_superuser("operator", password="a password")
Run.objects.create(id=RUN, action="restore", state="succeeded", started="2026-11-20T10:00:00Z")

def signed_in(language="en"):
    client = Client(
        SERVER_NAME="localhost", raise_request_exception=False,
        headers={"Accept-Language": language})
    client.force_login(user)
    return client

def said(answer):
    names = ("Refresh", "Retry-After", "Cache-Control")
    headers = {name: answer.headers.get(name) for name in names}
    return {"status": answer.status_code, "text": answer.content.decode(), **headers}

client = signed_in()
"""

POSTGRESQL = """
import psycopg
admin = psycopg.connect(ADMIN, autocommit=True)

def close():
    admin.execute(f'ALTER DATABASE "{NAME}" ALLOW_CONNECTIONS false')
    admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [NAME])
"""

SWAP = """
before, languages = signed_in(), {language: signed_in(language) for language in LANGUAGES}
assert before.get(ROOT).status_code == 200  # its session is ended now
close()
found = {
    "ended": said(before.get(ROOT)),
    "asked": {path: said(client.get(ROOT + path)) for path in PATHS},
    "query": said(client.get(ROOT + "runs/?state=failed")),
    "sent": said(client.post(ROOT + "act/keep/", {"selected": ["2026-11-20_10-00-00"]})),
    "languages": {
        language: said(client.post(ROOT)) for language, client in languages.items()},
}
admin.execute(f'ALTER DATABASE "{NAME}" ALLOW_CONNECTIONS true')
found["after"] = {path: client.get(ROOT + path).status_code for path in PATHS}
admin.close()
print(json.dumps(found))
"""

EACH_QUERY = """
def ended_at(query):
    count = 0
    def wrapper(execute, *arguments):
        nonlocal count
        count += 1
        if count == query:
            pid = connection.connection.info.backend_pid
            assert admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone()[0]
        return execute(*arguments)
    return wrapper, lambda: count >= query

def statuses(ask):
    found = []
    while True:
        close_old_connections()  # as Django does between requests; its test client does not
        wrapper, was_ended = ended_at(len(found) + 1)
        with connection.execute_wrapper(wrapper):
            answer = ask()
        if not was_ended():
            assert answer.status_code < 400
            return found
        found.append(answer.status_code)

found = {path: statuses(lambda: client.get(ROOT + path)) for path in PATHS}
found["keep"] = statuses(lambda: client.post(ROOT + "act/keep/", {"selected": [MADE]}))
admin.close()
print(json.dumps(found))
"""

SQLITE = """
import sqlite3
found = {}
other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
other.execute("BEGIN EXCLUSIVE")
found["locked"] = said(client.get(ROOT))
other.execute("ROLLBACK")
found["free"] = said(client.get(ROOT))
other.execute("DROP TABLE trustbackup_run")
found["broken"] = said(client.get(ROOT))
other.close()
print(json.dumps(found))
"""


def ask(site: Site, *scripts: str, **values: object) -> tuple[Any, Result]:
    given = {"RUN": RUN, "ROOT": ROOT, "PATHS": PATHS, **values}
    code = "\n".join([*(f"{name} = {value!r}" for name, value in given.items()), BEGIN, *scripts])
    result = site.manage("shell", "--no-imports", "-c", code)
    return result.json, result


def assert_page(answer: dict[str, Any]) -> None:
    """A 503 of ours, with nothing in it that a user, a session or a script is needed for."""
    assert answer["status"] == 503
    assert answer["Retry-After"] == "2"
    assert answer["Cache-Control"] == "no-store"
    assert '<main class="tb">' in answer["text"]
    for word in ("Traceback", "Error", "operator", "<script", "<form", "style="):
        assert word not in answer["text"], word


@pytest.fixture(params=[False, True], ids=["", "atomic-requests"])
def swapped(request: pytest.FixtureRequest, postgres_site: Site) -> Iterator[tuple[Any, Result]]:
    """What the pages answer while a swap keeps everybody out, and the command that asked."""
    site = postgres_site
    assert site.database
    atomic = f"DATABASES['default']['ATOMIC_REQUESTS'] = {request.param}"
    more_settings(site, f"{SETTINGS}{atomic}")
    (site.home / "eager.py").write_text(EAGER)
    cluster, name = site.database.cluster, site.database.name
    try:
        yield ask(
            site,
            POSTGRESQL,
            SWAP,
            NAME=name,
            ADMIN=cluster.url("postgres").replace("postgres:", "postgresql:", 1),
            LANGUAGES=LANGUAGES,
        )
    finally:
        cluster.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_a_page_says_so_and_asks_again_until_the_database_answers(
    swapped: tuple[Any, Result],
) -> None:
    found, result = swapped
    for answer in (found["ended"], found["query"], *found["asked"].values()):
        assert_page(answer)
        assert SENTENCE in answer["text"]
        assert answer["Refresh"] == "2"
    assert f'href="{ACTIVITY}?state=failed"' in found["query"]["text"]
    assert found["after"] == dict.fromkeys(PATHS, 200)

    # What was sent is not sent again.
    assert_page(found["sent"])
    assert "it is not known whether what you asked for was begun" in found["sent"]["text"]
    assert found["sent"]["Refresh"] == f"6; url={ACTIVITY}"
    assert f'href="{ACTIVITY}"' in found["sent"]["text"]
    for language, answer in found["languages"].items():
        assert_page(answer)
        assert f'<html lang="{language}">' in answer["text"]
        assert SENTENCE not in answer["text"]
        assert str(committed(language)["The database does not answer"]) in answer["text"]

    # One line each, and nothing that is mailed to ADMINS.
    lines = result.stderr.splitlines()
    assert len(lines) == len(PATHS) + 3 + len(LANGUAGES)
    for line in lines:
        assert re.fullmatch(r"WARNING /settings/\S+ was not shown: the database .+\)", line)


def test_it_does_not_matter_which_query_finds_the_session_ended(postgres_site: Site) -> None:
    assert postgres_site.database
    url = postgres_site.database.cluster.url("postgres")
    found, _result = ask(
        postgres_site,
        POSTGRESQL,
        EACH_QUERY,
        NAME=postgres_site.database.name,
        ADMIN=url.replace("postgres:", "postgresql:", 1),
        MADE=make(postgres_site)["id"],
    )
    kept = found.pop("keep")
    assert kept
    assert set(kept) <= {302, 503}
    for path, statuses in found.items():
        assert statuses
        assert set(statuses) == {503}, path


def test_a_locked_sqlite_is_waited_for_and_a_broken_one_is_not(sqlite_site: Site) -> None:
    options = {"timeout": 0.2, "init_command": "PRAGMA journal_mode = DELETE"}
    more_settings(sqlite_site, f"DATABASES['default']['OPTIONS'] = {options}")
    found, _result = ask(sqlite_site, SQLITE)
    assert_page(found["locked"])
    assert found["free"]["status"] == 200
    assert found["broken"]["status"] == 409
    assert SENTENCE not in json.dumps(found["broken"])
    assert "Run migrate" in found["broken"]["text"]
