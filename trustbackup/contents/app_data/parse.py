"""The rows in a fixture, one after the other, as ``dict``s of model, pk and fields.

A fixture is what somebody may have made by hand: whatever is in it, what comes out is a row or a
FixtureError. No more of the file is in memory than a row, or a batch of them.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from trustbackup.contents.app_data.formats import decode_json, yaml_library
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line
from trustbackup.store.streams import BLOCK, Readable

Row = dict[str, Any]
LONGEST = 64 << 20
"""Bytes, or characters, of one row."""
_YAML_BATCH = 500
_NOT_WHITE = re.compile(r"[^ \t\r\n]")


class FixtureError(RestoreError):
    """What the file holds is no fixture, or none of this app."""

    default = _("The rows can't be read")

    def __init__(self, why: str, todo: str = "") -> None:
        super().__init__(why=why, todo=todo or _("Restore another backup."))


def read_rows(raw: Readable, format: str) -> Iterator[Row]:  # noqa: A002 - the manifest's word
    """Raises FixtureError; UsageError for a format that can't be read here."""
    if format not in _READERS:
        raise FixtureError(_("there is no format %(name)r", name=format))
    try:
        for row in _READERS[format](raw):
            yield _checked(row)
    except UnicodeDecodeError as error:
        raise FixtureError(_("they are no UTF-8")) from error


def _checked(row: object) -> Row:
    if not isinstance(row, dict) or not isinstance(row.get("model"), str):
        raise FixtureError(_("what stands where a row should be is none"))
    if not isinstance(row.get("fields"), dict):
        raise FixtureError(_("a row of %(model)s has no fields", model=row["model"]))
    if row.get("pk") is None:
        raise FixtureError(_("a row of %(model)s has no primary key", model=row["model"]))
    if not all(isinstance(name, str) for name in row["fields"]):
        raise FixtureError(_("a field of %(model)s has no name", model=row["model"]))
    return row


def _texts(raw: Readable) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    while block := raw.read(BLOCK):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _lines(raw: Readable) -> Iterator[str]:
    """Only a line feed ends one: texts may hold what Python and Unicode take for an end, too."""
    rest = ""
    for text in _texts(raw):
        *whole, rest = (rest + text).split("\n")
        yield from whole
        _bounded(rest)
    if rest:
        yield rest


def _bounded(text: str) -> None:
    if len(text) > LONGEST:
        raise FixtureError(_("a row is longer than %(limit)d bytes", limit=LONGEST))


def _json_lines(raw: Readable) -> Iterator[object]:
    for line in _lines(raw):
        if line.strip():
            yield _decoded(decode_json, line)


def _decoded(decode: Callable[[str], object], text: str) -> object:
    try:
        return decode(text)
    except ValueError as error:
        raise FixtureError(one_line(str(error))) from error


def _json(raw: Readable) -> Iterator[object]:
    """The items of one list, each decoded as soon as it is there."""
    text = _JsonText(_texts(raw))
    if text.take() != "[":
        raise FixtureError(_("they are no list"))
    if text.sign() == "]":
        text.take()
    else:
        yield text.item()
        while (sign := text.take()) != "]":
            if sign != ",":
                raise FixtureError(_("%(sign)r is missing between rows", sign=","))
            yield text.item()
    if text.sign():
        raise FixtureError(_("something stands after the last row"))


