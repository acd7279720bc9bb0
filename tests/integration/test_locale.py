"""The pages in German and Turkish: nothing that the English page says is left on them.

Each page is asked for in every language; a text that is the same in English and in another
language is a name, a number, or was forgotten.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.backups import make
from tests.support.catalogues import LANGUAGES, Catalogue, committed, messages_of_the_code
from tests.support.restores import drill
from tests.support.sites import new_sqlite_site

SHOWN = ("title", "aria-label", "placeholder", "alt", "data-label", "data-all", "data-count")
NAMES = {
    *("default", "operator", "not-there", "disk", "bare", "nas", "min"),
    *("gzip", "zstd", "bzip2", "zip", "sqlite", "trustbackup"),
    *("django", "python", "dbbackup", "nightly", "far", "burnt", "Plan", "UTC"),
    *("COMPLIANCE", "GOVERNANCE", "path", "virtual", "file", "Deutsch", "Türkçe"),
    *("ADMINS", "ops", "jsonl", "json", "xml", "yaml"),
}
"""What is called the same in every language: names of things, and what the test calls so."""
FACTS = re.compile(
    r"sha256sum|SQLite \d|\(command\)$|^file:///nowhere|\((?:admin|sessions|shop)\)$"
)
"""Commands to type, versions, who ran a command, the error of a destination, and how some apps call
themselves."""

SCRIPT = """
from django.test.utils import override_settings
from tests.support.task_backends import IMMEDIATE
override_settings(TASKS={"trustbackup": IMMEDIATE}).enable()  # a page shows what its run found
import json, os, socket
from datetime import UTC, datetime, timedelta
from django.contrib.auth.models import Permission, User
from django.test import Client
from trustbackup.events import EventKind
from trustbackup.models import (
    AuditEvent, Copy, Delivery, Destination, Plan, PlanDue, Route, Run)

made = json.loads(MADE)
root = "/settings/backups/"
now = datetime.now(UTC)
operator = User.objects.create_superuser("operator", password="a password")
passerby = User.objects.create_user("passerby")
ours = {"host": socket.gethostname(), "process": os.getpid(), "actor": "operator"}
outcome = {"backup": made[0], "databases": [
    {"alias": "default", "strategy": strategy, "previous": "shop_old", "undo": made[0]}
    for strategy in ("swap", "in place", "into")
]}
def run(verb, state, **more):
    ended = None if state in ("waiting", "running") else now
    return Run.objects.create(
        action=verb, state=state, started=now - timedelta(hours=3), finished=ended, **ours, **more)
ended = run("restore", "succeeded", target=made[0], outcome=outcome, log="10:00:00 publishing")
for verb in ACTIONS:
    for state in ("succeeded", "failed", "cancelled", "partial"):
        run(verb, state)
        AuditEvent.objects.create(
            at=now, actor="operator", action=verb, target=made[0], detail={"state": state})
going = run("create", "running", stage="dumping default", stage_began=now, heartbeat=now,
            done=2_500_000, total=5_000_000,
            log="\\n".join(f"10:00:00 {stage} default" for stage in STAGES))

for name, options in (("disk", {"path": "/nowhere/copies"}), ("bare", {})):
    row = Destination.objects.create(name=name, kind="folder", options=options)
    for identifier, state in zip(made, ("verified", "failed")):
        Copy.objects.create(identifier=identifier, destination=row, state=state, changed=now)
Destination.objects.create(
    name="nas", kind="sftp", options={"host": "127.0.0.1", "user": "operator"}, succeeded_at=now)

Destination.objects.create(name="far", kind="folder", automatic=False)
Plan.objects.create(
    name="nightly", schedule="30 4 * * 1-5", excluded=["django_session"], destinations=["burnt"],
    retention={"last": 3, "days": 2, "size_limit": 10**9}, drill={"every": 7, "days": 7},
    destination_retention={"far": {"hourly": 1, "daily": 1, "weekly": 1, "yearly": 1}},
)
Plan.objects.create(name="far", schedule="0 0 30 2 *")
PlanDue.objects.create(plan="nightly", due=now, at=now, state="skipped")
Run.objects.create(action="create", plan="nightly", state="partial", started=now, finished=now)
for action in ("add plan", "change plan", "switch on plan", "switch off plan", "delete plan"):
    AuditEvent.objects.create(at=now, actor="operator", action=action, target="nightly")
