"""Promise 7: an empty database and one command bring the whole site back."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import assert_refused, make, more_settings
from tests.support.content import Content, content, digest
from tests.support.postgresql_programs import postgresql_programs
from tests.support.restores import (
    audit,
    beside,
    go_on,
    lose_database,
    only_file,
    plan,
    restore,
    undoable,
)
from tests.support.sites import Site

OTHER_KEY = {"SECRET_KEY": "another-key-of-another-machine-with-more-than-fifty-characters"}


def backed_up_and_lost(site: Site) -> tuple[dict[str, Any], Content]:
    then = content(site)
    made = make(site)
    lose_database(site)
    return made, then


@pytest.mark.three_engines
@pytest.mark.parametrize("how", ["latest", "folder", "manifest", "bare"])
def test_an_empty_database_is_restored_by_one_command(
    any_site: Site, tmp_path: Path, how: str
) -> None:
    made, then = backed_up_and_lost(any_site)
    file, manifest = only_file(made), Path(made["manifest"])
    reference = made["id"] if how == "latest" else ""
    if how != "latest":
        elsewhere = tmp_path / "copied by hand"
        elsewhere.mkdir()
        shutil.move(file, elsewhere / file.name)
        if how != "bare":
            shutil.move(manifest, elsewhere / manifest.name)
        shutil.rmtree(any_site.backups)
        reference = str(elsewhere / (manifest.name if how == "manifest" else file.name))
    trust = ["--trust-manifest"] if how == "bare" else []
    result = any_site.manage("restore_backup", reference or "latest", *trust)
    assert content(any_site) == then
    assert beside(any_site) == []
    assert undoable(any_site) == []
    assert ("no manifest" in result.stderr) == (how == "bare")
    if how == "latest":
        assert any_site.query("SELECT count(*) FROM trustbackup_backup") == [(1,)]
    any_site.manage("migrate", "--check")
    any_site.manage("create_backup")


def test_a_dump_of_another_name_is_restored(any_site: Site, tmp_path: Path) -> None:
    made, then = backed_up_and_lost(any_site)
    dump = tmp_path / "my shop's last dump"
    shutil.move(only_file(made), dump)
    refused = any_site.manage("restore_backup", str(dump), check=False)
    assert_refused(refused, "It has no manifest", "--trust-manifest")
    any_site.manage("restore_backup", str(dump), "--trust-manifest")
    assert content(any_site) == then


def test_an_empty_database_is_restored_in_place(postgres_site: Site) -> None:
    _made, then = backed_up_and_lost(postgres_site)
    restore(postgres_site, "latest", "--in-place")
    assert content(postgres_site) == then


def test_case_s1_after_a_lost_key_a_file_is_named_and_trusted_even_on_an_empty_database(
    any_site: Site,
) -> None:
    made, then = backed_up_and_lost(any_site)
    refused = any_site.manage("restore_backup", "latest", env=OTHER_KEY, check=False)
    assert_refused(refused, "that this site signed", "key")
    file = Path(made["manifest"]).name
    for arguments in ([made["id"]], [file], [made["id"], "--trust-manifest"]):
        refused = any_site.manage("restore_backup", *arguments, env=OTHER_KEY, check=False)
        assert_refused(refused, "unknown key", "name its file and say --trust-manifest")
    result = any_site.manage("restore_backup", file, "--trust-manifest", env=OTHER_KEY)
    assert "unknown key" in result.stderr
    assert content(any_site) == then


def test_a_lost_key_is_refused_where_rows_would_be_replaced(any_site: Site) -> None:
    made = make(any_site)
    go_on(any_site)
    before = digest(any_site)
    arguments = ("restore_backup", made["id"], "--force")
    result = any_site.manage(*arguments, env=OTHER_KEY, check=False)
    assert_refused(result, "unknown key", "--trust-manifest")
    assert digest(any_site) == before
    file = Path(made["manifest"]).name
    any_site.manage("restore_backup", file, "--force", "--trust-manifest", env=OTHER_KEY)
    (event,) = audit(any_site, "restore")
    assert event["override"] == "--trust-manifest"
    assert any("unknown key" in warning for warning in event["warnings"])


def test_attack_15_an_altered_manifest_is_refused_and_the_override_recorded(
    any_site: Site,
) -> None:
    made = make(any_site)
    go_on(any_site)
    before = digest(any_site)
    manifest = Path(made["manifest"])
    manifest.write_bytes(manifest.read_bytes().replace(b'"host": "', b'"host": "x'))
    result = any_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(result, "altered", "--trust-manifest")
    assert digest(any_site) == before
    assert plan(any_site, made["id"])["refusals"]
    assert plan(any_site, made["id"], "--trust-manifest")["refusals"]
    assert not plan(any_site, manifest.name, "--trust-manifest")["refusals"]
    restore(any_site, manifest.name, "--trust-manifest")
    (event,) = audit(any_site, "restore")
    assert event["override"] == "--trust-manifest"


def test_attack_15_an_altered_manifest_is_refused_on_an_empty_database_too(
    any_site: Site,
) -> None:
    made, _then = backed_up_and_lost(any_site)
    manifest = Path(made["manifest"])
    manifest.write_bytes(manifest.read_bytes().replace(b'"host": "', b'"host": "x'))
    result = any_site.manage("restore_backup", made["id"], check=False)
    assert_refused(result, "altered")


# -------------------------------------------------------------------- migrations


def add_app(site: Site) -> None:
    """The code goes on: an app with a migration that the backup does not know."""
    folder = site.home / "parcels"
    (folder / "migrations").mkdir(parents=True)
    for name in ("__init__.py", "migrations/__init__.py"):
        (folder / name).write_text("")
    (folder / "models.py").write_text(
        "from django.db import models\n"
        "class Parcel(models.Model):\n"
        "    label = models.TextField()\n"
    )
    (folder / "migrations" / "0001_initial.py").write_text(
        "from django.db import migrations, models\n"
        "class Migration(migrations.Migration):\n"
        "    initial = True\n"
        "    operations = [migrations.CreateModel('Parcel', [\n"
        "        ('id', models.BigAutoField(primary_key=True)), ('label', models.TextField())])]\n"
    )
    more_settings(site, "INSTALLED_APPS = [*INSTALLED_APPS, 'parcels']")
    site.manage("migrate", "--verbosity", "0")


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_a_backup_that_is_older_than_the_code_is_migrated_forward_if_asked(
    any_site: Site, strategy: str
) -> None:
    if any_site.engine != "postgresql" and strategy == "--in-place":
        pytest.skip("only PostgreSQL is restored in place")
    made = make(any_site)
    add_app(any_site)
    found = plan(any_site, made["id"])["databases"]["default"]
    assert found["migrations"] == "forward"
    assert found["forward"] == ["parcels.0001_initial"]
    done = restore(any_site, made["id"], strategy)
    assert any("parcels.0001_initial" in note for note in done["notes"])
    assert any_site.manage("migrate", "--check", check=False).returncode == 1
    done = restore(any_site, made["id"], strategy, "--migrate")
    assert done["notes"] == []
    any_site.manage("migrate", "--check")
    assert any_site.query("SELECT count(*) FROM parcels_parcel") == [(0,)]


def test_a_backup_that_is_newer_than_the_code_is_refused_unless_overridden(
    any_site: Site,
) -> None:
    usual = dict(any_site.variables)
    first = make(any_site)
    add_app(any_site)
    made = make(any_site)
    any_site.variables.clear()
    any_site.variables.update(usual)
    restore(any_site, first["id"])
    before = digest(any_site)
    result = any_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(result, "newer than the code", "parcels.0001", "--allow-unknown-migrations")
    assert plan(any_site, made["id"])["databases"]["default"]["migrations"] == "newer"
    assert digest(any_site) == before
    restore(any_site, made["id"], "--allow-unknown-migrations")
    assert any_site.query("SELECT count(*) FROM parcels_parcel") == [(0,)]


def test_a_dump_of_another_project_is_refused(any_site: Site, tmp_path: Path) -> None:
    before = digest(any_site)
    dump = tmp_path / "other.dump"
    if any_site.database:
        name = f"{any_site.database.name}_music"
        any_site.query(f"CREATE DATABASE {name}")
        any_site.database.cluster.execute("CREATE TABLE songs (id int)", name)
        url = any_site.database.cluster.url(name)
        program = f"{postgresql_programs()}/pg_dump"
        subprocess.run([program, "-Fc", "-f", str(dump), url], check=True)
        any_site.query(f"DROP DATABASE {name}")
    else:
        with contextlib.closing(sqlite3.connect(dump)) as other:
            other.execute("CREATE TABLE songs (id integer)")
    result = any_site.manage(
        "restore_backup", str(dump), "--force", "--trust-manifest", check=False
    )
    assert result.returncode == 1
    assert "another project" in result.stderr
    assert digest(any_site) == before
    assert beside(any_site) == []
