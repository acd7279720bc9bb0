"""The page's runs below the servers that people have (cases G1, G3), clicked over HTTP."""

from __future__ import annotations

import re
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.conftest import LIST, PASSWORD
from tests.integration.test_nginx import sign_in
from tests.support.backups import listed, wait_for
from tests.support.field.served import program, running
from tests.support.ports import free_ports
from tests.support.sites import CHECKOUT, Site

pytestmark = pytest.mark.field

USER = f"""
from django.contrib.auth.models import User
User.objects.create_superuser("operator", password={PASSWORD!r})
"""
WSGI, ASGI = "webshop.wsgi:application", "webshop.asgi:application"


def uwsgi(*options: str) -> Callable[[int], list[str]]:
    return lambda port: [
        *(program("uwsgi"), "--http-socket", f"127.0.0.1:{port}", "--master"),
        *("--need-app", "--module", WSGI, "--virtualenv", sys.prefix, *options),
    ]


def gunicorn(kind: str) -> Callable[[int], list[str]]:
    return lambda port: [
        *(sys.executable, "-m", "gunicorn", WSGI, "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", kind, "--timeout", "300"),
    ]


SERVERS: dict[str, Callable[[int], list[str]]] = {
    "uwsgi": uwsgi("--processes", "2"),
    "uwsgi with threads": uwsgi("--threads", "4"),
    "gunicorn gevent": gunicorn("gevent"),
    "gunicorn gthread": gunicorn("gthread"),
    "uvicorn": lambda port: [sys.executable, "-m", "uvicorn", ASGI, "--port", str(port)],
}


@dataclass
class Page:
    """A signed-in operator at a server."""

    address: str
    opener: urllib.request.OpenerDirector

    def get(self, path: str = "") -> str:
        with self.opener.open(f"{self.address}{LIST}{path}", timeout=120) as answer:
            text: str = answer.read().decode()
            return text

    def post(self, path: str = "", **data: str) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get())
        assert token
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **data}).encode()
        with self.opener.open(f"{self.address}{LIST}{path}", body, timeout=120) as answer:
            text: str = answer.read().decode()
            return text


@contextmanager
def serving(site: Site, name: str, folder: Path) -> Iterator[Page]:
    site.manage("shell", "--no-imports", "-c", USER)
    [port] = free_ports(1)
    environment = site.environment(PYTHONPATH=str(CHECKOUT), PYTHONWARNINGS="ignore")
    with running(folder, "web", SERVERS[name](port), port=port, environment=environment):
        address = f"http://127.0.0.1:{port}"
        yield Page(address, sign_in(address)[0])


def runs(site: Site) -> list[tuple[str, str]]:
    return site.query("SELECT action, state FROM trustbackup_run ORDER BY started")


@pytest.mark.parametrize("name", SERVERS)
def test_case_g1_what_is_clicked_is_carried_out(any_site: Site, name: str, tmp_path: Path) -> None:
    with serving(any_site, name, tmp_path / "web") as page:

        def over(count: int) -> bool:
            page.get()  # the server answers meanwhile
            states = [state for _action, state in runs(any_site)]
            return len(states) == count and not {"waiting", "running"} & set(states)

        page.post(create_backup="1", type="database")
        wait_for(lambda: over(1), seconds=200)
        assert runs(any_site) == [("create", "succeeded")]
        (made,) = listed(any_site)
        page.post("act/drill/", selected=made["id"])
        wait_for(lambda: over(2), seconds=200)
        assert [state for _action, state in runs(any_site)] == ["succeeded"] * 2
        form = page.get(f"backup/{made['id']}/restore/")
        assert "confirm" in form
        page.post("act/verify/", selected=made["id"])
        wait_for(lambda: over(3), seconds=200)
    assert listed(any_site)[0]["drilled"]["ok"]
