"""Uploaded files in a bucket that keeps versions: listed, put back there, and proven."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import make, read_manifest, verify
from tests.support.buckets import Bucket, through
from tests.support.media import MEDIA
from tests.support.s3_proxy import proxy_to
from tests.support.sites import Site
from tests.support.uploads_bucket import delete, keep_versions, put, state, use_bucket

both = pytest.mark.parametrize("uploads", ["bucket", "moto_bucket"], indirect=True)
"""Swift and moto: two servers that keep versions, each in its own way."""


@pytest.fixture
def uploads(request: pytest.FixtureRequest, sqlite_site: Site) -> Bucket:
    """The site's files: one older than the bucket's versions, one written twice, one deleted."""
    found: Bucket = request.getfixturevalue(getattr(request, "param", "bucket"))
    put(found, "older than versions", b"old")
    keep_versions(found)
    put(found, "a/cup.txt", b"a cup", ContentType="text/plain", Metadata={"of": "the shop"})
    put(found, "a/cup.txt", b"cup", ContentType="text/plain", Metadata={"of": "the shop"})
    put(found, "größe & 100%+?", b"odd")
    put(found, "gone before", b"gone")
    delete(found, "gone before")
    found.client.put_object(Bucket=found.name, Key="not uploads", Body=b"somebody else's")
    use_bucket(sqlite_site, found)
    return found


def restored(site: Site, made: dict[str, Any], *options: str) -> dict[str, Any]:
    command = ("restore_backup", made["id"], "--force", "--json", *options)
    found: dict[str, Any] = site.manage(*command).json
    return found["buckets"]["media"] if "buckets" in found else found


def lines(made: dict[str, Any]) -> list[dict[str, Any]]:
    file = Path(made["manifest"]).parent / read_manifest(made)["parts"][0]["file"]
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


@both
def test_a_backup_is_a_list_and_a_restore_makes_the_bucket_as_it_says(
    sqlite_site: Site, uploads: Bucket
) -> None:
    then = state(uploads)
    made = make(sqlite_site, *MEDIA)
    [part] = read_manifest(made)["parts"]
    assert part["format"] == "versions"
    names = {item["key"]: item["size"] for item in lines(made)}
    assert names == {key: len(then[key]) for key in then if key.startswith("uploads/")}
    put(uploads, "a/cup.txt", b"another cup")
    put(uploads, "older than versions", b"newer")
    put(uploads, "came later", b"later")
    delete(uploads, "größe & 100%+?")
    now = state(uploads)
    plan = sqlite_site.manage("restore_backup", made["id"], "--dry-run", "--json").json
    counts = plan["buckets"]["media"]
    assert [counts[name] for name in ("missing", "changed", "surplus", "same", "lost")] == [
        1, 2, 1, 0, 0,
    ]  # fmt: skip
    assert state(uploads) == now
    done = restored(sqlite_site, made)
    assert (done["copied"], done["deleted"], done["problem"]) == (3, 1, "")
    assert state(uploads) == then
    head = uploads.client.head_object(Bucket=uploads.name, Key="uploads/a/cup.txt")
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"of": "the shop"})
    again = restored(sqlite_site, made)
    assert (again["copied"], again["deleted"], again["same"]) == (0, 0, 3)
    # Nothing was lost: the list that was made before puts all of it back.
    restored(sqlite_site, {"id": done["safety_backup"]})
    assert state(uploads) == now


def test_single_files_come_back_and_what_is_missing(sqlite_site: Site, uploads: Bucket) -> None:
    made = make(sqlite_site, *MEDIA)
    put(uploads, "a/cup.txt", b"another cup")
    put(uploads, "later", b"later")
    delete(uploads, "größe & 100%+?")
    delete(uploads, "older than versions")
    restored(sqlite_site, made, "--path", "größe & 100%+?")
    assert uploads.content("uploads/größe & 100%+?") == b"odd"
    restored(sqlite_site, made, "--path", "a", "--overwrite", "never")
    restored(sqlite_site, made, "--only-missing")
    found = state(uploads)
    assert found["uploads/older than versions"] == b"old"
    assert (found["uploads/a/cup.txt"], found["uploads/later"]) == (b"another cup", b"later")
    restored(sqlite_site, made, "--path", "a/")
    assert uploads.content("uploads/a/cup.txt") == b"cup"
    nothing = sqlite_site.manage(
        "restore_backup", made["id"], "--path", "b", "--force", check=False
    )
    assert nothing.returncode == 1
    assert "it has nothing at b" in nothing.stderr


@both
def test_a_drill_looks_at_each_version_and_says_that_it_read_none(
    sqlite_site: Site, uploads: Bucket
) -> None:
    made = make(sqlite_site, *MEDIA)
    drill = sqlite_site.manage("verify_backup", made["id"], "--restore")
    assert "was asked for 3 versions, whose contents were not read" in drill.stdout
    [cup] = [item for item in lines(made) if item["key"] == "uploads/a/cup.txt"]
    put(uploads, "a/cup.txt", b"another cup")
    delete(uploads, "a/cup.txt", VersionId=cup["version"])
    assert verify(sqlite_site, made["id"])["ok"]  # the list is whole; a drill looks further
    drill = sqlite_site.manage("verify_backup", made["id"], "--restore", check=False)
    assert drill.returncode == 1
    lost = "1 version that media names is not in the bucket any more: 'uploads/a/cup.txt'."
    assert lost in drill.stdout + drill.stderr
    now = state(uploads)
    refused = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
    assert refused.returncode == 1
    assert lost in refused.stderr
    assert state(uploads) == now
    delete(uploads, "older than versions")
    delete(uploads, "a/cup.txt")
    rest = sqlite_site.manage(
        "restore_backup", made["id"], "--only-missing", "--force", check=False
    )
    assert rest.returncode == 1
    assert lost in rest.stderr
    assert uploads.content("uploads/older than versions") == b"old"


def test_what_keeps_no_versions_is_neither_backed_up_nor_replaced(
    sqlite_site: Site, uploads: Bucket
) -> None:
    made = make(sqlite_site, *MEDIA)
    keep_versions(uploads, "Suspended")
    refused = sqlite_site.manage("create_backup", *MEDIA, check=False)
    assert refused.returncode == 1
    assert "versioning of bucket" in refused.stderr
    assert "was switched off" in refused.stderr
    delete(uploads, "a/cup.txt")
    now = state(uploads)
    refused = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
    assert refused.returncode == 1
    assert "can't be put back safely" in refused.stderr
    assert state(uploads) == now
    drill = sqlite_site.manage("verify_backup", made["id"], "--restore", check=False)
    assert drill.returncode == 1
    assert "media is not safe" in drill.stdout + drill.stderr


def test_a_full_backup_has_the_bucket_and_brings_it_back(
    sqlite_site: Site, uploads: Bucket
) -> None:
    made = make(sqlite_site, "--type", "full")
    assert "versions" in [part["format"] for part in read_manifest(made)["parts"]]
    then = state(uploads)
    delete(uploads, "a/cup.txt")
    sqlite_site.query("DELETE FROM shop_orderitem")
    [(rows,)] = sqlite_site.query("SELECT count(*) FROM shop_orderitem")
    sqlite_site.manage("restore_backup", made["id"], "--force")
    assert state(uploads) == then
    assert sqlite_site.query("SELECT count(*) FROM shop_orderitem") != [(rows,)]


def test_the_lines_of_python_put_it_back_without_us(sqlite_site: Site, uploads: Bucket) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/manifest.md").read_text()
    script = page.split("### Files in a bucket")[1].split("```python\n")[1].split("```")[0]
    then = state(uploads)
    made = make(sqlite_site, *MEDIA)
    put(uploads, "a/cup.txt", b"another cup")
    delete(uploads, "größe & 100%+?")
    server = uploads.server
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(sqlite_site.home),
        "ID": made["id"],
        "BUCKET": uploads.name,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": server.region,
        "AWS_ENDPOINT_URL": server.endpoint,
    }
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=sqlite_site.backups, env=environment, check=True, timeout=120)
    assert state(uploads) == then


def test_a_restore_that_fails_midway_says_so_and_goes_on_when_asked_again(
    sqlite_site: Site, uploads: Bucket
) -> None:
    then = state(uploads)
    made = make(sqlite_site, *MEDIA)
    for name in ("a/cup.txt", "größe & 100%+?", "older than versions"):
        delete(uploads, name)
    put(uploads, "later", b"later")
    with proxy_to(uploads.server.endpoint) as proxy:
        use_bucket(sqlite_site, through(uploads, proxy.endpoint))
        denied = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
        proxy.rule("PUT", "older", status=403, body=denied)
        failed = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
    assert failed.returncode == 1
    assert "was restored in part" in failed.stderr
    assert "these credentials may not do that" in failed.stderr
    assert "Restore it again to go on" in failed.stderr
    assert "uploads/later" in state(uploads)  # nothing is taken away before all is back
    use_bucket(sqlite_site, uploads)
    sqlite_site.manage("restore_backup", made["id"], "--force")
    assert state(uploads) == then
