"""Files in objects come back without this app: by exactly the lines that the reference has."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.objects import Objects
from tests.support.sites import CHECKOUT
from trustbackup.contents.media import packs


def the_lines() -> str:
    text = (CHECKOUT / "docs" / "reference" / "manifest.md").read_text()
    (lines,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return str(lines)


def by_hand(folder: Path, target: Path) -> str:
    target.mkdir()
    environment = {**os.environ, "ID": "2026-11-20_02-15-33", "TO": str(target)}
    command = ["bash", "-c", the_lines()]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout == ""
    return ended.stderr


def contents(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): path.readlink()
        if path.is_symlink()
        else path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
    }


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_ten_lines_rebuild_the_tree_and_tell_what_is_damaged(tmp_path: Path) -> None:
    objects, media = Objects.beside(tmp_path), tmp_path / "media"
    (media / "a folder" / "é").mkdir(parents=True)
    (media / "a folder" / "new\nline").write_text("one")
    (media / "a folder" / "-n $(date) '\"\\").write_text("two")
    (media / "empty").touch()
    (media / "link").symlink_to("a folder/no where")
    (media / "large").write_bytes(os.urandom(packs.ALONE + 1))
    objects.back_up(media)
    backups = objects.store.root
    listed = backups / "backup_2026-11-20_02-15-33.media-files.jsonl.gz"
    listed.write_bytes(gzip.compress(objects.indexes[0]))
    assert by_hand(backups, tmp_path / "back") == ""
    assert contents(tmp_path / "back") == contents(media)
    pack = min(objects.store.folder.iterdir(), key=lambda path: path.stat().st_size)
    pack.write_bytes(pack.read_bytes().replace(b"two", b"six"))
    assert by_hand(backups, tmp_path / "again").startswith("damaged: a folder/-n ")
