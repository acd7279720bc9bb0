"""Row 48: a prune by the rules is killed, here and at a destination; the next one finishes it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.backups import leftovers, listed, more_settings
from tests.support.index import backup_folder
from tests.support.pruning import nightly
from tests.support.sampling import Sweep
from tests.support.sites import SECRET_KEY, Site
from tests.support.tracing import NEVER, number_of
from trustbackup.store import names

CALLS = "rename,unlink"
STAY = 2
PLAN = {"SCHEDULE": "0 4 * * *", "ZONE": "UTC", "RETENTION": {"last": STAY}}


def put_site(site: Site, saved: Path) -> list[str]:
    """A site with five nights' backups, each copied to a folder; the ids, oldest first."""
    more_settings(site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'PLANS': {{'nightly': {PLAN!r}}}}}")
    (site.folder / "nas").mkdir(mode=0o700)
    site.manage(
        "shell",
        "-c",
        "from trustbackup.models import Destination\n"
        f"Destination.objects.create(name='nas', kind='folder',"
        f" options={{'path': {str(site.folder / 'nas')!r}}})",
    )
    site.backups.mkdir(mode=0o700, exist_ok=True)
    made = nightly(backup_folder(site.backups, SECRET_KEY), 5)
    # By their names: what the rules would let go again is not sent otherwise.
    site.manage("sync_backups", "nas", *(f"--backup={each}" for each in made))
    shutil.copytree(site.folder, saved)
    return made


def put_back(site: Site, saved: Path) -> None:
    for name in ("backups", "nas"):
        shutil.rmtree(site.folder / name)
        shutil.copytree(saved / name, site.folder / name)
    shutil.copy(saved / site.sqlite_file.name, site.sqlite_file)


def assert_whole_or_gone(folder: Path) -> None:
    """Whatever has a manifest has its data, too."""
    for manifest in folder.glob(f"backup_*{names.MANIFEST}"):
        identifier = manifest.name.removeprefix("backup_").removesuffix(names.MANIFEST)
        assert (folder / f"backup_{identifier}.dump.gz").exists(), manifest


def test_fault_48_a_prune_that_is_killed_at_any_call_is_finished_by_the_next(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    saved = tmp_path / "saved"
    made = put_site(sqlite_site, saved)
    nas = sqlite_site.folder / "nas"
    staying = made[-STAY:]

    def prune(number: int) -> int:
        put_back(sqlite_site, saved)
        log = tmp_path / str(number)
        inject = f"inject={CALLS}:signal=KILL:when={number}"
        prefix = [strace, "-f", "-qq", "-o", str(log), "-e", f"trace={CALLS}", "-e", inject]
        ended = sqlite_site.manage("prune_backups", prefix=prefix, check=False)
        return ended.returncode

    assert prune(NEVER) == 0
    untouched = (
        number_of("rename", tmp_path / str(NEVER)),
        number_of("unlink", tmp_path / str(NEVER)),
    )
    assert min(untouched) >= 3, untouched
    # Its signs of life are calls, too, so that the last numbers may not be reached.
    dead = 0
    for number in sweep.choose(range(1, sum(untouched) + 1), 4):
        dead += bool(prune(number))
        assert {item["state"] for item in listed(sqlite_site)} == {"complete"}, number
        for folder in (sqlite_site.backups, nas):
            assert_whole_or_gone(folder)
            assert {path.name for path in folder.glob("*.manifest.json")} >= {
                names.manifest_name(each) for each in staying
            }
        again = sqlite_site.manage("prune_backups", check=False)
        assert again.returncode == 0, str(again)
        assert [item["id"] for item in listed(sqlite_site)] == staying[::-1], number
        assert not leftovers(sqlite_site.backups)
        left = {path.name.partition(".")[0] for path in nas.glob("backup_*")}
        assert left == {f"backup_{each}" for each in staying}, number
    assert dead
