"""Commands whose output nobody takes: a pager that was left, a full log, a closed stream."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.backups import listed
from tests.support.sites import Site


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def unbuffered(request: pytest.FixtureRequest) -> str:
    """Containers often set it: then each line fails, not the last flush alone."""
    value: str = request.param
    return value


@pytest.fixture
def nobody() -> Iterator[int]:
    """A pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def run(
    site: Site, out: int | None, unbuffered: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    command = site.command(*arguments)
    if out is None:
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    return subprocess.run(
        command,
        cwd=site.folder,
        env=site.environment(PYTHONUNBUFFERED=unbuffered),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=300,
    )


def test_case_e2_a_reader_that_is_gone_ends_no_backup(
    sqlite_site: Site, nobody: int, unbuffered: str
) -> None:
    ended = run(sqlite_site, nobody, unbuffered, "create_backup")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(listed(sqlite_site)) == 1


def test_case_e2_a_closed_output_ends_no_backup(sqlite_site: Site, unbuffered: str) -> None:
    ended = run(sqlite_site, None, unbuffered, "create_backup")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(listed(sqlite_site)) == 1


def test_case_e2_a_full_log_is_said_when_the_backup_is_made(
    sqlite_site: Site, unbuffered: str
) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        ended = run(sqlite_site, full, unbuffered, "create_backup")
    finally:
        os.close(full)
    assert ended.returncode == 1
    said = "It is done, but not all of its output could be written: No space left on device."
    assert ended.stderr.strip() == said
    assert len(listed(sqlite_site)) == 1
