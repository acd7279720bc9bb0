"""PostgreSQL's own programs, run as the user that they demand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path


@cache
def postgresql_programs() -> str:
    """The folder of the newest installed server's programs."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(re.sub(r"\D", "", path.parent.parent.name) or 0),
    )
    if found:
        return str(found[-1].parent)
    if on_path := shutil.which("initdb"):
        return str(Path(on_path).resolve().parent)
    raise RuntimeError(
        "PostgreSQL's server programs are not installed (no /usr/lib/postgresql/*/bin/initdb): "
        "`make test` installs them, or says how."
    )


def pg_ctl(action: str, data_dir: Path, *arguments: str, **env: str) -> None:
    program = f"{postgresql_programs()}/pg_ctl"
    run([program, action, "--pgdata", str(data_dir), "--wait", "--silent", *arguments], **env)


def run(command: list[str], **env: str) -> None:
    """Run a server's program as the user it demands: postgres when root, else ourselves."""
    if os.geteuid() == 0:
        as_postgres = ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        command = ["setpriv", *as_postgres, "--", *command]
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", **env},
        cwd="/",
        timeout=120,
        check=False,
    )
    if result.returncode:
        said = result.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"{' '.join(command)} ended with {result.returncode}: {said}")
