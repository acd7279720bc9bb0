"""The commands: exit codes, JSON and nothing else, plain lines where there is no terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.support.backups import listed, make, run_all, verify
from tests.support.sites import Site

JSON_COMMANDS = (
    ["create_backup", "--json"],
    ["create_backup", "--json", "--no-compress", "--verbosity", "3"],
    ["list_backups", "--json"],
    ["show_backup", "latest", "--json"],
    ["verify_backup", "latest", "--json"],
    ["verify_backup", "all", "--json"],
    ["keep_backup", "latest", "--json"],
    ["keep_backup", "latest", "--release", "--json"],
    ["restore_backup", "latest", "--force", "--json"],
    ["delete_backup", "latest", "--yes", "--last-good-too", "--json"],
    ["rescan_backups", "--json"],
)


def test_with_json_there_is_one_value_on_standard_output_and_nothing_else(any_site: Site) -> None:
    for end in run_all(any_site, JSON_COMMANDS):
        assert end.returncode == 0, str(end)
        assert end.stderr == "", str(end)
        assert isinstance(json.loads(end.stdout), dict | list), str(end)


def test_create_tells_at_least_what_scripts_need(any_site: Site) -> None:
    made = make(any_site, "--name", "ü ½ 漢")
    assert {"id", "name", "kind", "manifest", "files"} <= made.keys()
    assert (made["name"], made["kind"]) == ("ü ½ 漢", "database")
    assert Path(made["manifest"]).is_file()
    for file in made["files"]:
        assert {"part", "file", "path", "bytes", "raw_bytes", "sha256"} <= file.keys()
        assert Path(file["path"]).stat().st_size == file["bytes"]
        assert Path(file["path"]).name == file["file"]


def test_list_is_newest_first_and_filtered(sqlite_site: Site) -> None:
    ids = [make(sqlite_site)["id"] for _ in range(3)]
    assert [item["id"] for item in listed(sqlite_site)] == ids[::-1]
    assert listed(sqlite_site, "--type", "media") == []
    assert len(listed(sqlite_site, "--type", "database", "--database", "default")) == 3


def test_without_a_terminal_there_are_plain_lines(sqlite_site: Site) -> None:
    ends = run_all(sqlite_site, [["create_backup"], ["list_backups"], ["show_backup", "latest"]])
    for end in ends:
        assert end.returncode == 0, str(end)
        assert "\x1b" not in end.stdout
        assert "\r" not in end.stdout


def test_on_a_terminal_it_shows_progress_and_asks_before_it_deletes(sqlite_site: Site) -> None:
    made = make(sqlite_site)
    assert "\x1b" in on_a_terminal(sqlite_site, ["create_backup"], b"")
    said = on_a_terminal(sqlite_site, ["delete_backup", made["id"]], b"n\n")
    assert "[y/N]" in said
    assert made["id"] in {item["id"] for item in listed(sqlite_site)}
    on_a_terminal(sqlite_site, ["delete_backup", made["id"]], b"y\n")
    assert made["id"] not in {item["id"] for item in listed(sqlite_site)}


def on_a_terminal(site: Site, command: list[str], typed: bytes) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        site.command(*command),
        env=site.environment(TERM="xterm"),
        cwd=site.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, typed)
    said = b""
    try:
        while block := os.read(ours, 65536):
            said += block
    except OSError:  # the terminal's other end is closed
        pass
    finally:
        os.close(ours)
        process.wait(60)
    return said.decode(errors="replace")


@pytest.mark.parametrize("command", [["create_backup"], ["verify_backup", "all"], ["list_backups"]])
def test_from_code_an_error_is_an_exception_and_not_the_end_of_the_process(
    sqlite_site: Site, command: list[str]
) -> None:
    script = (
        "from django.core.management import CommandError, call_command\n"
        "from django.test import override_settings\n"
        "try:\n"
        "    with override_settings(TRUSTBACKUP={'ROTO': 1}):\n"
        f"        call_command(*{command!r})\n"
        "except CommandError as error:\n"
        "    print('caught', error)\n"
    )
    said = sqlite_site.manage("shell", "--no-imports", "-c", script).stdout
    assert said.startswith("caught TRUSTBACKUP has an unknown key")


def test_verify_ends_with_one_when_anything_is_wrong(sqlite_site: Site) -> None:
    good, bad = make(sqlite_site), make(sqlite_site)
    assert verify(sqlite_site, "all")["ok"]
    with Path(bad["files"][0]["path"]).open("ab") as file:
        file.write(b"x")
    assert verify(sqlite_site, good["id"])["ok"]
    assert not verify(sqlite_site, bad["id"])["ok"]
    verdict = verify(sqlite_site, "all")
    assert [item["ok"] for item in verdict["backups"]] == [True, False]
    states = {item["id"]: (item["state"], item["checked"]["ok"]) for item in listed(sqlite_site)}
    assert states == {good["id"]: ("complete", True), bad["id"]: ("damaged", False)}


def test_delete_tells_for_each_what_became_of_it(sqlite_site: Site) -> None:
    one, kept = make(sqlite_site), make(sqlite_site, "--keep")
    result = sqlite_site.manage(
        "delete_backup", one["id"], "nosuch", kept["id"], "--yes", "--json", check=False
    )
    assert result.returncode == 1
    assert result.json["deleted"] == [one["id"]]
    assert [item["id"] for item in result.json["failed"]] == ["nosuch", kept["id"]]
    assert [item["id"] for item in listed(sqlite_site)] == [kept["id"]]


def test_a_kept_backup_can_be_released_and_deleted(sqlite_site: Site) -> None:
    kept = make(sqlite_site, "--keep")
    sqlite_site.manage("keep_backup", kept["id"], "--release")
    sqlite_site.manage("delete_backup", kept["id"], "--yes", "--last-good-too")
    assert listed(sqlite_site) == []
