"""The formats of a fixture: Django's serializers, a batch of rows at a time.

Each makes what ``dumpdata`` makes, with three differences, so that nothing is lost on the way back:
JSON keeps microseconds, XML keeps carriage returns, and content types are always named by their
natural key, because their numbers differ from database to database.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.core import serializers
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from trustbackup.contents.app_data.tables import meta_of
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

CONTENT_TYPES = "contenttypes.contenttype"
MOST_INDENT = 16


@dataclass(frozen=True, kw_only=True)
class FixtureOptions:
    """How rows are written. ``indent`` is in spaces; None for the format's own way."""

    format: str = "jsonl"
    indent: int | None = None
    natural: bool = False
    """Whether foreign keys are natural keys wherever their model has some."""


class ExactEncoder(DjangoJSONEncoder):
    """Django's cuts microseconds off, as ECMA-262 wants it; nobody else needs that."""

    def default(self, o: Any) -> Any:  # noqa: ANN401
        if isinstance(o, (datetime, time)) and o.microsecond and not getattr(o, "tzinfo", None):
            return o.isoformat()
        if isinstance(o, datetime) and o.microsecond:
            return o.isoformat().replace("+00:00", "Z")
        return super().default(o)


class _NaturalKeys:
    """For Django's serializers: content types by their natural key, whatever was asked for, and
    rows that come along by their own.

    Another row may have the natural key by now of one that comes along: a site that was renamed.
    """

    use_natural_foreign_keys: bool
    inside: frozenset[type[models.Model]] = frozenset()

    @contextlib.contextmanager
    def _as_wanted(self, field: models.Field[Any, Any]) -> Iterator[None]:
        asked = self.use_natural_foreign_keys
        natural = asked and field.related_model not in self.inside
        self.use_natural_foreign_keys = natural or is_content_type(field)
        try:
            yield
        finally:
            self.use_natural_foreign_keys = asked

    def handle_fk_field(self, obj: models.Model, field: models.Field[Any, Any]) -> None:
        with self._as_wanted(field):
            super().handle_fk_field(obj, field)  # type: ignore[misc]

    def handle_m2m_field(self, obj: models.Model, field: models.Field[Any, Any]) -> None:
        with self._as_wanted(field):
            super().handle_m2m_field(obj, field)  # type: ignore[misc]


def is_content_type(field: models.Field[Any, Any]) -> bool:
    related = field.related_model
    return isinstance(related, type) and meta_of(related).label_lower == CONTENT_TYPES


class FixtureFormat:
    """One format: what a file begins with, its batches, what is between them, and its end."""

    name: str
    begin = between = end = b""

    def __init__(self, options: FixtureOptions) -> None:
        self.options = options
        base: Any = serializers.get_serializer(self.name)
        self._serializer: Any = type("Serializer", (_NaturalKeys, base), {})

    @property
    def inside(self) -> frozenset[type[models.Model]]:
        """Models whose rows come along, which are named by their primary keys even if ``natural``
        was asked for."""
        found: frozenset[type[models.Model]] = self._serializer.inside
        return found

    @inside.setter
    def inside(self, found: frozenset[type[models.Model]]) -> None:
        self._serializer.inside = found

    def batch(self, rows: Sequence[models.Model], fields: Sequence[str] | None = None) -> bytes:
        """Some rows of one model, or only these of its fields.

        Raises what Django's serializers raise.
        """
        text = io.StringIO()
        self._serializer().serialize(
            rows,
            stream=text,
            fields=fields,
            use_natural_foreign_keys=self.options.natural,
            **self._more(),
        )
        return self._body(text.getvalue()).encode()

    def _more(self) -> dict[str, object]:
        return {}

    def _body(self, text: str) -> str:
        return text


class _JsonLines(FixtureFormat):
    name = "jsonl"

    def _more(self) -> dict[str, object]:
        return {"cls": ExactEncoder}


class _Json(FixtureFormat):
    name = "json"
    begin = b"["

    def __init__(self, options: FixtureOptions) -> None:
        super().__init__(options)
        self.between = b"," if options.indent else b", "
        self.end = b"\n]\n" if options.indent else b"]\n"

    def _more(self) -> dict[str, object]:
        return {"cls": ExactEncoder, "indent": self.options.indent, "ensure_ascii": False}

    def _body(self, text: str) -> str:
        return text.strip()[1:-1].rstrip()


class _Xml(FixtureFormat):
    name = "xml"
    begin = b'<?xml version="1.0" encoding="utf-8"?>\n<django-objects version="1.0">'

    def __init__(self, options: FixtureOptions) -> None:
        super().__init__(options)
        self.end = b"\n</django-objects>\n" if options.indent is not None else b"</django-objects>"

    def _more(self) -> dict[str, object]:
        return {"indent": self.options.indent, "encoding": "utf-8"}

    def _body(self, text: str) -> str:
        start = text.index('<django-objects version="1.0">') + len('<django-objects version="1.0">')
        body = text[start : text.rindex("</django-objects>")].rstrip("\n")
        # A parser makes a line feed of it, as XML wants it, unless it is written like this.
        return body.replace("\r", "&#13;")


class _Yaml(FixtureFormat):
    name = "yaml"

    def __init__(self, options: FixtureOptions) -> None:
        super().__init__(options)
        yaml = yaml_library()
        base = importlib.import_module("django.core.serializers.pyyaml").DjangoSafeDumper

        class Dumper(base):  # type: ignore[misc, valid-type]
            def ignore_aliases(self, data: object) -> bool:
                return True  # who reads it need not follow any, and we refuse them

        def end_serialization(serializer: Any) -> None:  # noqa: ANN401
            more = {"allow_unicode": True, **serializer.options}
            yaml.dump(serializer.objects, serializer.stream, Dumper=Dumper, **more)

        self._serializer.end_serialization = end_serialization

    def _more(self) -> dict[str, object]:
        return {} if self.options.indent is None else {"indent": self.options.indent}


FORMATS: dict[str, type[FixtureFormat]] = {
    each.name: each for each in (_Json, _JsonLines, _Xml, _Yaml)
}


def get_format(options: FixtureOptions) -> FixtureFormat:
    """Raises UsageError for what is no format, or can't be made here."""
    check_name(options.format)
    if options.indent is not None:
        if options.format == "jsonl":
            raise UsageError(
                _("JSON lines can't be indented"), todo=_("Leave --indent out, or use json.")
            )
        least = 2 if options.format == "yaml" else 1
        most = 9 if options.format == "yaml" else MOST_INDENT
        if not least <= options.indent <= most:
            raise UsageError(
                _("Rows can't be indented by %(count)d", count=options.indent),
                todo=_("Use %(least)d to %(most)d.", least=least, most=most),
            )
    return FORMATS[options.format](options)


def check_name(name: str) -> None:
    """Raises UsageError for what is no format, or needs a library that is not here."""
    if name not in FORMATS:
        raise UsageError(
            _("There is no format %(name)r", name=name),
            todo=_("Choose one of %(known)s.", known=", ".join(FORMATS)),
        )
    if name == "yaml":
        yaml_library()


def yaml_library() -> Any:  # noqa: ANN401
    """PyYAML. Raises UsageError where it is not installed."""
    try:
        return importlib.import_module("yaml")
    except ImportError:
        raise UsageError(
            _("YAML can't be read or written"),
            why=_("PyYAML is not installed"),
            todo=_("Install PyYAML, or use jsonl."),
        ) from None


Decode = Callable[[str], Any]


def decode_json(text: str | bytes) -> Any:  # noqa: ANN401
    """Raises ValueError for what is no JSON, however deep it is nested."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from error
