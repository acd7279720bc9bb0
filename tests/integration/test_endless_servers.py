"""Case S6: whatever a server does, a connection test is over in its time and takes no memory."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tests.integration.test_connection_test_runs import answering, look, shell
from tests.support.backups import more_settings, wait_for
from tests.support.offsite import save
from tests.support.sftp_server import Habits
from tests.support.sftp_server import running as sftp_server
from tests.support.sites import Site

TOGETHER = 6
SECONDS = 8.0
"""Of a test here; it has 45 else, and a minute with all that comes before and after."""
MOST = 30 << 10
"""KB that a test takes more where a server never ends than where it is silent."""
START = """
from trustbackup.models import Destination
from trustbackup.runs.queue import start
for name in NAMES:
    start("test destination", {"destination": name}, actor="operator", target=name)
"""
PEAK = """
import atexit, os, pathlib, re
def _tell():
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())
    path = pathlib.Path(PEAKS, str(os.getpid()))
    path.with_suffix(".part").write_text(peak[1])
    path.with_suffix(".part").rename(path)
atexit.register(_tell)
import trustbackup.destinations.connection_test as _test
_test.TEST_SECONDS = LIMIT
"""
"""Each command's last act: how many KB it had at most in memory."""


def silence(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def drip_of_headers(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.2)


def endless_headers(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Long: x\r\n" * 1000)


def endless_body(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<ListBucketResult>"
    )
    while True:
        connection.sendall(b"<Contents><Key>x</Key></Contents>" * 1000)


def endless_banner(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"welcome\r\n" * 1000)


HTTP = (silence, drip_of_headers, endless_headers, endless_body)


def over(site: Site, names: list[str]) -> dict[str, Any]:
    """The runs, once all of them are there and none goes on."""
    found: dict[str, Any] = {}

    def none_goes_on() -> bool:
        found.update(look(site))
        return all(
            found.get(name, {"state": "waiting"})["state"] not in ("waiting", "running")
            for name in names
        )

    wait_for(none_goes_on, 400)
    return found


def hostile(site: Site, tmp_path: Path, stack: ExitStack, settings: str) -> list[str]:
    """Destinations of each kind at servers that never end; the names, the silent ones first."""
    answers = (*HTTP, endless_banner)
    ports = {each.__name__: stack.enter_context(answering(each)) for each in answers}
    endpoints = {each.__name__: f"http://127.0.0.1:{ports[each.__name__]}" for each in HTTP}
    options = {"bucket_name": "shop", "access_key": "a", "secret_key": "b"}
    storages = {
        name: {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {**options, "endpoint_url": endpoint},
        }
        for name, endpoint in endpoints.items()
    }
    more_settings(
        site,
        f"{settings}\nfrom django.conf import global_settings\n"
        f"STORAGES = {{**global_settings.STORAGES, **{storages!r}}}",
    )
    s3 = {"bucket": "shop", "region": "eu-1", "access_key": "a"}
    for name, endpoint in endpoints.items():
        save(site, f"s3 {name}", "s3", {**s3, "endpoint": endpoint}, {"secret_key": "b"})
        save(site, f"storage {name}", "storage", {"alias": name}, {})
    habits = {"endless_listing": Habits(endless=True), "dripping_packet": Habits(drips=True)}
    (tmp_path / "copies").mkdir()
    sftp: dict[str, dict[str, Any]] = {
        name: stack.enter_context(sftp_server(tmp_path, habit)) for name, habit in habits.items()
    }
    for name in ("silence", "endless_banner"):
        sftp[name] = {**sftp["dripping_packet"], "port": ports[name]}
    for name, config in sftp.items():
        password = config.pop("password")
        save(site, f"sftp {name}", "sftp", config, {"password": password})
    names = [f"{kind} {name}" for kind in ("s3", "storage") for name in endpoints]
    return sorted([*names, *(f"sftp {name}" for name in sftp)], key=lambda name: "silence" in name)


def test_case_s6_a_server_without_an_end_ends_no_test_late_and_takes_no_memory(
    sqlite_site: Site, tmp_path: Path
) -> None:
    peaks = tmp_path / "peaks"
    peaks.mkdir()
    told = PEAK.replace("PEAKS", repr(str(peaks))).replace("LIMIT", str(SECONDS))
    with ExitStack() as stack:
        names = hostile(sqlite_site, tmp_path, stack, told)
        found: dict[str, Any] = {}
        for start in range(0, len(names), TOGETHER):
            some = names[start : start + TOGETHER]
            shell(sqlite_site, START.replace("NAMES", repr(some)))
            found |= over(sqlite_site, some)
            # Whatever its library waits for, a process ends with its run.
            going = [peaks / str(found[name]["process"]) for name in some]
            with suppress(AssertionError):
                wait_for(lambda going=going: all(path.exists() for path in going), 30)
            late = [name for name, path in zip(some, going, strict=True) if not path.exists()]
            assert late == [], "these go on"
    peak = {name: int((peaks / str(found[name]["process"])).read_text()) for name in names}
    more = {name: peak[name] - peak[f"{name.partition(' ')[0]} silence"] for name in names}
    passed = {name for name in names if found[name]["state"] != "failed"}
    # A listing that never ends is no more read than the test's own file needs.
    assert passed <= {"sftp endless_listing"}, found
    by_force = [name for name in names if not found[name]["steps"]]
    assert by_force == [], "a test that ends itself says which step it was"
    assert max(more.values()) <= MOST, more
