"""A backup of production asks on staging, and one of staging is refused in production."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.api import caller
from tests.support.backups import make, more_settings
from tests.support.media import snapshot
from tests.support.sites import Site
from trustbackup.exceptions import RestoreError
from trustbackup.models import Run
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.context import Context
from trustbackup.operations.restore.bucket_plan import BucketRequest, plan_bucket_restore
from trustbackup.operations.restore.media_plan import MediaRequest, plan_media_restore
from trustbackup.operations.restore.media_restore import restore_media
from trustbackup.runs.queue import start

PAGES = "/settings/backups/"
ASKED = "Type <strong>production</strong>"
REFUSED = "It was made in staging, and this is Production."


@pytest.fixture
def media(folder: Path, tmp_path: Path, settings: Any) -> Path:
    root = tmp_path / "media"
    root.mkdir()
    settings.MEDIA_ROOT = str(root)
    (root / "cup.txt").write_text("cup")
    return root


class Places:
    """Makes backups in one environment, and goes to another."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def be(self, name: str) -> None:
        self.settings.TRUSTBACKUP = {**self.settings.TRUSTBACKUP, "ENVIRONMENT": name}

    def backup_of(self, then: str, now: str) -> str:
        """Made in one; then this site is the other."""
        self.be(then)
        made = create_backup(kind="media").id
        self.be(now)
        return made


@pytest.fixture
def places(settings: Any, media: Path) -> Places:
    return Places(settings)


def test_the_page_asks_on_staging_for_the_name_of_production(
    operator: Client, places: Places, media: Path, runs_at_once: None
) -> None:
    made = places.backup_of("production", "staging")
    then = snapshot(media)
    (media / "cup.txt").write_text("another")
    path = f"{PAGES}backup/{made}/restore/"
    seen = operator.get(path).content.decode()
    assert ASKED in seen
    assert "It was made in production, and this is staging." in seen
    typed = {"typed": "media", "password": "a password"}
    for wrong in ({}, {"environment": "staging"}):
        answer = operator.post(path, {**typed, **wrong})
        assert answer.status_code == 422, wrong
    assert "This is not the environment that it is from." in answer.content.decode()
    assert not Run.objects.exists()
    assert operator.post(path, {**typed, "environment": "PRODUCTION"}).status_code == 302
    run = Run.objects.get()
    assert (run.state, run.outcome["environment"]) == ("succeeded", "production"), run.error
    assert snapshot(media) == then


def test_single_files_ask_too(
    operator: Client, places: Places, media: Path, runs_at_once: None
) -> None:
    made = places.backup_of("production", "staging")
    (media / "cup.txt").unlink()
    path = f"{PAGES}backup/{made}/files/put-back/?part=media&path=cup.txt"
    assert ASKED in operator.get(path).content.decode()
    form = {"password": "a password", "overwrite": "changed"}
    assert operator.post(path, form).status_code == 422
    assert operator.post(path, {**form, "environment": "production"}).status_code == 302
    assert (media / "cup.txt").read_text() == "cup"


def test_nothing_of_staging_is_restored_into_production_from_a_page_or_by_a_program(
    operator: Client, places: Places, media: Path, runs_at_once: None
) -> None:
    made = places.backup_of("staging", "Production")
    seen = operator.get(f"{PAGES}backup/{made}/restore/").content.decode()
    assert REFUSED in seen
    assert "--from-environment staging" in seen
    assert 'name="typed"' not in seen
    by = caller()
    [refusal] = by.get(f"backups/{made}/plan/")["refusals"]
    assert refusal.startswith(REFUSED)
    body = {"confirm": "media", "environment": "staging"}
    assert by.problem("POST", f"backups/{made}/restore/", body) == (409, "refused")
    # Nor by who starts a run past both.
    options = {"backup": made, "files": True, "databases": False}
    start("restore", options, actor="", address="", target=made)
    run = Run.objects.get()
    assert run.state == "failed"
    assert REFUSED in str(run.error)


