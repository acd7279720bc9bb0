"""Taking a dump of MySQL or MariaDB apart: what is run, what is followed, what is refused."""

from __future__ import annotations

import io

import pytest

from trustbackup.databases.mysql.definitions import parse
from trustbackup.databases.mysql.load import alter, put_off
from trustbackup.databases.mysql.script import Kind, Script, Statement, statements
from trustbackup.databases.mysql.settings import DumpSettings, Surroundings
from trustbackup.exceptions import RestoreError

TABLE = b"""CREATE TABLE `line` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `order_id` bigint(20) NOT NULL,
  `note` varchar(20) DEFAULT NULL COMMENT 'KEY `x` (`y`)',
  PRIMARY KEY (`id`),
  UNIQUE KEY `line_note` (`note`),
  KEY `line_order` (`order_id`),
  CONSTRAINT `line_order_fk` FOREIGN KEY (`order_id`) REFERENCES `order` (`id`),
  CONSTRAINT `positive` CHECK (`order_id` > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"""
END = b"\n-- Dump completed on 2026-12-01  1:02:03\n"


def taken_apart(text: bytes) -> list[Statement]:
    return list(statements(Script(io.BytesIO(text + END)), "It was not restored"))


def test_rows_are_whole_however_long_their_text_is() -> None:
    rows = b"INSERT INTO `t` VALUES\n(1,'a;\\n'),\n(2,'" + b"x" * (3 << 20) + b"')"
    (one, other) = taken_apart(rows + b";\nINSERT INTO `t` (`a`, row_start) VALUES (3,'b');\n")
    assert (one.kind, one.name, one.text) == (Kind.ROWS, "t", rows)
    assert other.text == b"INSERT INTO `t` (`a`, row_start) VALUES (3,'b')"


def test_a_table_is_known_by_its_name_and_what_stands_for_a_view_is_left_out() -> None:
    text = (
        b"DROP TABLE IF EXISTS `a``b`;\nCREATE TABLE `a``b` (\n  `x` int\n);\n"
        b"/*!50001 CREATE VIEW `v` AS SELECT\n NULL AS `id` */;\n"
        b"LOCK TABLES `a``b` WRITE;\n/*!40000 ALTER TABLE `a``b` DISABLE KEYS */;\nUNLOCK TABLES;\n"
    )
    (table,) = taken_apart(text)
    assert (table.kind, table.name) == (Kind.TABLE, "a`b")


@pytest.mark.parametrize(
    "statement",
    [
        b"DROP DATABASE `shop`",
        b"DROP TABLE `shop`.`orders`",
        b"GRANT ALL ON *.* TO `mallory`@`%`",
        b"INSERT INTO `shop`.`auth_user` VALUES (1)",
        b"CREATE TABLE `shop`.`t` (\n  `x` int\n)",
        b"LOAD DATA INFILE '/etc/passwd' INTO TABLE `t`",
        b"\\! touch /tmp/x",
        b"/*!50001 DELETE FROM `shop`.`t` */",
        b"DO SLEEP(1000)",
    ],
)
def test_what_no_dump_has_is_refused(statement: bytes) -> None:
    with pytest.raises(RestoreError, match="statement that no dump has"):
        taken_apart(statement + b";\n")


def test_what_a_dump_sets_is_followed_and_never_run() -> None:
    settings = DumpSettings()
    for text in (
        b"/*!40101 SET NAMES utf8mb4 */",
        b"SET GLOBAL general_log = 1",
        b"/*!50003 SET @saved_sql_mode       = @@sql_mode */",
        b"/*!50003 SET sql_mode              = 'ANSI_QUOTES,NO_ZERO_DATE' */",
        b"/*!50003 SET character_set_client  = latin1 */",
        b"/*!50003 SET collation_connection  = latin1_swedish_ci */",
    ):
        settings.follow(text)
    assert settings.now() == Surroundings(
        character_set_client="latin1",
        collation_connection="latin1_swedish_ci",
        sql_mode="ANSI_QUOTES,NO_ZERO_DATE",
    )
    settings.follow(b"/*!50003 SET sql_mode = @saved_sql_mode */")
    assert settings.now().sql_mode is None
    settings.follow(b"SET sql_mode = 'x', time_zone = (SELECT password FROM mysql.user)")
    assert settings.now().time_zone == ""


