"""pg_restore's text, taken apart: statements here, rows there, psql's commands nowhere."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.databases.postgresql import restore_script
from trustbackup.databases.postgresql.restore_script import Script
from trustbackup.exceptions import ManifestError

HEAD = b"--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n"


class Pieces(io.BytesIO):
    """A stream that gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self.step = step

    def read(self, _size: int | None = -1, /) -> bytes:
        return super().read(self.step)


def play(data: bytes, step: int = 1 << 20) -> tuple[list[str], dict[bytes, bytes]]:
    texts: list[str] = []
    tables: dict[bytes, bytes] = {}

    def copy(statement: str, rows: Iterator[bytes]) -> None:
        blocks = list(rows)
        assert all(block.endswith(b"\n") for block in blocks), "a row was cut in two"
        tables[statement] = b"".join(blocks)

    Script(Pieces(data, step)).play(lambda text: texts.append(text.decode()), copy)
    return texts, tables


rows = st.lists(
    st.binary(max_size=12).map(lambda row: row.replace(b"\n", b"").replace(b"\\", b"\\\\")),
    max_size=30,
)


@given(first=rows, second=rows, step=st.integers(1, 40))
def test_rows_come_whole_and_unchanged_wherever_a_block_ends(
    first: list[bytes], second: list[bytes], step: int
) -> None:
    data = HEAD
    for name, lines in (("a", first), ("b", second)):
        data += b"COPY public.%s (x) FROM stdin;\n" % name.encode()
        data += b"".join(line + b"\n" for line in lines) + b"\\.\n\n\n"
    texts, tables = play(data + b"SELECT pg_catalog.setval('public.s', 7, true);\n", step)
    assert tables == {
        b"COPY public.a (x) FROM stdin": b"".join(line + b"\n" for line in first),
        b"COPY public.b (x) FROM stdin": b"".join(line + b"\n" for line in second),
    }
    assert "SET client_encoding" in texts[0]
    assert "setval" in texts[-1]


def test_rows_without_their_end_are_refused() -> None:
    with pytest.raises(ManifestError, match="end too early"):
        play(b"COPY a (x) FROM stdin;\n1\n2")


def test_a_name_with_a_line_break_is_one_statement() -> None:
    _, tables = play(b'COPY public."a\nb" (x) FROM stdin;\n1\n\\.\n')
    assert tables == {b'COPY public."a\nb" (x) FROM stdin': b"1\n"}


def test_a_quote_in_a_comment_opens_no_text() -> None:
    _, tables = play(
        b"-- Data for Name: it's; Type: TABLE DATA\n\nCOPY a (x) FROM stdin;\n1\n\\.\n"
    )
    assert tables == {b"COPY a (x) FROM stdin": b"1\n"}


def test_a_text_that_looks_like_copy_is_no_copy() -> None:
    text = b"INSERT INTO a VALUES ('first\nCOPY a (x) FROM stdin;\nlast');\n"
    texts, tables = play(text)
    assert (texts, tables) == ([text.decode().strip()], {})


def test_many_inserts_are_run_piece_by_piece_never_in_the_middle_of_a_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(restore_script, "BLOCK", 100)
    line = b"INSERT INTO a VALUES ('it''s ends here);\nand goes on');\n"
    texts, _ = play(line * 50)
    assert len(texts) > 10
    assert all(text.startswith("INSERT") and text.endswith("on');") for text in texts)
    assert sum(text.count("INSERT") for text in texts) == 50


def test_only_the_commands_that_pg_restore_adds_for_psql_are_left_out() -> None:
    data = b"\\restrict Key1\n\n" + HEAD + b"\\! rm\n\\unrestrict Other\n\\unrestrict Key1\n"
    texts, _ = play(data)
    assert "restrict Key1" not in texts[0]
    assert "\\! rm" in texts[0], "it must reach the server, which refuses it"
    assert "\\unrestrict Other" in texts[0]


def test_without_rows_the_text_is_one_piece() -> None:
    texts: list[str] = []
    body = b"CREATE FUNCTION f() AS $$\nCOPY a (x) FROM stdin;\n\\.\n$$;\n"
    Script(io.BytesIO(body)).play(lambda text: texts.append(text.decode()), None)
    assert texts == [body.decode().strip()]
