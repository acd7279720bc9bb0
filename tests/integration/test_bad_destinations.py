"""Destinations that refuse, lie or break off: one sentence in form, page and command, no 500."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.backups import listed, make, verify
from tests.support.bad_destinations import (
    CASES,
    Bad,
    in_bucket,
)
from tests.support.buckets import Bucket
from tests.support.offsite import save
from tests.support.sites import Site
from trustbackup.models import Destination

PAGES = "/settings/backups/destinations/"


@pytest.fixture(params=CASES)
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bad]:
    yield from CASES[request.param](request, tmp_path)


def assert_said(bad: Bad, sentence: str) -> None:
    for word in bad.said:
        assert word in sentence, f"{word!r} is not said: {sentence}"
    for noise in ("Traceback", "Errno", "botocore", "paramiko", "Error("):
        assert noise not in sentence, sentence
    for secret in bad.secrets.values():
        assert len(secret) < 6 or secret not in sentence


@pytest.mark.usefixtures("runs_at_once")
def test_the_form_says_it_in_a_sentence(
    client: Client, bad: Bad, tmp_path: Path, settings: Any
) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    (tmp_path / "backups").mkdir()
    client.force_login(User.objects.create_superuser("operator", password="a password"))
    add = f"{PAGES}add/{bad.kind}/"
    answer = client.post(add, {**bad.form, "test_connection": "1"})
    assert answer.status_code == 200
    trial = answer.context["result"]
    assert not trial.ok
    assert bad.step in (trial.steps[-1].name, "")
    assert_said(bad, trial.problem)
    assert bad.said[0].partition("'")[0] in answer.content.decode()
    assert client.post(add, bad.form).status_code == 302, "it may be saved all the same"
    answer = client.post(f"{PAGES}bad/test/")
    assert answer.status_code == 200
    assert_said(bad, answer.context["result"].problem)
    assert_said(bad, Destination.objects.get().problem)
    listing = client.get(PAGES)
    assert listing.status_code == 200
    assert bad.said[0].partition("'")[0] in listing.content.decode()


def test_commands_say_it_in_a_sentence_and_the_backup_is_there_all_the_same(
    sqlite_site: Site, bad: Bad
) -> None:
    sqlite_site.variables.update(bad.variables)
    tested = sqlite_site.manage("test_destination", bad.url, "--json", check=False)
    assert tested.returncode == 1
    assert tested.stderr == ""
    last = tested.json["steps"][-1]
    assert not last["ok"]
    assert_said(bad, last["detail"])
    if bad.passes:
        return  # a copy waits between its tries: the faults' own tests have that
    first = make(sqlite_site)
    result = sqlite_site.manage("create_backup", "--to", bad.url, check=False)
    assert result.returncode == 1
    (sentence,) = result.stderr.splitlines()
    assert_said(bad, sentence)
    save(sqlite_site, "bad", bad.kind, bad.options, bad.secrets)
    synced = sqlite_site.manage("sync_backups", "bad", check=False)
    assert synced.returncode == 1
    assert "Traceback" not in synced.stderr
    assert_said(bad, synced.stderr)
    assert {row["state"] for row in listed(sqlite_site)} == {"complete"}
    assert verify(sqlite_site, first["id"])["ok"]


def test_a_wrong_region_that_the_server_corrects_stops_nothing(
    sqlite_site: Site, bucket: Bucket
) -> None:
    wrong = in_bucket(bucket, step="", region="eu-central-1")
    sqlite_site.variables.update(wrong.variables)
    assert sqlite_site.manage("test_destination", wrong.url, "--json").json["ok"]
    made = make(sqlite_site, "--to", wrong.url)
    assert len(bucket.keys()) == len(made["files"]) + 1
    assert sqlite_site.manage("sync_backups", wrong.url).returncode == 0
