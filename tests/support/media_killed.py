"""Kill a restore of uploaded files at each call of a sort: old or new, never between."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.support.backups import make
from tests.support.media import MEDIA, Snapshot, fill, restored
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.tracing import NEVER, number_of


def killed(site: Site, strace: str, log: Path, call: str, number: int, *command: str) -> bool:
    """Kill a command at the so-manieth of these calls; False when it has fewer."""
    prefix = [strace, "-f", "-qq", "-o", str(log), "-e", f"trace={call}"]
    prefix += ["-e", f"inject={call}:signal=KILL:when={number}"]
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    return site.manage(*command, prefix=prefix, check=False, env=env).returncode != 0


def sweep_restore(
    site: Site,
    strace: str,
    tmp_path: Path,
    chosen: tuple[Sweep, str, int],
    uploads: Callable[[], Snapshot],
    aside: Callable[[Site], list[str]],
) -> None:
    """``chosen`` are the sweep, the call and how many of its places; ``uploads`` is what the folder
    holds of the site's, ``aside`` names what restores have put aside, which none may leave."""
    sweep, call, most = chosen
    fill(site)
    new = uploads()
    made = make(site, *MEDIA)
    (site.media / "large").write_text("small")
    old = uploads()
    command = ("restore_backup", made["id"], "--force")
    log = tmp_path / "all"
    assert not killed(site, strace, log, call, NEVER, *command)
    total = number_of(call, log)
    assert total >= 1

    def go_back() -> None:
        site.manage("undo_restore")
        site.manage("release_restore", "--yes")

    go_back()
    assert uploads() == old
    for number in sweep.choose(range(1, total + 1), most):
        killed(site, strace, tmp_path / str(number), call, number, *command)
        site.manage("list_backups")  # every command recovers first
        live = uploads()
        assert live in (old, new), number
        kept = site.manage("list_restores", "--json").json
        assert len(kept) == (live == new)
        assert aside(site) == [entry["previous"] for entry in kept]
        if kept:
            go_back()
        assert uploads() == old
        assert aside(site) == []
        assert not [name for name in os.listdir(site.backups / ".restores") if ".work" in name]
    restored(site, made)
    assert uploads() == new
