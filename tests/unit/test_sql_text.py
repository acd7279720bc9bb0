"""Case L: what a text within a dump says is never run as a statement of the dump."""

from __future__ import annotations

import re

import pytest

from trustbackup.databases.postgresql.restore_items import read_section
from trustbackup.databases.postgresql.sql_text import between_statements, is_complete, statements

HEAD = b"--\n-- Name: %b; Type: %b; Schema: public; Owner: site\n--\n\n"


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        (b"SELECT 1", True),
        (b"SELECT 'it''s'", True),
        (b"SELECT 'it''s", False),
        (b"COMMENT ON TABLE \"a'b\" IS 'open", False),
        (b"COMMENT ON TABLE \"a'b\" IS 'shut'", True),
        (b"AS $body$ it's ' \" $$ $body$", True),
        (b"AS $body$ it's $$", False),
        (b"AS $$ 'a'", False),
        (b"SELECT E'it\\'s'", True),
        (b"SELECT E'a''b\\'c", False),
        (b"SELECT 'a\\' || \"b\"", True),
        (b'-- what it\'s called\nSELECT "a"', True),
        (b"SELECT price$1, 'x'", True),
    ],
)
def test_a_text_or_a_name_is_open_until_its_own_end(text: bytes, complete: bool) -> None:
    assert is_complete(text) is complete


def test_a_backslash_escapes_where_the_dump_says_so() -> None:
    assert is_complete(b"SELECT 'a\\'b', \"c\"", escaping=True)
    assert not is_complete(b"SELECT 'a\\'b', \"c\"")


def test_a_match_within_a_text_is_none() -> None:
    text = b"SELECT 1;\nfound 'not\nfound\n' \"nor\nfound\" found"
    found = between_statements(re.compile(b"found"), text, escaping=False)
    assert [match.start() for match in found] == [10, 41]


def test_statements_end_at_their_own_semicolon() -> None:
    other = b'SET SESSION AUTHORIZATION x;\nGRANT SELECT ON TABLE "a;\nb" TO y;\n'
    other += b"RESET SESSION AUTHORIZATION;"
    first, last = b'REVOKE ALL ON TABLE "a;\nDROP TABLE x;\nb" FROM z;', b"GRANT ALL ON t TO v;"
    assert list(statements(b"\n".join((first, other, last)))) == [first, other, last]


def test_a_comment_that_looks_like_a_dump_stays_one_comment() -> None:
    comment = b"COMMENT ON TABLE public.t IS 'it\n\n%bSELECT 1;\nALTER TABLE public.t OWNER TO x';"
    comment %= HEAD % (b"u", b"TABLE")
    table = b"CREATE TABLE public.t ();\n\n\nALTER TABLE public.t OWNER TO site;"
    text = b"".join(
        (
            b"\\restrict KEY\n\n",
            HEAD % (b"t", b"TABLE"),
            table + b"\n\nSET default_tablespace = fast;\n\n",
            HEAD % (b"TABLE t", b"COMMENT"),
            comment + b"\n\n\n\\unrestrict KEY\n\n",
        )
    )
    first, second = read_section(text).items
    assert (first.name, first.give) == ("t", b"ALTER TABLE public.t OWNER TO site;")
    assert (second.text, second.give) == (comment, b"")
    assert b"fast" in second.settings


def test_a_comment_that_ends_like_settings_stays_whole() -> None:
    comment = b"COMMENT ON TABLE public.t IS 'it\nSET default_tablespace = x';"
    text = b"".join((HEAD % (b"TABLE t", b"COMMENT"), comment, b"\n\n\n", HEAD % (b"u", b"TABLE")))
    assert read_section(text).items[0].text == comment
