"""Sites of other people, into which trustbackup is installed as the tutorial says.

Each has a virtual environment of its own and the wheel. pip may ask the machine's index. What this
project's own environment pins is pinned there, too, but for Django; what a host needs besides is
pinned in ``tests/hosts/``.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import tutorial
from tests.support.backups import wait_for
from tests.support.ports import free_port

CHECKOUT = Path(__file__).resolve().parents[2]
PASSWORD = "a password of the tests"
OPERATOR = {
    "DJANGO_SUPERUSER_USERNAME": "operator",
    "DJANGO_SUPERUSER_EMAIL": "operator@example.com",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}


@dataclass(frozen=True, kw_only=True)
class Host:
    """A kind of site: what it is made of, and where its settings and addresses are."""

    name: str
    packages: tuple[str, ...]
    make: Callable[[Newcomer], None]
    """Makes the project ``mysite`` in the newcomer's folder."""
    settings: str = "mysite/settings.py"
    urls: str = "mysite/urls.py"
    python: tuple[int, int] = (3, 11)
    """The oldest that its packages run on."""
    sign_in_as: str = "operator"
    """What the operator types first where one signs in."""


@dataclass(frozen=True)
class Newcomer:
    """Who follows the tutorial, in a folder with the project and its virtual environment."""

    host: Host
    folder: Path
    wheel: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("DJANGO_", "PYTHON", "PYTEST_", "TRUSTBACKUP_", "COVERAGE"))
        }
        return {
            **kept,
            **OPERATOR,
            "HOME": str(self.folder),
            "PATH": f"{self.folder / '.venv/bin'}{os.pathsep}{kept['PATH']}",
            "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache/pip")),
            "PIP_CONSTRAINT": str(self.folder / "constraints.txt"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_COMPILE": "1",
            "PIP_NO_INPUT": "1",
        }

    def run(self, *command: str, said: str = "") -> str:
        """Run a command to its end; what it printed. Raises AssertionError when it fails."""
        # What comes over a network is asked for once more when it did not come.
        for _try in range(2 if command[0] == "pip" else 1):
            result = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment,
                input=said,
                capture_output=True,
                text=True,
                timeout=900,
            )
            if result.returncode == 0:
                break
        text = f"{shlex.join(command)}\n{result.stdout}{result.stderr}"
        assert result.returncode == 0, text
        return result.stdout + result.stderr

    def append(self, file: str, text: str) -> None:
        path = self.folder / file
        path.write_text(f"{path.read_text()}\n{text}")

    def follow(self, upto: str) -> list[str]:
        """Do what the tutorial says, up to a command; what each command printed.

        A command that asks is answered with yes, as one does who was just told what it would do.
        """
        self.append(self.host.settings, tutorial.written("settings.py"))
        self.append(self.host.urls, tutorial.written("urls.py"))
        printed: list[str] = []
        for line in tutorial.commands():
            if line == upto:
                return printed
            command = shlex.split(line)
            if command[:3] == ["pip", "install", "trustbackup"]:
                command[2] = str(self.wheel)
            if command[:2] == ["python", "manage.py"] and command[2] in ASKING:
                command += ASKING[command[2]] if "--dry-run" not in command else []
            printed.append(self.run(*command))
        raise AssertionError(f"the tutorial does not say {upto!r}")

    @contextlib.contextmanager
    def serve(self) -> Iterator[str]:
        """Django's own server, as the tutorial starts it, at a free port; its address."""
        port = free_port()
        command = ["python", "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        log = self.folder / "server.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        address = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"{address}/settings/backups/", timeout=20).close()
            except urllib.error.HTTPError:
                return True
            except OSError:
                return False
            return True

        try:
            wait_for(answers, seconds=120)
            yield address
            assert "Traceback" not in log.read_text(), log.read_text()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


ASKING = {"restore_backup": ["--force"]}
"""Commands that ask a person at a terminal, and what says yes where there is none."""


def move_in(host: Host, folder: Path, wheel: Path) -> Newcomer:
    """Make the site, before trustbackup is there. Raises LookupError without a Python for it."""
    newcomer = Newcomer(host, folder, wheel)
    pins = (CHECKOUT / "constraints.txt").read_text()
    kept = [line for line in pins.splitlines() if not re.match(r"(?i)(django|pillow)==", line)]
    more = CHECKOUT / "tests" / "hosts" / f"{host.name}.txt"
    kept += more.read_text().splitlines() if more.exists() else []
    (folder / "constraints.txt").write_text("\n".join(kept))
    newcomer.run(find_python(host.python), "-m", "venv", ".venv")
    newcomer.run("pip", "install", "-q", *host.packages)
    host.make(newcomer)
    newcomer.run("python", "manage.py", "migrate", "--verbosity", "0")
    newcomer.run("python", "manage.py", "createsuperuser", "--noinput")
    return newcomer


def find_python(oldest: tuple[int, int]) -> str:
    """A Python that is new enough, on the PATH or where pyenv keeps them. Raises LookupError."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    versions = [oldest, *((3, minor) for minor in range(14, oldest[1], -1))]
    if sys.version_info[:2] >= oldest:
        return sys.executable
    for major, minor in versions:
        candidates = [
            shutil.which(f"python{major}.{minor}"),
            *map(str, kept.glob(f"{major}.{minor}.*/bin/python")),
        ]
        for program in filter(None, candidates):
            if subprocess.run([program, "-c", ""], capture_output=True).returncode == 0:
                return program
    raise LookupError(f"no Python {oldest[0]}.{oldest[1]} or later is here")
