"""A restore that dies, again and again: the database is the old one or the new, never between."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass, field
from typing import Any

from tests.support.backups import make
from tests.support.content import digest
from tests.support.restores import (
    assert_accepts_connections,
    beside,
    go_on,
    journal,
    restore,
    undo,
    unfinished,
)
from tests.support.sites import Result, Site, finish


@dataclass
class RestoreTrial:
    """A site with a backup of its state ``then``, living on in the state ``now``."""

    site: Site
    arguments: tuple[str, ...] = ("--swap",)
    made: dict[str, Any] = field(init=False)
    then: str = field(init=False)
    now: str = field(init=False)
    ends: list[str] = field(default_factory=list)
    """For each death, which state it left: "old" or "new"."""
    said: list[str] = field(default_factory=list)
    """What the next command said after each."""

    def __post_init__(self) -> None:
        self.made = make(self.site)
        self.then = digest(self.site)
        go_on(self.site)
        self.now = digest(self.site)

    @property
    def command(self) -> tuple[str, ...]:
        return ("restore_backup", self.made["id"], "--force", *self.arguments)

    def measure(self, *command: str) -> float:
        """The seconds from its first step to the end of its work; it is undone after."""
        process = self.site.start(*(command or self.command))
        self.wait_for_start(process)
        began = time.monotonic()
        while process.poll() is None and self.is_alive():
            time.sleep(0.001)
        seconds = time.monotonic() - began
        ended = finish(process)
        assert ended.returncode == 0, ended.stderr
        self.go_back()
        return seconds

    def is_alive(self) -> bool:
        return any((self.site.backups / ".restores").glob("*.alive"))

    def wait_for_start(self, process: Any) -> None:
        while process.poll() is None and not self.is_alive():
            time.sleep(0.001)

    def kill_after(self, seconds: float, *command: str) -> None:
        """Kill it so long after its first step, and look what it left."""
        self.kill(seconds, *(command or self.command))
        self.judge()

    def kill(self, seconds: float, *command: str) -> None:
        """Start it, and kill its process, no other, so long after its first step."""
        process = self.site.start(*command)
        self.wait_for_start(process)
        with contextlib.suppress(ProcessLookupError):
            time.sleep(seconds)
            process.kill()
        finish(process)

    def kill_at(self, strace: list[str], *command: str) -> bool:
        """Run it below strace, which kills it; False when it came to its end."""
        result = self.site.manage(
            *(command or self.command),
            prefix=strace,
            check=False,
            env={"PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert result.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), str(result)
        self.judge()
        return result.returncode != 0

    def judge(self) -> None:
        """After a death: the next command says which state it is and leaves nothing else."""
        # R3: whoever uses the site has not to wait for one of our commands.
        assert_accepts_connections(self.site)
        result = self.site.manage("list_restores")
        state = digest(self.site)
        assert state in (self.then, self.now), "neither the old nor the new state"
        self.ends.append("new" if state == self.then else "old")
        self.said.append(result.stderr.strip())
        self.must_fit(result)
        assert not unfinished(self.site), unfinished(self.site)
        self.go_back()

    def must_fit(self, result: Result) -> None:
        """What was said is what is there, and the old database is kept when it was swapped."""
        if self.ends[-1] == "old":
            assert "the database is the restored one" not in result.stderr, str(result)
            assert beside(self.site) == []
        elif "--swap" in self.arguments:
            assert "the database is as it was" not in result.stderr, str(result)
            (entry,) = journal(self.site)
            assert beside(self.site) == [entry["previous"].rpartition("/")[2]]
            assert digest(self.site, entry["previous"]) == self.now

    def go_back(self) -> None:
        """To the state that the backup does not have; an undo, and a release, work."""
        if digest(self.site) == self.then:
            if "--swap" in self.arguments:
                undo(self.site, journal(self.site)[-1]["id"])
            else:
                go_on(self.site)
                self.now = digest(self.site)
        assert digest(self.site) == self.now
        if beside(self.site):
            self.site.manage("release_restore", "--yes", "--json")
        assert beside(self.site) == []

    def finish(self) -> None:
        """Another restore works."""
        restore(self.site, self.made["id"], *self.arguments)
        assert digest(self.site) == self.then
        assert not unfinished(self.site)
