"""``create_db_backup`` and ``get_backup_file_data``, as other code calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.backups import leftovers
from tests.support.sites import Site

CALL = """
import json
from subprocess import CalledProcessError
from trustbackup.compat import create_db_backup, get_backup_file_data
try:
    found = {"name": create_db_backup(PATH)}
except CalledProcessError as error:
    found = {"error": "CalledProcessError", "text": str(error)}
except OSError as error:
    found = {"error": "OSError", "text": str(error)}
if "name" in found:
    found["data"] = get_backup_file_data(found["name"])
print(json.dumps(found))
"""


def call(site: Site, path: Path, **env: str) -> dict[str, object]:
    code = CALL.replace("PATH", repr(str(path)))
    result = site.manage("shell", "--verbosity", "0", "-c", code, env=env)
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_the_new_files_name_comes_back(any_site: Site) -> None:
    found = call(any_site, any_site.backups)
    name = found["name"]
    assert isinstance(name, str)
    assert (any_site.backups / name).stat().st_size > 0
    assert any_site.manage("verify_backup", name).returncode == 0
    data = found["data"]
    assert isinstance(data, dict)
    assert data.keys() == {"filename", "created_at", "modified_at", "size_kb"}
    assert data["filename"] == name
    day, time = name.removeprefix("backup_").split(".")[0].split("_")[:2]
    assert data["created_at"] == f"{day} {time.replace('-', ':')}"
    assert data["modified_at"] >= data["created_at"]
    assert data["size_kb"] == round((any_site.backups / name).stat().st_size / 1024, 1)


def test_another_folder_is_made_and_filled(any_site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other" / "folder"
    found = call(any_site, other)
    assert (other / str(found["name"])).exists()
    assert found["data"] == {}, "it is not in the backup folder"


def test_a_folder_that_cannot_be_made_is_an_oserror(any_site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    found = call(any_site, tmp_path / "file" / "backups")
    assert found["error"] == "OSError"
    assert "Not a directory" in str(found["text"])


@pytest.mark.parametrize("reason", ["corrupt", "unreachable"])
def test_a_dumper_that_fails_is_a_calledprocesserror(
    sqlite_site: Site, postgres_site: Site, tmp_path: Path, reason: str
) -> None:
    if reason == "corrupt":
        site, env = sqlite_site, {}
        site.sqlite_file.write_bytes(b"no database at all" * 100)
    else:
        site = postgres_site
        env = {"DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/nowhere"}
    found = call(site, tmp_path / "backups", **env)
    assert found["error"] == "CalledProcessError", found
    assert "default" in str(found["text"])
    assert leftovers(tmp_path / "backups") == []
