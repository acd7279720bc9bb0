"""Failures on the pages: whatever a page says about one has been translated, but its values.

Each failure is a real one. The language is one whose letters are wide (`tests/support/pseudo.py`),
so that a sentence that lost its message on the way to the page, or one that never was a message,
stands out by its plain letters.
"""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from django.utils.dates import MONTHS

from tests.support.backups import make
from tests.support.catalogues import messages_of_the_code
from tests.support.damage import flip, sign_again
from tests.support.pseudo import left_over, narrow
from tests.support.restores import only_file
from tests.support.sites import new_sqlite_site

SHOWN = {"tb-error", "tb-active", "tb-wide", "errorlist", "messages", "field-translated_error"}
"""Classes of what says how something went."""

SCRIPT = """
from django.test.utils import override_settings
from tests.support.task_backends import IMMEDIATE
override_settings(TASKS={"trustbackup": IMMEDIATE}).enable()  # a page shows what its run found
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from tests.support.pseudo import instead_of
from trustbackup.exceptions import Cancelled
from trustbackup.models import Backup, Copy, Destination, Run
from trustbackup.operations.offsite import copy
from trustbackup.operations.backup.keep import keep_backup
from trustbackup.operations.offsite.targets import find_destination
from trustbackup.runs.execute import execute

given = json.loads(Path(GIVEN).read_text())
root, now = "/settings/backups/", datetime.now(UTC)
good, damaged, short = given["good"], given["damaged"], given["short"]
folder = Path(given["folder"])
copy.copy_backup.__kwdefaults__["pauses"] = ()  # nobody waits for a second try here
keep_backup(good)
operator = User.objects.create_superuser("operator", password="a password")
client = Client(SERVER_NAME="localhost", headers={"Accept-Language": "de"})
client.force_login(operator)

def place(name, path):
    Destination.objects.create(
        name=name, kind="folder", options={"path": str(path)}, automatic=False)
    return find_destination(name)

(folder / "disk").mkdir()
(folder / "no-folder").write_text("a file")
disk, broken = place("disk", folder / "disk"), place("broken", folder / "no-folder" / "copies")

def watcher(progress):
    raise Cancelled

def carried(action, **options):
    run = Run.objects.create(
        action=action, options=options, state="waiting", started=now, actor="operator")
    execute(run.pk)
    return root + f"runs/{run.pk}/"

def get(path, **more):
    return client.get(root + path, **more)

def post(path, /, **data):
    return client.post(root + path, data, follow=True)

def sent(*files):
    files = [SimpleUploadedFile(name, data) for name, data in files]
    return post("upload/", files=files, complete="1")

def configured(**values):
    with override_settings(TRUSTBACKUP=values):
        return get("")

try:
    copy.copy_backup(good, [disk], watcher)
except Cancelled:
    pass
copy.copy_backup(damaged, [broken])
made = {
    "verify": carried("verify", backups=[damaged, short]),
    "drill": carried("drill", backups=[damaged]),
    "create": carried("create", databases=[], name="a/b"),
    "other create": carried("create", databases=["nowhere"]),
    "partial": carried("create", databases=[], name="c", to=["broken"]),
    "copy": carried("copy", backups=[short], to=["disk"]),
    "all copies": carried("copy", backups=[good], to=["broken"]),
    "verify_copy": carried("verify_copy", backups=[good], at="disk"),
    "restore": carried("restore", backup=given["newer"], strategy="", migrate=False),
    "undo": carried("undo", restore="none"),
    "no such action": carried("polish"),
}
lost = Run.objects.create(
    action="create", state="waiting", started=now - timedelta(minutes=5), actor="operator")

with instead_of("de", given["known"]):
    pages = {name: client.get(path) for name, path in made.items()}
    pages |= {f"{name} goes on": client.get(path + "progress/") for name, path in made.items()}
    pages |= {
        "list": get(""),
        "activity": get("runs/"),
        "lost": get(f"runs/{lost.pk}/"),
        "detail": get(f"backup/{good}/"),
        "detail damaged": get(f"backup/{damaged}/"),
        "detail short": get(f"backup/{short}/"),
        "unverified": get("backup/2026-01-01_00-00-00/"),
        "restore page": get(f"backup/{damaged}/restore/"),
        "restore refused": get(f"backup/{given['newer']}/restore/"),
        "restore a stranger's": get(f"backup/{given['stranger']}/restore/"),
        "destinations": get("destinations/"),
        "destination": get("destinations/broken/"),
        "tested": post("destinations/broken/test/"),
        "tried": post("destinations/add/folder/", name="x", path=str(folder / "x" / "y"),
                      test_connection="1"),
        "host key": post("destinations/add/sftp/", name="x", host="127.0.0.1", port="1", user="x",
                         timeout="5", host_key="nonsense", test_connection="1"),
        "sftp": post("destinations/add/sftp/", name="x", host="127.0.0.1", port="1", user="x",
                     timeout="5", test_connection="1"),
        "private key": post("destinations/add/sftp/", name="x", host="127.0.0.1", port="1",
                            user="x", timeout="5", private_key="nonsense", save="1"),
        "visible": post("destinations/add/folder/", name="x", path=given["media"] + "/x",
                        save="1"),
        "kept": post("delete/", selected=[good], confirmed="1", protected_too="1"),
        "keep": post("act/keep/", selected=["2026-01-01_00-00-00"]),
        "bundle": post("bundle/zip/", selected=["not-there"]),
        "garbage": sent(("garbage.bin", b"\\xff\\x00garbage")),
        "text": sent(("dump.sql", b"DROP TABLE shop_order;")),
        "zip": sent(("bundle.zip", Path(given["zip"]).read_bytes())),
        "lonely": sent((given["manifest"], (folder / "backups" / given["manifest"]).read_bytes())),
        "nothing": post("upload/", complete="1"),
        "404 backup": get("backup/2020-01-01_00-00-00/"),
        "404 restore": get("backup/2020-01-01_00-00-00/restore/"),
        "404 destination": get("destinations/none/"),
        "404 run": post("runs/00000000-0000-0000-0000-000000000000/cancel/"),
        "409 file": configured(BACKUP_DIR=folder / "no-folder"),
        "409 settings": configured(ROTO=folder),
        "admin run": client.get(f"/admin/trustbackup/run/{made['verify'].split('/')[-2]}/change/"),
    }
print(json.dumps({
    name: [answer.status_code, answer.content.decode()] for name, answer in pages.items()}))
"""