every = [kind for kind in EventKind if kind != "test"]
Route.objects.create(
    name="ops", channel="email", events=every[:-1], plans=["nightly", "burnt"], language="de",
    actions=["create"], options={"addresses": ["operator@localhost"]})
Route.objects.create(name="far", channel="email", events=every, enabled=False)
for number, state in enumerate(("waiting", "sending", "sent", "failed")):
    Delivery.objects.create(
        route="ops", key=f"k{number}", kind=every[number], at=now, state=state, tries=number + 1,
        next_try=now)
def client(language, user):
    found = Client(SERVER_NAME="localhost", headers={"Accept-Language": language})
    found.force_login(user)
    return found

pages = {}
for language in LANGUAGES:
    here, stranger = client(language, operator), client(language, passerby)
    def post(where, /, **data):
        return here.post(root + where, data)
    restore = f"backup/{made[-1]}/restore/"
    asked = {
        "list": here.get(root),
        "filtered": here.get(root + "?text=nothing&since=2026-01-01"),
        "by size": here.get(root + "?sort=size"),
        "drilled": here.get(root + f"backup/{made[0]}/"),
        "second": here.get(root + f"backup/{made[1]}/"),
        "unverified": here.get(root + "backup/2026-01-01_00-00-00/"),
        "restore": here.get(root + restore),
        "restore drilled": here.get(root + f"backup/{made[0]}/restore/"),
        "wrong": post(restore, typed="x", password="y"),
        "activity": here.get(root + "runs/"),
        "no run": here.get(root + "runs/?state=waiting&verb=undo"),
        "going": here.get(root + f"runs/{going.pk}/"),
        "ended": here.get(root + f"runs/{ended.pk}/"),
        "destinations": here.get(root + "destinations/"),
        **{kind: here.get(root + f"destinations/add/{kind}/")
           for kind in ("folder", "sftp", "s3", "storage")},
        "nas": here.get(root + "destinations/nas/"),
        "wrong destination": post("destinations/add/sftp/", save="1"),
        "tested": post("destinations/add/folder/", name="x", path="/nowhere/x",
                       test_connection="1"),
        "plans": here.get(root + "plans/"),
        "plan": here.get(root + "plan/nightly/"),
        "odd plan": here.get(root + "plan/far/"),
        "new plan": here.get(root + "plans/add/"),
        "change plan": here.get(root + "plan/nightly/change/"),
        "wrong plan": post("plans/add/", **{"when-repeat": "hourly", "keep-keep": "rules"}),
        "look at times": post("plans/add/", look="1", **{"when-repeat": "cron"}),
        "delete plan": post("plan/nightly/delete/"),
        "retention": here.get(root + "plans/retention/?plan=nightly"),
        "all retention": here.get(root + "plans/retention/"),
        "notifications": here.get(root + "notifications/"),
        **{channel: here.get(root + f"notifications/add/{channel}/")
           for channel in ("email", "webhook", "ping", "apprise")},
        "notification": here.get(root + "notification/ops/"),
        "no notification yet": here.get(root + "notification/off/"),
        "change notification": here.get(root + "notification/ops/change/"),
        "wrong notification": post("notifications/add/webhook/", save="1"),
        "wrong name of one": post("notifications/add/email/", events="late", name="ops"),
        "delete notification": post("notification/ops/delete/"),
        "upload": here.get(root + "upload/"),
        "delete": post("delete/", selected=[*made, "not-there"]),
        "no action": post("act/polish/"),
        "no format": post("bundle/rar/"),
        "no file": here.get(root + "download/no-file/"),
        "no run either": post("runs/00000000-0000-0000-0000-000000000000/cancel/"),
        "not allowed": stranger.get(root),
    }
    pages[language] = {name: answer.content.decode() for name, answer in asked.items()}
    for name, path, data in (
        ("no button", "", {}),
        ("nothing ticked", "act/keep/", {}),
        ("kept", "act/keep/", {"selected": made[0]}),
        ("last good one", "delete/", {"selected": made, "confirmed": "1"}),
        ("stopping", f"runs/{going.pk}/cancel/", {}),
    ):
        answer = here.post(root + path, data, follow=True)
        pages[language][name] = answer.content.decode()
    Run.objects.filter(pk=going.pk).update(cancel=False)
