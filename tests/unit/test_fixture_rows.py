"""The rows of a fixture: all that it holds, a row at a time, and nothing of a crafted one."""

from __future__ import annotations

import io
import json

import pytest

from trustbackup.contents.app_data import parse
from trustbackup.contents.app_data.parse import FixtureError, read_rows

ROWS = [
    {"model": "shop.category", "pk": number, "fields": {"category_name": f"\u2028ä {number}\r\n "}}
    for number in range(3)
]
XML_ROW = '<object model="a.b" pk="1"><field name="a" type="CharField">{}</field></object>'


class Trickle(io.BytesIO):
    """Gives one byte at a time, so that every place is a place between two reads."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1)


def read(text: str | bytes, name: str) -> list[object]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(read_rows(Trickle(data), name))


@pytest.mark.parametrize("indent", [None, 4])
def test_a_json_list_is_read_row_by_row(indent: int | None) -> None:
    assert read(json.dumps(ROWS, indent=indent, ensure_ascii=False), "json") == ROWS
    assert read(" [ ] \n", "json") == []


def test_only_a_line_feed_ends_a_line() -> None:
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    assert read(text, "jsonl") == ROWS
    assert read(text + "\n\n", "jsonl") == ROWS


def test_xml_keeps_every_character_of_a_text() -> None:
    (row,) = read(f"<django-objects>{XML_ROW.format(' a&#13;&#10;b&lt; ')}</django-objects>", "xml")
    assert row == {"model": "a.b", "pk": "1", "fields": {"a": " a\r\nb< "}}


def test_yaml_is_read_a_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "_YAML_BATCH", 2)
    text = "".join(
        f"- model: shop.category\n  pk: {row['pk']}\n  fields:\n    category_name: 'a\n\n      b'\n"
        for row in ROWS
    )
    assert [row["pk"] for row in read(text, "yaml")] == [0, 1, 2]  # type: ignore[index]
    assert read(text, "yaml")[1]["fields"] == {"category_name": "a\nb"}  # type: ignore[index]
    assert read("[]\n", "yaml") == []


ROW = json.dumps(ROWS[0])
ENTITY = '<!DOCTYPE a [<!ENTITY b "c">]><django-objects>'
CRAFTED = {
    "json": [
        "", "{}", "[", f"[{ROW}", f"[{ROW},", f"[{ROW} {ROW}]", f"[{ROW},]", f"[{ROW}] x", "[1]",
        "[nothing]", '["' + "x" * 50, "[" * 100_000, b"[\xff]",
    ],
    "jsonl": ["{", "1", "[]", ROW[:-5], '{"model": "a.b", "pk": ' + "9" * 5000 + "}", b"\xff"],
    "yaml": [
        "a: b\n", "- a\n", "- [\n", "- model: a.b\n  pk: &x 1\n  fields: {a: *x}\n",
        "- !!python/name:os.system\n",
    ],
    "xml": [
        "", "<a>", f"<a>{XML_ROW.format('')}",
        f"{ENTITY}{XML_ROW.format('&b;')}</django-objects>",
        "<a><object/></a>", '<a><object model="a.b"></object></a>',
        f"<a>{XML_ROW.format(chr(0))}</a>",
        "<a>" + XML_ROW.replace("CharField", "JSONField").format("{") + "</a>",
    ],
    "csv": ["a,b\n"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in CRAFTED.items() for text in texts]
)
def test_what_is_no_fixture_is_refused_in_one_sentence(name: str, text: str | bytes) -> None:
    with pytest.raises(FixtureError) as caught:
        list(read_rows(io.BytesIO(text if isinstance(text, bytes) else text.encode()), name))
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "broken",
    [
        {"pk": 1, "fields": {}},
        {"model": 1, "pk": 1, "fields": {}},
        {"model": "a.b", "pk": 1},
        {"model": "a.b", "pk": 1, "fields": []},
        {"model": "a.b", "pk": None, "fields": {}},
        {"model": "a.b", "fields": {}},
    ],
)
def test_a_row_has_a_model_a_key_and_fields(broken: dict[str, object]) -> None:
    with pytest.raises(FixtureError):
        read(json.dumps(broken), "jsonl")


@pytest.mark.parametrize("name", ["json", "jsonl", "yaml"])
def test_a_row_without_an_end_is_not_read_for_ever(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(parse, "LONGEST", 1 << 21)

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1, /) -> bytes:
            self.given += 1 << 20
            assert self.given < 1 << 26
            return b'["' + b"x" * ((1 << 20) - 2) if self.given == 1 << 20 else b"x" * (1 << 20)

    with pytest.raises(FixtureError, match="longer than"):
        list(read_rows(Endless(), name))
