"""Commands on terminals and in cron jobs that don't speak UTF-8."""

from __future__ import annotations

import json
import os
import pty
import subprocess

import pytest

from tests.support.backups import assert_refused, make
from tests.support.sites import CHECKOUT, Site

NAME = "Größe ☃ …"
# Python's way of saying it in a test: what it makes of such a locale.
ENCODINGS = ["iso-8859-1", "ascii", "cp1252", "koi8-r"]


def run_raw(site: Site, encoding: str, *arguments: str) -> tuple[int, bytes, bytes]:
    ended = subprocess.run(
        site.command(*arguments),
        cwd=site.folder,
        env=site.environment(PYTHONIOENCODING=encoding),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_case_e2_a_backup_is_made_and_read_whatever_the_terminal_speaks(
    sqlite_site: Site, encoding: str
) -> None:
    code, out, err = run_raw(sqlite_site, encoding, "create_backup", "--name", NAME)
    assert code == 0, err
    assert "dumping default" in out.decode(encoding)
    code, out, err = run_raw(sqlite_site, encoding, "list_backups", "--json")
    assert code == 0, err
    assert json.loads(out)[0]["name"] == NAME
    code, out, err = run_raw(sqlite_site, encoding, "show_backup", "latest")
    assert code == 0, err
    if encoding == "iso-8859-1":
        assert "Größe \\u2603 ..." in out.decode(encoding)
    else:
        assert "..." in out.decode(encoding) or "…" in out.decode(encoding)


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify_backup", "latest", "--restore"],
        ["restore_backup", "latest", "--dry-run"],
        ["restore_backup", "latest", "--force"],
        ["undo_restore"],
        ["list_restores"],
        ["rescan_backups"],
        ["delete_backup", "latest", "--yes", "--last-good-too"],
    ],
    ids=" ".join,
)
def test_case_e2_every_command_speaks_ascii(sqlite_site: Site, arguments: list[str]) -> None:
    make(sqlite_site, "--name", NAME)
    if arguments[0] == "undo_restore":
        sqlite_site.manage("restore_backup", "latest", "--force")
    code, out, err = run_raw(sqlite_site, "ascii", *arguments)
    assert code == 0, (out, err)
    assert b"Traceback" not in err
    out.decode("ascii")


def test_case_e2_progress_on_a_terminal_without_unicode_is_drawn_in_ascii(
    sqlite_site: Site,
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        sqlite_site.command("create_backup"),
        cwd=CHECKOUT,
        env=sqlite_site.environment(PYTHONIOENCODING="ascii", TERM="xterm", COLUMNS="100"),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    said = b""
    try:
        while block := os.read(ours, 65536):
            said += block
    except OSError:
        pass  # a terminal's end is an error on Linux
    finally:
        os.close(ours)
    assert process.wait(60) == 0, said
    assert b"is made" in said
    assert b"\\u28" not in said, "a spinner in Braille, spelt out"


def test_case_e2_a_name_in_another_encoding_than_the_terminals_is_refused_in_a_sentence(
    sqlite_site: Site,
) -> None:
    # What a shell in ISO-8859-1 sends to a Python in UTF-8.
    name = os.fsdecode("Größe".encode("iso-8859-1"))
    assert_refused(
        sqlite_site.manage("create_backup", "--name", name, check=False, fresh=True), "name"
    )
