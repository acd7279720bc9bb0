"""What MySQL's programs are told of where a database is: what Django's settings say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import mariadb
from tests.support.mariadb_dumps import as_alias
from trustbackup.databases.mysql.inspector import Inspector
from trustbackup.databases.mysql.programs import ClientProgram, Server

FLAGS = frozenset(
    [
        *("user", "password", "host", "port", "socket", "protocol", "connect-timeout"),
        *("default-character-set", "init-command"),
        *("ssl", "ssl-ca", "ssl-mode", "ssl-verify-server-cert"),
    ]
)
MARIA = ClientProgram("/m", "mariadb Ver 15.1 Distrib 10.11.19-MariaDB", FLAGS - {"ssl-mode"})
ORACLE = ClientProgram("/o", "mysql  Ver 8.0.36 for Linux", FLAGS - {"ssl"})
CA = {"ssl": {"ca": "/ca.pem"}}


def told(program: ClientProgram, **changes: Any) -> dict[str, str]:
    server = mariadb.Server(folder="/nowhere", port=3307, password="")
    shop = mariadb.Database(server=server, name="shop", user="web", password="s#c'r\"t\\")
    with as_alias(shop, **changes) as engine:
        found = engine.site.program_options(program)
    assert found.pop("default-character-set") == "utf8mb4"
    assert found.pop("connect-timeout") == "5"
    assert found.pop("user") == "web"
    assert found.pop("password") == "s#c'r\"t\\"
    return found


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, {"host": "127.0.0.1", "port": "3307", "protocol": "tcp"}),
        ({"HOST": "localhost"}, {"host": "localhost", "port": "3307", "protocol": "tcp"}),
        ({"HOST": "/a/socket"}, {"socket": "/a/socket", "protocol": "socket"}),
        (
            {"HOST": "", "PORT": "", "OPTIONS": {"unix_socket": "/a b"}},
            {"socket": "/a b", "protocol": "socket"},
        ),
        ({"HOST": "", "PORT": ""}, {"host": "localhost", "protocol": "tcp"}),
    ],
)
def test_a_program_goes_where_the_driver_goes(changes: Any, where: dict[str, str]) -> None:
    found = told(MARIA, **changes)
    assert found.pop("skip-ssl-verify-server-cert") == ""
    assert found == where


@pytest.mark.parametrize(
    ("options", "maria", "oracle"),
    [
        (CA, {"ssl": "1", "ssl-ca": "/ca.pem", "ssl-verify-server-cert": ""}, "VERIFY_IDENTITY"),
        (
            {"ssl": {"ca": "/ca.pem", "check_hostname": False}},
            {"ssl": "1", "ssl-ca": "/ca.pem", "ssl-verify-server-cert": ""},
            "VERIFY_CA",
        ),
        (
            {"ssl_mode": "REQUIRED"},
            {"ssl": "1", "skip-ssl-verify-server-cert": ""},
            "REQUIRED",
        ),
        ({"ssl_disabled": True}, {"skip-ssl": ""}, "DISABLED"),
        ({}, {"skip-ssl-verify-server-cert": ""}, None),
    ],
)
def test_a_program_is_as_strict_as_the_driver(
    options: Any, maria: dict[str, str], oracle: str | None
) -> None:
    def tls(program: ClientProgram) -> dict[str, str]:
        found = told(program, OPTIONS=options)
        return {name: value for name, value in found.items() if "ssl" in name}

    assert tls(MARIA) == maria
    assert tls(ORACLE).get("ssl-mode") == oracle


def test_the_sites_own_option_file_and_its_first_command(tmp_path: Path) -> None:
    file = tmp_path / "my.cnf"
    file.write_text("[client]\nhost=db\nport=1\nsocket=/s\nno-data\n[site]\nport=2\n")
    options = {
        "read_default_file": str(file),
        "read_default_group": "site",
        "init_command": "SET ROLE 'web'",
    }
    found = told(MARIA, HOST="", PORT="", OPTIONS=options)
    found.pop("skip-ssl-verify-server-cert")
    assert found == {
        "host": "db",
        "port": "2",
        "socket": "/s",
        "protocol": "tcp",
        "init-command": "SET ROLE 'web'",
    }
    assert "no-data" not in found


def test_versions_of_both_families() -> None:
    assert MARIA.family == "mariadb"
    assert MARIA.number == (10, 11, 19)
    assert (ORACLE.family, ORACLE.number) == ("mysql", (8, 0, 36))
    old = Server("5.5.5-10.3.39-MariaDB-log")
    assert (old.family, old.number) == ("mariadb", (10, 3, 39))
    assert Server("8.4.3").family == "mysql"
    assert MARIA.known("--ssl", "--skip-ssl", "--set-gtid-purged=OFF") == ["--ssl", "--skip-ssl"]


DUMP = (
    b"-- MySQL dump 10.13\n--\n-- Table structure for table `a``b`\n--\nCREATE TABLE x;\n"
    b"-- Dumping data for table `a``b`\n--\nINSERT INTO `a``b` VALUES (1);\n"
    b"INSERT INTO `a``b` VALUES ('\\n-- Table structure for table `no`');\nUNLOCK TABLES;\n"
    b"--\n-- Dumping routines for database 'x'\n--\n/*!50003 DROP FUNCTION IF EXISTS `f` */;\n"
    b"--\n-- Final view structure for view `v`\n--\n-- Dump completed on 2026-11-30\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 50, 1000])
def test_what_is_in_a_dump_is_seen_wherever_its_blocks_end(size: int) -> None:
    inspector = Inspector(count=True)
    for start in range(0, len(DUMP), size):
        inspector.feed(memoryview(DUMP)[start : start + size])
    assert inspector.objects == {("table", "a`b"), ("function", "f"), ("view", "v")}
    assert dict(inspector.rows) == {"a`b": 2}
    assert inspector.whole


@pytest.mark.parametrize("cut", [m.start() for m in re.finditer(b"\n", DUMP)][:-1])
def test_a_dump_that_was_cut_between_two_lines_is_not_whole(cut: int) -> None:
    inspector = Inspector()
    inspector.feed(DUMP[:cut])
    assert not inspector.whole
