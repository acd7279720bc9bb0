"""What the API does is what its description says, whatever is sent: schemathesis, all checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import run
from tests.support.api_server import PATH, new_token, serving
from tests.support.backups import make, more_settings
from tests.support.sites import Site

SETTINGS = """
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
"""
"""Nobody waits for having asked too often: a 429 hides what else would have been answered."""

CONFIGURATION = """
[dictionaries.backups]
values = [{backups}]

[dictionaries.runs]
values = [{runs}]

[dictionaries.parts]
values = ["default", "media"]

[dictionaries.names]
values = ["nas", "nightly"]

[cache]
enabled = false

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]

[checks.positive_data_acceptance]
expected-statuses = {accepted}

[checks.negative_data_rejection]
expected-statuses = {rejected}

[[operations]]
include-operation-id = [
    "create_backup", "change_backup", "create_plan", "change_plan",
    "create_destination", "change_destination",
]
checks.positive_data_acceptance.expected-statuses = {semantic}

[parameters]
"path.identifier" = {{ dictionary = "backups", probability = 0.6 }}
"path.pk" = {{ dictionary = "runs", probability = 0.6 }}
"path.part" = {{ dictionary = "parts", probability = 0.6 }}
"path.name" = {{ dictionary = "names", probability = 0.6 }}
"""
"""What there is: of ids drawn at random each would be unknown."""

REFUSED = [401, 403, 404, 409, 410, 411, 412, 416, 422, 429, 503]
"""What may be answered to what is as it is described: it depends on what there is.

503 is the answer while a restore swaps the database, and some of what is sent restores it.
"""
SEMANTIC = [*REFUSED, 400]
"""Where names are sent of what the site has or has not, or one of several fields is needed."""
REJECTED = [400, 401, 403, 404, 405, 406, 409, 410, 411, 412, 413, 415, 422, 429, 503]

DESTINATION = """
from trustbackup.models import Destination, Plan
import os
os.makedirs(PLACE, 0o700)
Destination.objects.create(name="nas", kind="folder", options={"path": PLACE}, automatic=False)
Plan.objects.create(name="nightly")
"""


def test_the_api_is_as_it_is_described(
    postgres_site: Site, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    site = postgres_site
    phases = ("--phases", "fuzzing,stateful", "--max-examples", "6")
    if pytestconfig.getoption("thorough"):
        phases = ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "100")
    more_settings(site, SETTINGS)
    place = f"PLACE = {str(tmp_path / 'nas')!r}\n"
    site.manage("shell", "--no-imports", "-c", place + DESTINATION)
    # What is restored has the account, too: what is asked for may be a restore.
    token = new_token(site)
    ids = [make(site)["id"] for _time in range(2)]
    site.manage("verify_backup", ids[0])
    runs = [str(row[0]) for row in site.query("SELECT id FROM trustbackup_run")]
    quoted = [", ".join(f'"{each}"' for each in found) for found in (ids, runs)]
    (tmp_path / "schemathesis.toml").write_text(
        CONFIGURATION.format(
            backups=quoted[0],
            runs=quoted[1],
            accepted=["2xx", *REFUSED],
            semantic=["2xx", *SEMANTIC],
            rejected=REJECTED,
        )
    )
    with serving(site) as address:
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", str(tmp_path / "schemathesis.toml"), "--no-color"),
                *("run", f"{address}{PATH}schema/", "--checks", "all", "--continue-on-failure"),
                *("--header", f"Authorization: Bearer {token}", *phases),
                *("--seed", str(run.seed(pytestconfig.getoption("seed"))), "--no-shrink"),
                *("--generation-database", "none", "--request-timeout", "90"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=3600,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
