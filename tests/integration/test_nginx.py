"""Downloads that nginx sends, as docs/how-to/page.md sets it up.

nginx is not installed for this: Debian's package starts a server on port 80.
"""

from __future__ import annotations

import hashlib
import http.cookiejar
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.conftest import LIST, PASSWORD, serving
from tests.support.backups import make, wait_for
from tests.support.ports import free_port
from tests.support.sites import Site

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
INSIDE = "/backups-internal/"
CONFIG = """
daemon off; pid {folder}/pid; {user}
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass {site}; proxy_set_header Host $http_host; }}
    location {inside} {{ internal; alias {backups}/; }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, site: str, backups: Path) -> Iterator[str]:
    """nginx before a site, in a folder of its own; its address."""
    port = free_port()
    folder.mkdir()
    user = f"user {backups.owner()};" if backups.owner() == "root" else ""
    config = folder / "nginx.conf"
    config.write_text(
        CONFIG.format(
            folder=folder, port=port, site=site, backups=backups, inside=INSIDE, user=user
        )
    )
    server = subprocess.Popen([str(NGINX), "-p", folder, "-c", config, "-e", folder / "errors"])
    try:
        wait_for(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def sign_in(address: str) -> tuple[urllib.request.OpenerDirector, str]:
    """Somebody's cookies, and the list of backups."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(jar)
    with opener.open(f"{address}{LIST}") as login:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', login.read().decode())
        assert token
        data = {"csrfmiddlewaretoken": token[1], "username": "operator", "password": PASSWORD}
        where = login.url
    with opener.open(where, urllib.parse.urlencode(data | {"next": LIST}).encode()) as page:
        return opener, page.read().decode()


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_sends_a_file_and_ranges_of_it_and_nobody_else_gets_it(
    sqlite_site: Site, tmp_path: Path
) -> None:
    made = make(sqlite_site)
    name, sha256 = made["files"][0]["file"], made["files"][0]["sha256"]
    handed_over = f"TRUSTBACKUP = {{**TRUSTBACKUP, 'SENDFILE': {INSIDE!r}}}"
    with (
        serving(sqlite_site, settings=handed_over) as served,
        nginx(tmp_path / "nginx", served.address, sqlite_site.backups) as address,
    ):
        opener, page = sign_in(address)
        links = re.findall(r'href="([^"]+)"', page)
        link = address + next(link for link in links if link.endswith((name, f"{name}/")))
        with opener.open(link) as answer:
            whole = answer.read()
            assert hashlib.sha256(whole).hexdigest() == sha256
            assert "X-Accel-Redirect" not in answer.headers
            assert name in answer.headers["Content-Disposition"]
        with opener.open(urllib.request.Request(link, headers={"Range": "bytes=5-14"})) as answer:
            assert answer.status == 206
            assert answer.read() == whole[5:15]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            opener.open(f"{address}{INSIDE}{name}")
        with urllib.request.urlopen(link) as answer:
            assert "csrfmiddlewaretoken" in answer.read().decode(), "strangers see the login"
