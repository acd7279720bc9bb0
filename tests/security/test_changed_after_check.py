"""Attack 15: a backup's file was good when it was checked, and is another when it is loaded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import make
from tests.support.content import digest
from tests.support.restores import beside, go_on, only_file, unfinished
from tests.support.sites import Site
from trustbackup.exceptions import ManifestError
from trustbackup.store.checked_file import BLOCK, hashes_of, open_checked

CHANGED = """
import shutil, sys
from django.core.management import call_command
from trustbackup.operations import checks
from trustbackup.operations.restore import contents, drill
real = {{checks: checks.check_files, contents: contents.check_files}}

def changed_after(module):
    def check(entry, manifest, *arguments):
        problems = real[module](entry, manifest, *arguments)
        if {how!r} == "in place":
            with open({file!r}, "r+b") as file:
                file.write(open({other!r}, "rb").read())
                file.truncate()
        else:
            shutil.copy({other!r}, {file!r} + ".new")
            shutil.move({file!r} + ".new", {file!r})
        return problems
    return check

for module in real:
    module.check_files = changed_after(module)
call_command(*{command!r})
"""


def evil_backup(site: Site, tmp_path: Path) -> tuple[dict[str, Any], Path, Path]:
    """A backup, its file, and one like it in every size and number, with something else inside."""
    site.query("UPDATE shop_product SET name = 'good name'")
    made = make(site)
    raw = gzip.decompress(only_file(made).read_bytes())
    assert b"good name" in raw
    other = tmp_path / "other"
    other.write_bytes(gzip.compress(raw.replace(b"good name", b"evil name"), 1))
    return made, only_file(made), other


@pytest.mark.parametrize("how", ["by name", "in place"])
@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_attack_15_what_was_changed_after_its_check_is_not_restored(
    any_site: Site, tmp_path: Path, strategy: str, how: str
) -> None:
    if any_site.engine != "postgresql" and strategy == "--in-place":
        pytest.skip("only PostgreSQL is restored in place")
    made, file, other = evil_backup(any_site, tmp_path)
    go_on(any_site)
    before = digest(any_site)
    command = ("restore_backup", made["id"], strategy, "--force", "--json", "--no-safety-backup")
    code = CHANGED.format(file=str(file), other=str(other), how=how, command=command)
    done = any_site.manage("shell", "--no-imports", "-c", code, check=False)
    assert done.returncode != 0, str(done)
    assert "it was changed after it had been checked" in str(done)
    assert digest(any_site) == before
    assert beside(any_site) == []
    assert not unfinished(any_site)


@pytest.mark.parametrize("how", ["by name", "in place"])
def test_attack_15_what_was_changed_after_its_check_is_not_drilled(
    any_site: Site, tmp_path: Path, how: str
) -> None:
    made, file, other = evil_backup(any_site, tmp_path)
    command = ("verify_backup", made["id"], "--restore", "--json")
    code = CHANGED.format(file=str(file), other=str(other), how=how, command=command)
    done = any_site.manage("shell", "--no-imports", "-c", code, check=False)
    found = json.loads(done.stdout)
    assert not found["ok"]
    assert "it was changed after it had been checked" in str(found["problems"])
    assert beside(any_site) == []


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_a_file_that_is_as_it_was_is_read_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    data = bytes(index % 251 for index in range(size))
    path.write_bytes(data)
    with open_checked(path, hashes_of(path)) as file:
        assert file.read(10) == data[:10]
        assert file.read() == data[10:]


@pytest.mark.parametrize("at", [0, BLOCK - 1, BLOCK, 2 * BLOCK + 5])
@pytest.mark.parametrize("change", ["flip", "cut", "add"])
def test_attack_15_no_byte_of_a_block_that_changed_is_given_out(
    tmp_path: Path, at: int, change: str
) -> None:
    path = tmp_path / "file"
    data = bytearray(index % 251 for index in range(2 * BLOCK + 10))
    path.write_bytes(data)
    known = hashes_of(path)
    if change == "flip":
        data[at] ^= 1
    elif change == "cut":
        del data[at:]
    else:
        data[at:at] = b"x"
    path.write_bytes(data)
    with open_checked(path, known) as file:
        assert len(file.read(at // BLOCK * BLOCK)) == at // BLOCK * BLOCK
        with pytest.raises(ManifestError, match="was changed"):
            file.read(1)
