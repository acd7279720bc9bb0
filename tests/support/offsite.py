"""Destinations that a test's site has set up, and what its index knows of copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.sites import Site

ADD = """
from trustbackup.models import Destination
Destination.objects.create(name="NAME", kind="folder", options={"path": "PATH"}, automatic=AUTO)
"""
LOOK = """
import json
from trustbackup.models import Copy, Run
print(json.dumps({
    "copies": list(Copy.objects.order_by("identifier").values_list("state", "tries", "problem")),
    "runs": list(Run.objects.order_by("started").values_list("action", "state")),
}))
"""


def shell(site: Site, code: str) -> str:
    """Run Python in the site; what it printed."""
    return site.manage("shell", "--verbosity", "0", "-c", code).stdout


def add(site: Site, path: Path, *, name: str = "disk", automatic: bool = True) -> None:
    """Set a folder up as a destination."""
    code = ADD.replace("NAME", name).replace("PATH", str(path)).replace("AUTO", str(automatic))
    shell(site, code)


def look(site: Site) -> Any:
    """The states of copies and runs, oldest first."""
    return site.manage("shell", "--verbosity", "0", "-c", LOOK).json


SAVE = """
from trustbackup.models import Destination
from trustbackup.sealing import seal_secrets
Destination.objects.create(
    name=NAME, kind=KIND, options=OPTIONS, secrets=seal_secrets(SECRETS), automatic=False
)
"""


def save(
    site: Site, name: str, kind: str, options: dict[str, Any], secrets: dict[str, str]
) -> None:
    """Set a destination of any kind up, with its secrets sealed as the page seals them."""
    code = SAVE.replace("NAME", repr(name)).replace("KIND", repr(kind))
    shell(site, code.replace("OPTIONS", repr(options)).replace("SECRETS", repr(secrets)))
