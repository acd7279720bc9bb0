"""A German server and a Turkish system: every sentence of ours stays the one it is in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.test_bad_input import REFUSED
from tests.support import clusters, sites
from tests.support.backups import make, more_settings, run_all
from tests.support.clusters import Cluster, Database
from tests.support.dumpers import python_program, use_dumper
from tests.support.languages import locale_folder, turkish
from tests.support.sites import Result, Site

GERMAN = re.compile("FEHLER|fehlgeschlagen|verweigert|Zeitüberschreitung|existiert|HINWEIS")


@pytest.fixture
def speaking_cluster(private_cluster: Cluster) -> Cluster:
    """A server that finds the German locale, and speaks English until it is told."""
    private_cluster.stop()
    private_cluster.start(LOCPATH=locale_folder(), LC_ALL="")
    return private_cluster


@pytest.fixture
def site(tmp_path: Path, speaking_cluster: Cluster) -> Iterator[Site]:
    template = sites.postgres_template(speaking_cluster)
    with clusters.new_database(
        speaking_cluster, template=template["name"], template_owner=template["owner"]
    ) as database:
        yield sites.new_postgres_site(tmp_path / "site", database)


def speak_german(database: Database) -> None:
    database.cluster.execute("ALTER SYSTEM SET lc_messages = 'de_DE.UTF-8'")
    database.cluster.stop()
    database.cluster.start(LOCPATH=locale_folder(), LC_ALL="")
    with pytest.raises(Exception, match="existiert nicht"):
        database.execute("SELECT * FROM no_such_table")


def errors_of(site: Site, *, foreign: bool) -> dict[str, Result]:
    """What the command says in each case of bad input that a server has a part in."""
    database = site.database
    assert database
    env = turkish() if foreign else {}
    found = {}

    def create(name: str, at: Site = site) -> None:
        found[name] = at.manage("create_backup", env=env, check=False, timeout=60)

    url = database.cluster.url(database.name, database.user, "wrong")
    create("a wrong password", replace(site, database_url=url))
    url = re.sub(":[^:@]+@", "@", database.url)
    create("no password", replace(site, database_url=url))
    more_settings(site, "TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 1}")
    with database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE shop_order IN ACCESS EXCLUSIVE MODE")
        create("a locked table")
    script = "print('pg_dump (PostgreSQL) 11.22')"
    use_dumper(site, python_program(site.folder / "pg_dump", script))
    create("a newer server")
    more_settings(site, "")
    database.cluster.stop()
    create("a server that is down")
    restore = ("restore_backup", "latest", "--force")
    found["no server to restore to"] = site.manage(*restore, env=env, check=False)
    database.cluster.start(LOCPATH=locale_folder(), LC_ALL="")
    return found


def test_a_german_server_and_a_turkish_system_change_no_sentence(site: Site) -> None:
    assert site.database
    make(site)
    english = errors_of(site, foreign=False)
    speak_german(site.database)
    for name, result in errors_of(site, foreign=True).items():
        assert result.returncode == english[name].returncode == 1, name
        assert result.stderr == english[name].stderr, name
        assert not GERMAN.search(result.stderr), name
    assert "password authentication failed" in english["a wrong password"].stderr
    assert "Correct USER and PASSWORD" in english["a wrong password"].stderr
    assert "lock timeout" in english["a locked table"].stderr
    assert "Start the server" in english["a server that is down"].stderr


def test_what_a_german_server_refuses_a_program_has_its_remedy(site: Site) -> None:
    assert site.database
    speak_german(site.database)
    site.database.cluster.execute("CREATE SEQUENCE secret_numbers", site.database.name)
    result = site.manage("create_backup", env=turkish(), check=False)
    assert result.returncode == 1
    assert "secret_numbers" in result.stderr, str(result)
    assert "Give the role the right to read everything" in result.stderr, str(result)
    assert "pg_dump failed: pg_dump: error: query failed: FEHLER:" in result.stderr, str(result)


def test_a_role_that_may_not_log_in_is_no_wrong_password(site: Site) -> None:
    assert site.database
    speak_german(site.database)
    site.database.cluster.execute(f'ALTER ROLE "{site.database.user}" NOLOGIN')
    result = site.manage("create_backup", env=turkish(), check=False)
    assert result.returncode == 1
    assert "password authentication failed" not in result.stderr
    assert "Look into the server's log" in result.stderr, str(result)


def test_a_turkish_system_changes_no_refusal(sqlite_site: Site) -> None:
    make(sqlite_site)
    commands = [arguments for arguments, _named in REFUSED]
    english = run_all(sqlite_site, commands)
    foreign = run_all(sqlite_site, commands, **turkish())
    assert [end.stderr for end in foreign] == [end.stderr for end in english]