class _JsonText:
    """What was read and not decoded yet."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts, self._text, self._at = texts, "", 0
        self._decode = json.JSONDecoder().raw_decode

    def sign(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            found = _NOT_WHITE.search(self._text, self._at)
            if found is not None:
                self._at = found.start()
                return found[0]
            self._text, self._at = "", 0
            if not self._more():
                return ""

    def take(self) -> str:
        sign = self.sign()
        if not sign:
            raise FixtureError(_("they were cut short"))
        self._at += 1
        return sign

    def item(self) -> object:
        if not self.sign():
            raise FixtureError(_("they were cut short"))
        while True:
            try:
                item, self._at = self._decode(self._text, self._at)
            except RecursionError as error:
                raise FixtureError(one_line(str(error))) from error
            except ValueError as error:
                # Not all of it is there yet, perhaps: twice as much is tried next.
                wanted = 2 * (len(self._text) - self._at)
                had = len(self._text) - self._at
                _bounded(self._text[self._at :])
                while len(self._text) - self._at < wanted and self._more():
                    pass
                if len(self._text) - self._at == had:
                    raise FixtureError(one_line(str(error))) from error
            else:
                return item

    def _more(self) -> bool:
        """Read on; False when nothing is left."""
        for text in self._texts:
            if text:
                self._text, self._at = self._text[self._at :] + text, 0
                return True
        return False


def _yaml(raw: Readable) -> Iterator[object]:
    """A list's items begin at the left edge, and nothing else in it does."""
    yaml = yaml_library()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    item: list[str] = []
    items = 0

    def load() -> list[object]:
        text = "\n".join(item)
        try:
            # Aliases of lists of aliases would be a bomb.
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, loader)):
                raise FixtureError(_("a row refers to a part of another"))
            found = loader(text).get_single_data()
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise FixtureError(one_line(str(error))) from error
        if found is None:
            return []
        if not isinstance(found, list):
            raise FixtureError(_("they are no list"))
        return found

    size = 0
    for line in _lines(raw):
        if line.startswith("- "):
            if items == _YAML_BATCH:
                yield from load()
                item, items, size = [], 0, 0
            items += 1
        item.append(line)
        size += len(line)
        if size > LONGEST:
            raise FixtureError(_("a row is longer than %(limit)d bytes", limit=LONGEST))
    yield from load()


class _Bytes:
    """A file as ``pulldom`` wants it."""

    def __init__(self, raw: Readable) -> None:
        self._raw = raw

    def read(self, size: int = -1) -> bytes:
        return self._raw.read(size)


def _xml(raw: Readable) -> Iterator[object]:
    """By Django's own parser, which takes no document type and no entity of anybody's."""
    # XML's libraries are loaded for who has some: every restore loads this module.
    from xml.dom import pulldom
    from xml.sax import SAXException

    from django.core.serializers.xml_serializer import DefusedExpatParser
    from django.utils.xmlutils import UnserializableContentError

    parser = DefusedExpatParser()
    is_empty = True
    events: Any = pulldom.parse(_Bytes(raw), parser)  # type: ignore[arg-type]  # noqa: S319
    try:
        for event, node in events:
            is_empty = is_empty and event != pulldom.START_ELEMENT
            if event == pulldom.START_ELEMENT and node.nodeName == "object":
                events.expandNode(node)
                yield _row_of(node)
                # What was read is not kept beneath the document.
                node.unlink()
    except FixtureError:
        raise
    except (SAXException, ValueError, RecursionError, UnserializableContentError) as error:
        raise FixtureError(one_line(str(error)) or type(error).__name__) from error
    if is_empty:
        raise FixtureError(_("they were cut short"))


def _row_of(node: Any) -> Row:  # noqa: ANN401
    fields: dict[str, Any] = {}
    for field in node.getElementsByTagName("field"):
        name, relation = field.getAttribute("name"), field.getAttribute("rel")
        if relation == "ManyToManyRel":
            fields[name] = [_link(each) for each in field.getElementsByTagName("object")]
        elif field.getElementsByTagName("None"):
            fields[name] = None
        elif keys := field.getElementsByTagName("natural"):
            fields[name] = [_text(key) for key in keys]
        elif field.getAttribute("type") == "JSONField":
            fields[name] = decode_json(_text(field))
        else:
            fields[name] = _text(field)
    pk = node.getAttribute("pk") if node.hasAttribute("pk") else None
    return {"model": node.getAttribute("model"), "pk": pk, "fields": fields}


def _link(node: Any) -> object:  # noqa: ANN401
    keys = node.getElementsByTagName("natural")
    return [_text(key) for key in keys] if keys else node.getAttribute("pk")


def _text(node: Any) -> str:  # noqa: ANN401
    from django.core.serializers.xml_serializer import getInnerText

    return str(getInnerText(node))


_READERS: dict[str, Callable[[Readable], Iterator[object]]] = {
    "json": _json,
    "jsonl": _json_lines,
    "xml": _xml,
    "yaml": _yaml,
}
