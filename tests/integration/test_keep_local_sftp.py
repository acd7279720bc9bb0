"""KEEP_LOCAL and a server whose word may be only its cache's (case P4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import sshd
from tests.support.local_data import data, keep_local
from tests.support.offsite import save, shell
from tests.support.places import sftp
from tests.support.sites import Site

TEN_MINUTES_LATER = """
from datetime import timedelta
from django.db.models import F
from trustbackup.models import Copy
Copy.objects.update(changed=F("changed") - timedelta(minutes=10))
"""


@pytest.mark.parametrize("saved", [True, False])
def test_case_p4_data_goes_here_only_after_a_second_look(
    sqlite_site: Site,
    shared_sshd: sshd.Server,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    saved: bool,
) -> None:
    place = sftp(request, tmp_path)
    sqlite_site.variables.update(place.variables)
    name = place.url
    if saved:
        name = "nas"
        options = {
            "host": shared_sshd.host,
            "port": shared_sshd.port,
            "user": shared_sshd.user.name,
            "folder": f"second-look-{tmp_path.name}",
            "host_key": shared_sshd.host_key(),
        }
        save(sqlite_site, name, "sftp", options, {"private_key": (tmp_path / "key").read_text()})
    keep_local(sqlite_site, 0)
    made = sqlite_site.manage("create_backup", "--to", name, "--json").json
    assert [copied["error"] for copied in made["copies"]] == [""]
    assert made["offloaded"] == []
    assert data(sqlite_site) == [made["id"]], "the server said yes a moment ago"
    if saved:
        sqlite_site.manage("sync_backups", name)
        assert data(sqlite_site) == [made["id"]]
        shell(sqlite_site, TEN_MINUTES_LATER)
    sqlite_site.manage("sync_backups", name)
    assert data(sqlite_site) == []