def test_a_dump_without_its_last_line_is_refused() -> None:
    with pytest.raises(RestoreError, match="cut short"):
        list(statements(Script(io.BytesIO(b"CREATE TABLE `t` (\n  `x` int\n);\n")), "It"))


def test_several_databases_are_refused_and_one_that_is_named_is_not() -> None:
    assert taken_apart(b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `a`;\nUSE `a`;\n") == []
    with pytest.raises(RestoreError, match="several databases"):
        taken_apart(b"USE `a`;\nUSE `b`;\n")


@pytest.mark.parametrize(
    ("text", "kind", "name", "definer"),
    [
        (
            b"/*!50003 CREATE*/ /*!50017 DEFINER=`o'k`@`%`*/ /*!50003 trigger shop.t before .\n*/",
            "trigger",
            "t",
            "o'k@%",
        ),
        (
            b"CREATE DEFINER=`a``b`@`h` FUNCTION `f`() RETURNS int return 1",
            "function",
            "f",
            "a`b@h",
        ),
        (
            b"/*!50001 CREATE ALGORITHM=MERGE */\n/*!50013 DEFINER=`r`@`h` */\n/*!50001 VIEW `v`",
            "view",
            "v",
            "r@h",
        ),
        (b"CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY DO select 1", "event", "e", ""),
        (b"CREATE DEFINER=`r`@`h` PROCEDURE `p q`() select 1", "procedure", "p q", "r@h"),
    ],
)
def test_definitions_are_told_by_their_beginning(
    text: bytes, kind: str, name: str, definer: str
) -> None:
    found = parse(text, Surroundings())
    assert found is not None
    assert (found.kind, found.name, found.definer) == (kind, name, definer)
    again = parse(found.without_definer().statement, Surroundings())
    assert again is not None
    assert (again.kind, again.name, again.definer) == (kind, name, "")


def test_whether_a_text_names_a_schema() -> None:
    def names(text: bytes) -> bool:
        found = parse(b"CREATE PROCEDURE `p`() " + text, Surroundings())
        return found is not None and found.names_schema("shop")

    assert names(b"insert into shop.log values (1)")
    assert names(b"insert into `SHOP` . `log` values (1)")
    assert not names(b"insert into workshop.log select old.shop from myshop.x")


def test_keys_are_made_when_the_rows_are_there() -> None:
    bare, later = put_off(TABLE)
    assert bare == (
        b"CREATE TABLE `line` (\n"
        b"  `id` bigint(20) NOT NULL AUTO_INCREMENT,\n"
        b"  `order_id` bigint(20) NOT NULL,\n"
        b"  `note` varchar(20) DEFAULT NULL COMMENT 'KEY `x` (`y`)',\n"
        b"  PRIMARY KEY (`id`),\n"
        b"  CONSTRAINT `positive` CHECK (`order_id` > 0)\n"
        b") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
    )
    assert alter("line", later) == (
        b"ALTER TABLE `line` ADD UNIQUE KEY `line_note` (`note`),"
        b" ADD KEY `line_order` (`order_id`),"
        b" ADD CONSTRAINT `line_order_fk` FOREIGN KEY (`order_id`) REFERENCES `order` (`id`)"
    )


@pytest.mark.parametrize(
    "change",
    [
        (b"  PRIMARY KEY (`id`),\n", b""),
        (b"ENGINE=InnoDB", b"ENGINE=InnoDB WITH SYSTEM VERSIONING"),
    ],
)
def test_keys_stay_where_a_table_needs_them(change: tuple[bytes, bytes]) -> None:
    table = TABLE.replace(*change)
    assert put_off(table) == (table, [])


def test_the_key_of_a_column_that_counts_stays() -> None:
    table = TABLE.replace(b"PRIMARY KEY (`id`)", b"PRIMARY KEY (`note`)").replace(
        b"  KEY `line_order` (`order_id`)", b"  KEY `counts` (`id`)"
    )
    bare, later = put_off(table)
    assert b"KEY `counts` (`id`)" in bare
    assert len(later) == 2
