"""A site behind a server of its own, and a program that talks to its API over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from tests.support.backups import wait_for
from tests.support.ports import free_port
from tests.support.sites import Site

PATH = "/settings/backups/api/v1/"
SCOPES = ("read", "create", "download", "restore", "manage")
_ACCOUNT = """
from django.contrib.auth.models import User
User.objects.get_or_create(username="robot", defaults={"is_superuser": True, "is_staff": True})
"""


class Program:
    """Knows an address and a token."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(
            f"{self.address}{PATH}{path}",
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


def new_token(site: Site, name: str = "story", scopes: Sequence[str] = SCOPES) -> str:
    """One of an account that may do everything."""
    site.manage("shell", "--no-imports", "-c", _ACCOUNT)
    asked = [word for scope in scopes for word in ("--scope", scope)]
    made = site.manage("backup_token", "make", name, "--user", "robot", *asked)
    return made.stdout.strip()


@contextlib.contextmanager
def serving(site: Site) -> Iterator[str]:
    """The site behind Django's own server; its address."""
    port = free_port()
    process = site.start("runserver", f"127.0.0.1:{port}", "--noreload")

    def answers() -> bool:
        assert process.poll() is None, process.communicate()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
            return True
        return False

    try:
        wait_for(answers)
        # It writes a line for each request, and stands still when nobody reads them.
        reader = threading.Thread(target=process.communicate)
        reader.start()
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        reader.join()
