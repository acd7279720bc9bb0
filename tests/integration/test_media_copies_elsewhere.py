"""Copies of backups in objects over the network, and the empty site that they bring back."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.test_media_copies import INCREMENTAL, objects, sync
from tests.support.backups import listed, make, more_settings, verify
from tests.support.buckets import Bucket
from tests.support.media import fill, restored, snapshot
from tests.support.places import place_for
from tests.support.s3_proxy import proxy_to
from tests.support.sites import Site

KINDS = ("SFTP with a key", "S3 at moto", "S3 with Object Lock", "storage")


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_site_comes_back_from_its_copies(
    sqlite_site: Site, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = place_for(sqlite_site, kind, request, tmp_path).url
    fill(sqlite_site)
    (sqlite_site.media / "film").write_bytes(os.urandom(9 << 20))
    first = make(sqlite_site, *INCREMENTAL, "--to", url)
    then = snapshot(sqlite_site.media)
    (sqlite_site.media / "uploads" / "cup.txt").write_text("another cup")
    now = snapshot(sqlite_site.media)
    second = make(sqlite_site, *INCREMENTAL, "--to", url)
    assert [each["error"] for made in (first, second) for each in made["copies"]] == ["", ""]
    assert "every hash matches" in sqlite_site.manage("verify_backup", "all", "--at", url).stdout
    shutil.rmtree(sqlite_site.backups)
    shutil.rmtree(sqlite_site.media)
    sqlite_site.manage("restore_backup", second["id"], "--from", url, "--force")
    assert snapshot(sqlite_site.media) == now
    brought = objects(sqlite_site.backups / "objects")
    sync(sqlite_site, url, "--pull")
    # Of the first only what the second has not.
    assert brought.items() <= objects(sqlite_site.backups / "objects").items()
    assert verify(sqlite_site, first["id"])["ok"]
    restored(sqlite_site, first)
    assert snapshot(sqlite_site.media) == then


@pytest.mark.parametrize("kind", ["SFTP with a key", "S3 at moto", "storage"])
def test_what_is_dropped_here_is_fetched_for_a_restore_over_the_network(
    sqlite_site: Site, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place = place_for(sqlite_site, kind, request, tmp_path)
    url = place.url
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    first = make(sqlite_site, *INCREMENTAL, "--to", url)
    shutil.rmtree(sqlite_site.media)
    sqlite_site.media.mkdir()
    (sqlite_site.media / "another").write_text("another")
    more_settings(sqlite_site, f"{place.settings}\nTRUSTBACKUP['KEEP_LOCAL'] = 1")
    make(sqlite_site, *INCREMENTAL, "--to", url)
    sync(sqlite_site, url)  # the second look at a server whose word may be its cache's
    offloaded = [each["id"] for each in listed(sqlite_site) if each["offloaded_to"]]
    assert offloaded == [first["id"]]
    here = sqlite_site.backups / "objects"
    for path in here.iterdir():
        os.utime(path, (time.time() - 7200,) * 2)
    sqlite_site.manage("sweep_objects")
    assert len(objects(here)) == 1
    restored(sqlite_site, first)
    assert snapshot(sqlite_site.media) == then


def test_many_small_files_are_few_requests(
    sqlite_site: Site, moto_bucket: Bucket, tmp_path: Path
) -> None:
    for number in range(4_000):
        folder = sqlite_site.media / f"{number % 100:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(f"the content of {number}" * 20)
    server = moto_bucket.server
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    sqlite_site.variables.update(keys)
    with proxy_to(server.endpoint) as proxy:
        query = f"endpoint={quote(proxy.endpoint, safe='')}&region={server.region}"
        url = f"s3://{moto_bucket.name}/copies?{query}"
        make(sqlite_site, *INCREMENTAL, "--to", url)
        first = len(proxy.requests)
        (sqlite_site.media / "00" / "0.txt").write_text("changed")
        make(sqlite_site, *INCREMENTAL, "--to", url)
        assert first < 60
        assert len(proxy.requests) - first < 60
    stored = " ".join(moto_bucket.keys())
    assert stored.count("backup_object_") == len(["the first pack", "what has changed"])


def test_attack_26_where_nobody_may_delete_copies_go_on_and_objects_stay(
    sqlite_site: Site, moto_bucket: Bucket
) -> None:
    everything = f"arn:aws:s3:::{moto_bucket.name}/*"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": everything}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    server = moto_bucket.server
    moto_bucket.client.put_bucket_policy(Bucket=moto_bucket.name, Policy=policy)
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    sqlite_site.variables.update(keys)
    url = f"s3://{moto_bucket.name}/copies?endpoint={server.endpoint}&region={server.region}"
    fill(sqlite_site)
    made: list[Any] = [make(sqlite_site, *INCREMENTAL, "--to", url)]
    (sqlite_site.media / "large").write_bytes(os.urandom(2 << 20))
    made.append(make(sqlite_site, *INCREMENTAL, "--to", url))
    assert [each["error"] for one in made for each in one["copies"]] == ["", ""]
    stored = moto_bucket.keys()
    swept = sqlite_site.manage("sweep_objects", "--at", url, check=False)
    assert moto_bucket.keys() == stored
    assert "Traceback" not in swept.stderr
    assert "every hash matches" in sqlite_site.manage("verify_backup", "all", "--at", url).stdout
