"""Option files of MySQL's programs: what is written is what is read, and nothing stays."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.databases.mysql import option_file
from trustbackup.databases.mysql.rights import Grant, gaps

WORDS = ["a#b", " leading", "trailing ", "back\\", "'", '"', "a'b\"c\\", "!x", "=", "ü\n\t", "%s"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1))
def test_a_value_comes_back_as_it_was(value: str) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"trustbackup-{os.getpid()}.cnf"
    path.write_text(option_file.render({"password": value}))
    try:
        assert option_file.read_groups(path, ("client",)) == {"password": value}
    finally:
        path.unlink()


@pytest.mark.parametrize("value", WORDS)
def test_mariadbs_own_reader_has_the_same_value(value: str) -> None:
    with option_file.written({"password": value}) as file:
        done = subprocess.run(
            ["my_print_defaults", file.argument, "client"],
            pass_fds=file.inherited,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == f"--password={value}\n"


def test_a_file_is_the_users_alone_and_has_no_name() -> None:
    with option_file.written({"user": "shop"}) as file:
        (descriptor,) = file.inherited
        assert os.fstat(descriptor).st_mode & 0o777 == 0o600
        assert os.fstat(descriptor).st_nlink == 0


def test_groups_and_included_files_are_read_as_mysql_does(tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "one.cnf").write_text("[client]\nssl_ca = /etc/ca.pem # here\n[mysqldump]\nno-data\n")
    (more / "two.txt").write_text("[client]\nuser=nobody\n")
    file = tmp_path / "my.cnf"
    file.write_text(
        f"[client]\nuser=web\npassword='it''s'\n!includedir {more}\n; x\n[site]\nuser = \"si te\"\n"
    )
    assert option_file.read_groups(file, ("client", "site")) == {
        "user": "si te",
        "password": "it''s",
        "ssl-ca": "/etc/ca.pem",
    }


@pytest.mark.parametrize(
    ("schema", "covered"),
    [
        ("shop", True),
        ("sh%", True),
        (r"s\%", False),
        ("sho_", True),
        (r"sho\_", False),
        ("*", True),
    ],
)
def test_a_grant_on_a_pattern_covers_what_mysql_says(schema: str, covered: bool) -> None:
    grant = Grant(frozenset({"ALL PRIVILEGES"}), schema, "*")
    assert grant.covers("shop") is covered
    assert (gaps([grant], "shop") == []) is covered


def test_a_users_gaps_are_named() -> None:
    little = Grant(frozenset({"SELECT", "LOCK TABLES"}), "shop", "*")
    assert gaps([little], "shop") == [
        "GRANT TRIGGER, EVENT ON `shop`.* TO USER",
        "GRANT EXECUTE ON `shop`.* TO USER",
    ]
    proc = Grant(frozenset({"SELECT"}), "mysql", "proc")
    events = Grant(frozenset({"EVENT", "TRIGGER"}), "shop", "*")
    assert gaps([little, proc, events], "shop") == []
