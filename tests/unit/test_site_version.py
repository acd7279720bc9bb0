"""Which version of the site's own code runs, read from a repository without git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from trustbackup.operations.site_version import git_commit, name_before, site_version


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main/one")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def commit_of(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD")[:12]


def test_a_branch_a_packed_branch_a_commit_and_a_work_tree_are_read(
    repository: Path, tmp_path: Path
) -> None:
    assert git_commit(repository) == commit_of(repository)
    git(repository, "pack-refs", "--all")
    assert not (repository / ".git/refs/heads/main/one").exists()
    assert git_commit(repository) == commit_of(repository)
    inside = repository / "site"
    inside.mkdir()
    assert git_commit(inside) == commit_of(repository)
    git(repository, "checkout", "-q", "--detach")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    assert git_commit(repository) == commit_of(repository)
    beside = tmp_path / "beside"
    git(repository, "worktree", "add", "-q", "-b", "other", str(beside))
    assert git_commit(beside) == commit_of(beside)
    git(repository, "pack-refs", "--all")
    assert git_commit(beside) == commit_of(beside)


@pytest.mark.parametrize("head", ["", "ref: refs/heads/gone", "ref: ../../etc/passwd", "\x00"])
def test_what_is_no_repository_has_no_commit(tmp_path: Path, head: str) -> None:
    (tmp_path / "code").mkdir()
    git_folder = tmp_path / "code/.git"
    git_folder.mkdir()
    (git_folder / "HEAD").write_text(head)
    assert git_commit(tmp_path / "code") == ""
    assert git_commit(tmp_path / "nowhere") == ""


def test_the_settings_go_before_git(settings: Any, repository: Path, tmp_path: Path) -> None:
    settings.BASE_DIR = repository
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    assert site_version() == commit_of(repository)
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path, "VERSION": "release/1.2"}
    assert site_version() == "release/1.2"
    assert name_before("deploy") == "before deploy (release-1.2)"
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path, "VERSION": "v" * 900}
    assert len(name_before("deploy " * 100)) <= 200
