"""Which version of the site's own code runs: as its settings say, or by its git commit."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings as django_settings

from trustbackup.conf import get_settings

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHOWN = 12
"""Characters of a commit that tell it from the others."""
_LONGEST, _SHOWN_OF_VERSION = 140, 50
"""Characters of what a backup is made before, and of a version, in its name."""
_LARGEST = 16 << 20
"""Bytes of a list of packed references that is read."""


def site_version() -> str:
    """``TRUSTBACKUP["VERSION"]``, else the commit of ``BASE_DIR`` (12 hex digits), else "".

    Raises ConfigurationError.
    """
    if named := get_settings().version:
        return named
    base = getattr(django_settings, "BASE_DIR", None)
    return git_commit(Path(base)) if base else ""


def git_commit(folder: Path) -> str:
    """What is checked out there or above it, read without git; "" where that is not known.

    https://git-scm.com/docs/gitrepository-layout
    """
    for place in (folder, *folder.parents):
        try:
            git = _git_folder(place / ".git")
            return _commit(git)[:_SHOWN] if git else ""
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return ""
    return ""


def _git_folder(path: Path) -> Path | None:
    """The repository's folder; a work tree beside another's repository has a file that names it."""
    if path.is_dir():
        return path
    text = path.read_text()
    named = text.removeprefix("gitdir:").strip()
    return (path.parent / named) if text.startswith("gitdir:") else None


def _commit(git: Path) -> str:
    head = (git / "HEAD").read_text().strip()
    name = head.removeprefix("ref:").strip()
    if name == head:
        return head if _COMMIT.fullmatch(head) else ""
    shared = git
    if (git / "commondir").is_file():
        shared = git / (git / "commondir").read_text().strip()
    for place in (git, shared):
        if (place / name).is_file():
            found = (place / name).read_text().strip()
            return found if _COMMIT.fullmatch(found) else ""
    return _packed(shared / "packed-refs", name)


def _packed(path: Path, name: str) -> str:
    if not path.is_file() or path.stat().st_size > _LARGEST:
        return ""
    for line in path.read_text().splitlines():
        commit, _space, reference = line.partition(" ")
        if reference == name and _COMMIT.fullmatch(commit):
            return commit
    return ""


def name_before(change: str) -> str:
    """The name of a backup that is made before a change: "before deploy (3fa1…)".

    A branch's slash, which no name may have, becomes a dash. Raises ConfigurationError.
    """
    version = site_version().replace("/", "-").replace("\\", "-")
    return f"before {change}"[:_LONGEST] + (f" ({version[:_SHOWN_OF_VERSION]})" if version else "")
