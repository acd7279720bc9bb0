"""Kept, checked, drilled: what became of a backup travels with its copies, and comes back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import listed, make, more_settings
from tests.support.buckets import Bucket
from tests.support.offsite import add
from tests.support.places import KINDS, place_for
from tests.support.s3_proxy import Rule, proxy_to
from tests.support.sites import Site
from trustbackup.store import record
from trustbackup.store.record import Record
from trustbackup.store.signature import Signer


def marks(folder: Path, made: dict[str, Any]) -> Any:
    return json.loads((folder / f"backup_{made['id']}.record.json").read_bytes())


def test_marks_go_along_are_renewed_and_come_back_from_nothing(
    any_site: Site, offloaded: Path
) -> None:
    add(any_site, offloaded)
    made = make(any_site, "--keep")
    assert marks(offloaded, made)["protected"] is True, "it goes along with the copy"
    any_site.manage("verify_backup", made["id"], "--restore")
    assert marks(offloaded, made)["checked"] is None
    (found,) = any_site.manage("sync_backups", "--json").json
    assert (found["renewed"], found["notes"], found["ok"]) == ([made["id"]], [], True)
    there = marks(offloaded, made)
    assert there["checked"]["ok"]
    assert there["drills"][0]["ok"]
    assert any_site.manage("sync_backups", "--json").json[0]["renewed"] == [], "it is the same now"
    before = listed(any_site)
    shutil.rmtree(any_site.backups)
    any_site.manage("restore_backup", "latest", "--from", offloaded.as_uri(), "--force")
    assert listed(any_site) == before


def test_the_last_word_on_kept_wins_on_both_sides(sqlite_site: Site, offloaded: Path) -> None:
    add(sqlite_site, offloaded)
    made = make(sqlite_site, "--keep")
    sqlite_site.manage("keep_backup", made["id"], "--release")
    sqlite_site.manage("sync_backups")
    assert marks(offloaded, made)["protected"] is False
    assert listed(sqlite_site)[0]["protected"] is False
    # Another machine of this site keeps it, there.
    here = sqlite_site.backups / f"backup_{made['id']}.record.json"
    there, released = offloaded / here.name, here.read_bytes()
    sqlite_site.manage("keep_backup", made["id"])
    there.write_bytes(here.read_bytes())
    here.write_bytes(released)
    sqlite_site.manage("sync_backups")
    assert listed(sqlite_site)[0]["protected"] is True


def test_a_record_of_an_unknown_key_is_neither_believed_nor_replaced(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    made = make(sqlite_site)
    foreign = record.render(made["id"], Record(protected=True), Signer(["theirs"]))
    there = offloaded / f"backup_{made['id']}.record.json"
    there.write_bytes(foreign)
    sqlite_site.manage("verify_backup", made["id"])
    (found,) = sqlite_site.manage("sync_backups", "--json").json
    assert found["renewed"] == []
    assert there.read_bytes() == foreign
    assert listed(sqlite_site)[0]["protected"] is False
    # One that was altered counts for nothing, and ours takes its place.
    there.write_bytes(b"{}")
    assert sqlite_site.manage("sync_backups", "--json").json[0]["renewed"] == [made["id"]]
    assert marks(offloaded, made)["checked"]["ok"]


def test_where_the_data_is_stays_at_home(sqlite_site: Site, offloaded: Path) -> None:
    add(sqlite_site, offloaded)
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 0}")
    made = make(sqlite_site)
    sqlite_site.manage("verify_backup", made["id"])
    sqlite_site.manage("sync_backups")
    assert marks(sqlite_site.backups, made)["offloaded"]["destination"] == "disk"
    assert marks(offloaded, made)["checked"]["ok"]
    assert marks(offloaded, made)["offloaded"] is None


DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"


def test_attack_26_where_nothing_may_be_deleted_the_old_record_stays_and_it_is_said(
    sqlite_site: Site, bucket: Bucket
) -> None:
    server = bucket.server
    with proxy_to(server.endpoint) as proxy:
        proxy.rules.append(Rule("DELETE", status=403, body=DENIED))
        sqlite_site.variables.update(
            AWS_ACCESS_KEY_ID=server.access_key, AWS_SECRET_ACCESS_KEY=server.secret_key
        )
        url = f"s3://{bucket.name}?endpoint={proxy.endpoint}&region={server.region}"
        made = make(sqlite_site, "--to", url, "--keep")
        before = bucket.content(f"backup_{made['id']}.record.json")
        sqlite_site.manage("verify_backup", made["id"])
        (found,) = sqlite_site.manage("sync_backups", url, "--json").json
        assert found["ok"]
        assert found["renewed"] == []
        assert "may not delete" in found["notes"][0]
    assert bucket.content(f"backup_{made['id']}.record.json") == before


@pytest.mark.parametrize("kind", KINDS)
def test_marks_are_renewed_and_dropped_data_comes_back_at_each_kind(
    sqlite_site: Site, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    place = place_for(sqlite_site, kind, request, tmp_path)
    made = make(sqlite_site, "--to", place.url, "--keep")
    sqlite_site.manage("verify_backup", made["id"])
    for renewed in ([made["id"]], []):
        (found,) = sqlite_site.manage("sync_backups", place.url, "--json").json
        assert (found["renewed"], found["notes"]) == (renewed, [])
    sqlite_site.manage("keep_backup", made["id"], "--release")
    settings = sqlite_site.home / "more_settings.py"
    already = settings.read_text().partition("import *")[2] if settings.exists() else ""
    more_settings(sqlite_site, f"{already}\nTRUSTBACKUP = {{**TRUSTBACKUP, 'KEEP_LOCAL': 0}}")
    sqlite_site.manage("sync_backups", place.url)
    (row,) = listed(sqlite_site)
    assert row["state"] == "offloaded"
    sqlite_site.manage("restore_backup", "latest", "--force")
    (row,) = listed(sqlite_site)
    assert (row["state"], row["protected"]) == ("complete", False)
    shutil.rmtree(sqlite_site.backups)
    sqlite_site.manage("sync_backups", place.url, "--pull")
    (again,) = listed(sqlite_site)
    assert again == row