print(json.dumps(pages))
"""

EMPTY = """
import json
from django.contrib.auth.models import User
from django.test import Client
user = User.objects.create_superuser("first")
pages = {}
for language in LANGUAGES:
    client = Client(SERVER_NAME="localhost", headers={"Accept-Language": language})
    client.force_login(user)
    pages[language] = {
        name: client.get("/settings/backups/" + path).content.decode()
        for name, path in {"empty": "", "no runs": "runs/", "suggested plan": "plans/"}.items()
    }
print(json.dumps(pages))
"""

Pages = dict[str, dict[str, str]]


class Texts(HTMLParser):
    """What a person sees or hears of a page; its shell's header and footer are Django's."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page[page.index("<main") : page.index("</main>")].replace("<wbr>", ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value.strip() for name, value in attrs if name in SHOWN and value}

    def handle_data(self, data: str) -> None:
        self.found.add(" ".join(data.split()))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Every page in every language, by language and name."""
    from trustbackup.runs.work import ACTIONS
    from trustbackup.views.labels import STAGES

    def ask(script: str, **values: object) -> Pages:
        for name, value in values.items():
            script = script.replace(name, repr(value))
        found: Pages = site.manage("shell", "--verbosity", "0", "-c", script).json
        return found

    site = new_sqlite_site(tmp_path_factory.mktemp("site"))
    languages = ["en", *LANGUAGES]
    found = ask(EMPTY, LANGUAGES=languages)
    made = [make(site)["id"]]
    drill(site, made[0])
    site.query("DELETE FROM shop_orderitem")
    made.append(make(site, "--name", "2026-27")["id"])
    Path(site.backups, "backup_2026-01-01_00-00-00.dump").write_bytes(b"by hand")
    more = ask(
        SCRIPT,
        MADE=json.dumps(made),
        ACTIONS=list(ACTIONS),
        STAGES=list(STAGES),
        LANGUAGES=languages,
    )
    return {language: found[language] | more[language] for language in languages}


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return messages_of_the_code(tmp_path_factory.mktemp("messages"))


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def is_said(text: str) -> bool:
    """Whether a text has a word that is no name: ids, paths, tables and sizes are none."""
    words = [] if FACTS.search(text) else text.split()
    plain = [re.sub(r"^\W+|\W+$", "", word) for word in words]
    return any(re.fullmatch(r"[^\W\d_]{3,}", word) and word not in NAMES for word in plain)


def test_no_page_says_the_same_in_english(pages: Pages, language: str, english: Catalogue) -> None:
    alike = {text for key, text in committed(language).items() if text == english[key]}
    forgotten = {
        (name, text)
        for name, page in pages[language].items()
        for text in Texts(page).found & Texts(pages["en"][name]).found
        if text not in alike and is_said(text)
    }
    assert forgotten == set()


def test_no_message_is_left_inside_a_text(pages: Pages, language: str, english: Catalogue) -> None:
    translated = committed(language)
    sentences = [
        said
        for key, said in english.items()
        if " " in said and "%" not in said and translated[key] != said
    ]
    for name, page in pages[language].items():
        text = " ".join(Texts(page).found)
        assert not [said for said in sentences if said in text], name


def test_the_page_names_its_language(pages: Pages, language: str) -> None:
    for page in pages[language].values():
        assert f'<html lang="{language}"' in page
        assert 'lang="en"' not in page.partition("<main")[2].partition(">")[0]


def test_dates_and_sizes_are_written_as_in_the_language(pages: Pages) -> None:
    clock = r", \d\d:\d\d:\d\d UTC"
    for language, day, size in (
        ("en", r"[A-Z][a-z]+\.? \d+, \d{4}", "2.4"),
        ("de", r"\d+\. \w+ \d{4}", "2,4"),
        ("tr", r"\d+ \w+ \d{4}", "2,4"),
    ):
        assert re.search(f">{day}{clock}<", pages[language]["activity"])
        assert f"{size}\N{NO-BREAK SPACE}MB" in pages[language]["going"]