def german_months() -> set[str]:
    """Django's own names of the months, one of which every date on a page bears."""
    with translation.override("de"):
        return {str(name) for name in MONTHS.values()}


QUOTED = {
    "activity": {*german_months(), "command", "polish", "root"},
}
"""By page, the plain words that are values and shown beside: months, users, verbs."""
EVERYWHERE = {"default", "operator", "disk", "broken", "Not", "directory"}
"""Names of things, and what the system itself said: "Not a directory"."""

Pages = dict[str, tuple[int, str]]


class Told(HTMLParser):
    """What a page says of failures: their elements' texts, and the titles of states."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("input", "br", "meta", "link", "img", "col", "hr"):
            return
        shown = bool(SHOWN & set((values.get("class") or "").split()))
        self._open.append(shown)
        if shown:
            self.found.append("")
        if tag == "span" and values.get("title"):
            self.found.append(str(values["title"]))

    def handle_endtag(self, tag: str) -> None:
        if self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if any(self._open):
            self.found[-1] = f"{self.found[-1]} {data}".strip()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Each page about a failure: its status and its text."""
    site = new_sqlite_site(tmp_path_factory.mktemp("site"))
    known = messages_of_the_code(tmp_path_factory.mktemp("messages"))
    good, damaged, short, newer, stranger = (make(site) for _ in range(5))
    flip(only_file(damaged))
    only_file(short).write_bytes(b"short")
    sign_again(newer, _from_newer_code)
    sign_again(stranger, lambda _document: None, key="a stranger's key")
    (site.backups / "backup_2026-01-01_00-00-00.dump").write_bytes(b"by hand")
    archive = shutil.make_archive(str(site.folder / "odd"), "zip", site.folder, "media")
    given = {
        "good": good["id"],
        "damaged": damaged["id"],
        "short": short["id"],
        "newer": newer["id"],
        "stranger": stranger["id"],
        "folder": str(site.folder),
        "media": str(site.media),
        "manifest": Path(stranger["manifest"]).name,
        "zip": archive,
        "known": sorted({key if isinstance(key, str) else key[0] for key in known}),
    }
    (site.folder / "given.json").write_text(json.dumps(given))
    script = SCRIPT.replace("GIVEN", repr(str(site.folder / "given.json")))
    found: Pages = site.manage("shell", "--verbosity", "0", "-c", script).json
    return found


def _from_newer_code(document: dict[str, Any]) -> None:
    document["parts"][0]["migrations"] += [["shop", "9998_x"], ["shop", "9999_y"]]


def told(pages: Pages, name: str) -> str:
    """What a page says of a failure, in the language's wide letters."""
    return " ".join(Told(pages[name][1]).found)


def test_every_page_says_what_failed(pages: Pages) -> None:
    assert [name for name in pages if narrow(told(pages, name)) == told(pages, name)] == []


def test_what_a_page_says_of_a_failure_was_translated(pages: Pages) -> None:
    plain = {
        (name, word)
        for name in pages
        for word in left_over(told(pages, name)) - EVERYWHERE - QUOTED.get(name, set())
    }
    assert sorted(plain) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("verify", "is corrupt: its SHA-256 is not the one in the manifest."),
        ("verify goes on", "has 5 bytes instead of"),
        ("create", "The name 'a/b' has a slash. Use a dash instead."),
        ("partial", "broken: "),
        ("copy", "was not copied: "),
        ("verify_copy", "no backup"),
        ("restore", "does not know its migration shop.9998_x and 1 more. Update the code"),
        ("activity", "Nobody took it on within a minute: look whether workers run."),
        ("detail", "The copy was cancelled."),
        ("restore page", "Restore another backup, or another copy of it."),
        ("restore a stranger's", "so nobody can say who made the backup."),
        ("destinations", "Not a directory. Check the disk and the folder"),
        ("tested", "can't be used: there is no folder"),
        ("visible", "A visitor could download the database: choose a folder outside."),
        ("kept", "was not deleted: it is protected."),
        ("text", "it is text, perhaps SQL, which could run anything."),
        ("zip", "is no file of a backup. Nothing of it was taken over."),
        ("404 backup", "There is no backup 2020-01-01_00-00-00 here"),
        ("404 destination", "There is no such destination any more."),
        ("409 file", "failed on"),
    ],
)
def test_it_says_what_the_command_line_says(pages: Pages, name: str, sentence: str) -> None:
    assert sentence in narrow(told(pages, name))


def test_the_answer_says_how_it_went(pages: Pages) -> None:
    assert {name: status for name, (status, _page) in pages.items() if status != 200} == {
        **{name: 404 for name in pages if name.startswith("404 ")},
        **{name: 409 for name in pages if name.startswith("409 ")},
        **dict.fromkeys(["host key", "private key", "visible"], 422),
        **dict.fromkeys(["garbage", "text", "zip", "lonely", "nothing"], 422),
    }
