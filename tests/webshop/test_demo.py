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
        "create_backup", "verify_backup", "lose_everything", "restore_backup", "release_restore"
    ]  # fmt: skip
    made, proven, lost, restored, released = commands
    any_site.manage(*made, env={"DEBUG": "1"})
    any_site.manage(*proven, env={"DEBUG": "1"})
    refused = any_site.manage("lose_everything", "--yes", env={"DEBUG": "0"}, check=False)
    assert (refused.returncode, state(any_site)) == (1, then)
    any_site.manage(*lost, env={"DEBUG": "1"})
    assert not any_site.media.exists()
    any_site.manage(*restored, env={"DEBUG": "1"})
    assert state(any_site) == then
    assert len([path for path in any_site.media.rglob("*") if path.is_file()]) > 5
    any_site.manage(*released, env={"DEBUG": "1"}, check=False)
    assert any_site.manage("list_restores", "--json").json == []
    assert listed(any_site)[0]["kind"] == "full"


def test_a_demo_in_somebodys_own_database_or_folder_loses_nothing(any_site: Site) -> None:
    """`DATABASE_URL=… make demo` is one line away from somebody's own tables and files."""
    any_site.query("CREATE TABLE ledger (amount integer)")
    assert "(ledger)" in nothing_lost(any_site)
    any_site.query("DROP TABLE ledger")

    own = any_site.media / "letters" / "will.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert "(letters/will.txt)" in nothing_lost(any_site)
    assert own.read_text() == "mine"
    own.unlink()

    if any_site.engine == "postgresql":
        any_site.query("CREATE VIEW open_orders AS SELECT * FROM shop_order")
        assert "open_orders" in nothing_lost(any_site)


def nothing_lost(site: Site) -> str:
    """The sentence with which it was refused."""
    then = state(site)
    refused = site.manage("lose_everything", "--yes", env={"DEBUG": "1"}, check=False)
    assert (refused.returncode, state(site)) == (1, then)
    # The system's checks may have had something to say before.
    assert "CommandError: Nothing was dropped: " in refused.stderr
    return refused.stderr
