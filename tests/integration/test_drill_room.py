"""A drill's own server, where its role may create no database, needs a folder with room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.backups import make
from tests.support.restores import drill
from tests.support.sites import Site
from trustbackup.databases.postgresql.scratch_cluster import _folder_with_room
from trustbackup.exceptions import RestoreError


def test_case_g6_another_folder_is_taken_where_tmpdir_is_small(
    postgres_site: Site, small_tmpfs: Callable[[int], Path]
) -> None:
    assert postgres_site.database
    postgres_site.database.cluster.execute(f'ALTER ROLE "{postgres_site.database.user}" NOCREATEDB')
    made = make(postgres_site)
    small = small_tmpfs(8 << 20)
    before = set(Path("/var/tmp").glob("tb-*"))
    postgres_site.variables["TMPDIR"] = str(small)
    assert drill(postgres_site, made["id"])["ok"]
    assert set(Path("/var/tmp").glob("tb-*")) <= before
    assert not list(small.iterdir())


def test_case_g6_a_folder_that_is_too_small_is_named_with_what_is_needed() -> None:
    with pytest.raises(RestoreError, match=r"bytes free and .* are needed.*TMPDIR"):
        _folder_with_room("Database 'default' was not drilled", 1 << 60)