def test_a_program_confirms_it_by_what_the_plan_says(
    places: Places, media: Path, runs_at_once: None
) -> None:
    made = places.backup_of("production", "staging")
    then = snapshot(media)
    (media / "cup.txt").write_text("another")
    by = caller()
    assert by.get(f"backups/{made}/")["environment"] == "production"
    plan = by.get(f"backups/{made}/plan/")
    assert (plan["environment"], plan["refusals"]) == ("production", [])
    where, body = f"backups/{made}/restore/?wait=30", {"confirm": plan["confirm"]}
    for wrong in ("", "staging"):
        status, told, _answer = by.call("POST", where, {**body, "environment": wrong})
        assert (status, list(told["errors"])) == (409, ["environment"])
    done = by.call("POST", where, {**body, "environment": plan["environment"]})
    assert (done[0], done[1]["state"]) == (200, "succeeded")
    assert Run.objects.get().outcome["environment"] == "production"
    assert snapshot(media) == then


@pytest.mark.parametrize(
    ("then", "now"), [("", "production"), ("staging", ""), ("production", "Production"), ("", "")]
)
def test_who_is_in_the_same_environment_or_has_no_name_is_not_asked(
    places: Places, db: None, then: str, now: str
) -> None:
    made = places.backup_of(then, now)
    plan = plan_media_restore(made, MediaRequest())
    assert (plan.refusals, plan.warnings) == ((), ())


def test_an_operation_that_nobody_confirmed_does_nothing(
    places: Places, media: Path, tmp_path: Path, db: None
) -> None:
    made = places.backup_of("production", "staging")
    (media / "cup.txt").write_text("another")
    with pytest.raises(RestoreError, match="It was made in production"):
        restore_media(plan_media_restore(made, MediaRequest()))
    assert (media / "cup.txt").read_text() == "another"
    entry = Context.current().folder.find(made)
    [refusal] = plan_bucket_restore(entry, BucketRequest()).refusals
    assert refusal.startswith("It was made in production")
    said = BucketRequest(environment="production")
    assert plan_bucket_restore(entry, said).refusals == ()
    # What touches nothing that is live needs no word.
    elsewhere = plan_media_restore(made, MediaRequest(into=tmp_path / "elsewhere"))
    assert elsewhere.refusals == ()


def test_the_command_takes_the_name_and_records_it(sqlite_site: Site) -> None:
    more_settings(sqlite_site, "TRUSTBACKUP['ENVIRONMENT'] = 'staging'")
    made = {kind: make(sqlite_site, "--type", kind)["id"] for kind in ("database", "settings")}
    shown = sqlite_site.manage("show_backup", made["database"], "--json").json
    assert shown["environment"] == "staging"
    more_settings(sqlite_site, "TRUSTBACKUP['ENVIRONMENT'] = 'production'")
    for identifier in made.values():
        refused = sqlite_site.manage("restore_backup", identifier, "--force", check=False)
        assert refused.returncode == 1
        assert "It was made in staging, and this is production." in refused.stderr
        looked = sqlite_site.manage("restore_backup", identifier, "--dry-run", check=False)
        assert looked.returncode == 1
        assert "--from-environment staging" in looked.stdout + looked.stderr
        wrong = ("restore_backup", identifier, "--force", "--from-environment", "test")
        assert sqlite_site.manage(*wrong, check=False).returncode == 1
        meant = ("restore_backup", identifier, "--force", "--from-environment", "staging")
        sqlite_site.manage(*meant)
    code = (
        "import json; from trustbackup.models import Run; print(json.dumps([run.outcome"
        ".get('environment') for run in Run.objects.filter(action='restore', state='succeeded')]))"
    )
    found = sqlite_site.manage("shell", "--no-imports", "--verbosity", "0", "-c", code).json
    assert found == ["staging", "staging"]
