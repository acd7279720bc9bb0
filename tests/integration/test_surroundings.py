"""Processes as containers and services start them: without a name, a home, or a folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.backups import leftovers
from tests.support.sites import Result, Site, finish

NAMELESS = 54_321
# It may still read the developer's own interpreter, wherever that lies.
AS_NAMELESS = (
    *("setpriv", f"--reuid={NAMELESS}", f"--regid={NAMELESS}", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"),
)


def give_to_nameless(site: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    for path in (site.folder, *site.folder.rglob("*")):
        os.chown(path, NAMELESS, NAMELESS)


def test_case_g2_a_user_without_a_name_or_a_home_does_everything(any_site: Site) -> None:
    give_to_nameless(any_site)

    def manage(*arguments: str) -> Result:
        environment = any_site.environment()
        del environment["HOME"]
        process = subprocess.Popen(
            [*AS_NAMELESS, *any_site.command(*arguments)],
            cwd=any_site.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        result = finish(process)
        assert result.returncode == 0, str(result)
        return result

    manage("create_backup")
    manage("verify_backup", "latest")
    manage("verify_backup", "latest", "--restore")
    manage("restore_backup", "latest", "--force")
    manage("undo_restore")
    manage("prune_backups", "--keep", "1")
    # The restore put the older rows back, but not the app's own.
    actors = {
        actor for (actor,) in any_site.query("SELECT DISTINCT actor FROM trustbackup_auditevent")
    }
    assert f"uid {NAMELESS} (command)" in actors


def test_case_g2_a_working_folder_that_was_removed_is_not_missed(
    any_site: Site, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    for arguments in (["create_backup"], ["verify_backup", "latest", "--restore"]):
        script = f'rmdir "{gone}" && exec "$@"'
        gone.mkdir(exist_ok=True)
        process = subprocess.Popen(
            ["sh", "-c", script, "sh", *any_site.command(*arguments)],
            cwd=gone,
            env=any_site.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        result = finish(process)
        assert result.returncode == 0, str(result)
        assert "Traceback" not in result.stderr
    assert not leftovers(any_site.backups)
