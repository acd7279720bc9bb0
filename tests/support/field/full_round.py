"""The full round of a place for copies, as the web shop's operator walks it.

The connection test, a copy, its list, what is read back, sync both ways, an upload that was cut
in the middle and tried again, one that was killed, and a restore from nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.backups import more_settings
from tests.support.content import content
from tests.support.field.served import Served
from tests.support.proxy import running_proxy
from tests.support.sites import Result, Site, finish

BALLAST = 6_000_000
"""Bytes in a table that can't be compressed: so large is an upload at least."""
CUT = 2_000_000


@dataclass
class Outcome:
    """What a server could do; the sentence of what went wrong, by step."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    """What the connection test's steps said."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each step took, on the machine that it was."""
    lock: str = ""
    """Whether an S3 server keeps Object Lock, as the connection test found out."""
    tries: int = 0
    """In so many the upload came whole that was cut."""
    sent: int = 0
    """Bytes that went to the server for it, with those before the cut."""
    goes_on: bool = False
    """What had arrived before the cut was not sent again."""
    modes: frozenset[int] = frozenset()
    """Rights of the files, where they are on this machine."""


class FullRound:
    """One site and one server; every step is a method, in the order of `STEPS`."""

    def __init__(self, site: Site, served: Served) -> None:
        self.site, self.served = site, served
        self.outcome = Outcome()
        self.first = self.second = self.third = ""
        self._use(served)
        site.query("CREATE TABLE ballast (content BLOB)")

    def _use(self, served: Served) -> None:
        self.site.variables.update(served.variables)
        if served.settings:
            more_settings(self.site, served.settings)

    def manage(self, *arguments: str, check: bool = True) -> Result:
        return self.site.manage(*arguments, check=check, timeout=240)

    def make(self, *arguments: str) -> dict[str, Any]:
        made: dict[str, Any] = self.manage("create_backup", "--json", *arguments).json
        return made

    def fill(self) -> None:
        """Other bytes each time, that no server has seen yet."""
        self.site.query("DELETE FROM ballast")
        self.site.query(f"INSERT INTO ballast VALUES (randomblob({BALLAST}))")

    # ----------------------------------------------------------------------- steps

    def connection_test(self) -> None:
        result = self.manage("test_destination", self.served.url, "--json", check=False)
        steps = result.json["steps"]
        self.outcome.details = {step["name"]: step["detail"] for step in steps}
        assert result.json["ok"], str(result)

    def copy(self) -> None:
        made = self.make("--to", self.served.url)
        self.first = made["id"]
        assert [copied["error"] for copied in made["copies"]] == [""]

    def list(self) -> None:
        (found,) = self.manage("list_backups", "--at", self.served.url, "--json").json
        assert (found["id"], found["complete"]) == (self.first, True), found

    def read_back(self) -> None:
        found = self.manage("verify_backup", self.first, "--at", self.served.url, "--json").json
        assert found["ok"], found

    def sync_there(self) -> None:
        self.second = self.make()["id"]
        (found,) = self.sync()
        assert [copied["id"] for copied in found["copied"]] == [self.second], found

    def sync_here(self) -> None:
        self.manage("delete_backup", self.first, "--yes")
        (found,) = self.sync("--pull")
        assert found["fetched"] == [self.first], found
        assert self.manage("verify_backup", self.first, "--json").json["ok"]

    def sync(self, *arguments: str) -> Any:
        found = self.manage("sync_backups", self.served.url, "--json", *arguments, check=False).json
        assert all(each["ok"] for each in found), found
        return found

    def cut(self) -> None:
        """The connection is reset in the middle, once; the same command tries again."""
        self.fill()
        whole = self.make("--compression", "none")
        size = sum(file["bytes"] for file in whole["files"])
        assert size > BALLAST
        sent, resets = [0], [0]

        def up(data: bytes, before: int) -> bytes | None:
            sent[0] += len(data)
            if before + len(data) > CUT and not resets[0]:
                resets[0] += 1
                return None
            return data

        with running_proxy(self.served.port) as proxy:
            proxy.up, proxy.spares_server = up, True
            through = self.served.through(proxy.port)
            self._use(through)
            result = self.manage("sync_backups", through.url, "--json", check=False)
            self._use(self.served)
        (found,) = result.json
        assert resets[0] == 1, "it was not cut"
        assert found["ok"], str(result)
        (copied,) = found["copied"]
        self.outcome.tries, self.outcome.sent = copied["tries"], sent[0]
        # Of what was sent before the cut, a part was still on its way.
        self.outcome.goes_on = sent[0] - CUT < size - 50_000
        self.complete(whole["id"])

    def kill(self) -> None:
        """The command is killed in the middle; the next one brings the copy there."""
        self.fill()
        self.third = self.make("--compression", "none")["id"]
        seen, killed = [0], threading.Event()
        with running_proxy(self.served.port) as proxy:

            def up(data: bytes, before: int) -> bytes:
                seen[0] = max(seen[0], before + len(data))
                if seen[0] > CUT:
                    killed.wait(120)  # so that the end does not come before the kill
                return data

            proxy.up = up
            through = self.served.through(proxy.port)
            self._use(through)
            process = self.site.start("sync_backups", through.url)
            try:
                wait_until(lambda: seen[0] > CUT or process.poll() is not None)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                killed.set()
            result = finish(process)
            assert result.returncode == -signal.SIGKILL, f"it was over before: {result}"
            self._use(self.served)
        (found,) = self.sync()
        assert [copied["id"] for copied in found["copied"]] == [self.third], found
        self.complete(self.third)

    def complete(self, identifier: str) -> None:
        """The copy is there, whole, and what is read back is it."""
        found = self.manage("list_backups", "--at", self.served.url, "--json").json
        assert identifier in [each["id"] for each in found if each["complete"]], found
        assert self.manage("verify_backup", identifier, "--at", self.served.url, "--json").json[
            "ok"
        ]

    def private(self) -> None:
        """Nobody else may read the copies, and nothing unfinished lies there."""
        if self.served.folder is not None:
            files = [path for path in self.served.folder.rglob("*") if path.is_file()]
            self.outcome.modes = frozenset(path.stat().st_mode & 0o777 for path in files)
            assert [path for path in files if path.parent.name == ".uploads"] == []

    def object_lock(self) -> None:
        """A server keeps a lock, or it is found out before anything relies on it."""
        if self.served.lock_url:
            result = self.manage("test_destination", self.served.lock_url, "--json", check=False)
            *_before, last = result.json["steps"]
            self.outcome.lock = "kept" if last["ok"] else "none, and the test says so"
            assert last["ok"] or last["name"] == "object lock", str(result)

    def restore_from_nothing(self) -> None:
        then = content(self.site)
        shutil.rmtree(self.site.backups)
        for path in self.site.folder.glob("db.sqlite3*"):
            path.unlink()
        self.manage("restore_backup", self.third, "--from", self.served.url)
        assert content(self.site) == then

    # ------------------------------------------------------------------------- all

    def walk(self) -> Outcome:
        """All of them; what fails stops what comes after it only where that needs it."""
        for name, step in STEPS.items():
            began = time.monotonic()
            try:
                step(self)
            except AssertionError as error:
                self.outcome.failed[name] = str(error)
            else:
                self.outcome.done.append(name)
            self.outcome.seconds[name] = round(time.monotonic() - began, 1)
        return self.outcome


STEPS: dict[str, Callable[[FullRound], None]] = {
    "connection test": FullRound.connection_test,
    "copy": FullRound.copy,
    "list": FullRound.list,
    "read back": FullRound.read_back,
    "sync there": FullRound.sync_there,
    "sync here": FullRound.sync_here,
    "cut and tried again": FullRound.cut,
    "killed and tried again": FullRound.kill,
    "private": FullRound.private,
    "object lock": FullRound.object_lock,
    "restore from nothing": FullRound.restore_from_nothing,
}


def wait_until(condition: Callable[[], object], seconds: float = 120.0) -> None:
    """Poll until the condition holds. Raises AssertionError when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
