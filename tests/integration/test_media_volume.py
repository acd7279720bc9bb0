"""Uploaded files in the volume of a container, or where the site's user may write nowhere else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_media import NOT_ALMIGHTY
from tests.support.backups import make
from tests.support.media import MEDIA, Snapshot, beside, fill, restored, snapshot
from tests.support.media_killed import sweep_restore
from tests.support.mounts import MountRefusedError, mounted_tmpfs
from tests.support.sampling import Sweep
from tests.support.sites import Site

PRIVATE = b".trustbackup-"


@pytest.fixture
def volume(sqlite_site: Site) -> Iterator[Site]:
    """A site whose media folder is a file system of its own."""
    shutil.rmtree(sqlite_site.media)
    try:
        with mounted_tmpfs(sqlite_site.media, 40 << 20):
            (sqlite_site.media / "lost+found").mkdir(mode=0)
            yield sqlite_site
    except MountRefusedError as error:
        pytest.skip(str(error))


def uploads(folder: Path) -> Snapshot:
    return {name: each for name, each in snapshot(folder).items() if not name.startswith(PRIVATE)}


def inside(site: Site) -> list[str]:
    return sorted(name for name in os.listdir(site.media) if name.startswith(".trustbackup-"))


def test_a_volume_comes_back_and_that_is_undone(volume: Site) -> None:
    fill(volume)
    then = uploads(volume.media)
    made = make(volume, *MEDIA)
    shutil.rmtree(volume.media / "uploads")
    (volume.media / "new one").write_text("new")
    now = uploads(volume.media)
    done = restored(volume, made)["folders"]["media/"]
    assert uploads(volume.media) == then
    assert volume.media.is_mount()
    kept = Path(done["previous"])
    assert [kept.name] == inside(volume)
    assert uploads(kept) == {name: each for name, each in now.items() if name != b"lost+found"}
    planned = volume.manage("restore_backup", made["id"], "--dry-run", "--json").json
    assert not any(planned["folders"]["media"][each] for each in ("added", "changed", "gone"))
    volume.manage("create_backup", *MEDIA, prefix=NOT_ALMIGHTY)  # nothing that it can't read
    undone = volume.manage("undo_restore", "--json").json
    assert uploads(volume.media) == now
    volume.manage("undo_restore", undone["undo"])
    assert uploads(volume.media) == then
    volume.manage("release_restore", "--yes")
    assert inside(volume) == beside(volume) == []


@pytest.mark.parametrize("call", ["rename", "mkdir", "rmdir"])
def test_fault_35_sigkill_while_a_volume_is_restored_leaves_the_old_or_the_new(
    volume: Site, strace: str, tmp_path: Path, sweep: Sweep, call: str
) -> None:
    chosen = (sweep, call, 3)
    sweep_restore(volume, strace, tmp_path, chosen, lambda: uploads(volume.media), inside)


def test_what_lies_in_a_folder_that_is_not_the_sites_comes_back(sqlite_site: Site) -> None:
    site = sqlite_site
    shop = site.folder / "code"
    shop.mkdir()
    site.media.rename(shop / "media")
    site.media.symlink_to(shop / "media")
    fill(site)
    then = uploads(shop / "media")
    made = make(site, *MEDIA)
    shutil.rmtree(shop / "media/uploads")
    shop.chmod(0o555)
    command = ("restore_backup", made["id"], "--force", "--json")
    done = site.manage(*command, prefix=NOT_ALMIGHTY).json["folders"]["media/"]
    assert Path(done["previous"]).parent == shop / "media"
    assert uploads(shop / "media") == then
    shop.chmod(0o755)  # whoever may rename it by now still finds what was kept in it
    site.manage("undo_restore", prefix=NOT_ALMIGHTY)
    assert "uploads" not in os.listdir(shop / "media")
