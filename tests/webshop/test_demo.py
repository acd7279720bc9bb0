"""`make demo`: everything is lost, and comes back with its pictures in one command."""

from __future__ import annotations

import shlex

from tests.integration.test_full_backup import state
from tests.support.backups import listed
from tests.support.sites import CHECKOUT, Site

SCRIPT = CHECKOUT / "scripts" / "demo.sh"


def test_the_demo_loses_everything_and_comes_back_whole(any_site: Site) -> None:
    then = state(any_site)
    _before, _title, rest = SCRIPT.read_text().partition('title "Everything together')
    steps, _title, _after = rest.partition('title "All backups"')
    commands = [
        shlex.split(line.partition("2>")[0])[1:]
        for line in steps.splitlines()
        if line.startswith("manage ")
    ]
    assert [command[0] for command in commands] == [
        "create_backup", "lose_everything", "restore_backup", "release_restore"
    ]  # fmt: skip
    any_site.manage(*commands[0], env={"DEBUG": "1"})
    refused = any_site.manage("lose_everything", "--yes", env={"DEBUG": "0"}, check=False)
    assert (refused.returncode, state(any_site)) == (1, then)
    any_site.manage(*commands[1], env={"DEBUG": "1"})
    assert not any_site.media.exists()
    any_site.manage(*commands[2], env={"DEBUG": "1"})
    assert state(any_site) == then
    assert len([path for path in any_site.media.rglob("*") if path.is_file()]) > 5
    any_site.manage(*commands[3], env={"DEBUG": "1"}, check=False)
    assert any_site.manage("list_restores", "--json").json == []
    assert listed(any_site)[0]["kind"] == "full"
