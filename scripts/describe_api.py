"""Make the API's description of its views, and the page of the docs of the description.

``make api`` runs it. With ``--check`` nothing is written; what is not as it would be is named.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/reference/api.md"
BEGIN, END = "<!-- made by `make api` -->\n", "<!-- as far as here -->\n"
_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `manage.py backup_token make`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "A session of the site; what changes something needs X-CSRFToken as well.",
    },
}


def describe() -> dict[str, Any]:
    """The whole API as OpenAPI 3; Django is set up."""
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.settings import patched_settings

    from trustbackup.api import urls
    from trustbackup.models import Backup, Copy, Run

    ours = {
        "TITLE": "trustbackup",
        "VERSION": "1",
        "DESCRIPTION": "Backups of a Django site that are proven to restore.",
        "APPEND_COMPONENTS": {"securitySchemes": _SECURITY},
        # What must be sent, and may not be empty, is said of what is sent alone.
        "COMPONENT_SPLIT_PATCH": False,
        "COMPONENT_SPLIT_REQUEST": True,
        "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
        "ENUM_NAME_OVERRIDES": {
            "BackupState": Backup.State.values,
            "CopyState": Copy.State.values,
            "RunState": Run.State.values,
        },
    }
    with patched_settings(ours):
        generator = SchemaGenerator(patterns=urls.described_urls)
        made = generator.get_schema(request=None, public=True)
    found: dict[str, Any] = json.loads(json.dumps(made), object_hook=_empty_or_not)
    return found


def _empty_or_not(found: dict[str, Any]) -> dict[str, Any]:
    """One text, where the generator says: either this text, which may be empty, or an empty one.

    An empty one would be both, and so neither.
    """
    text, *others = found.get("oneOf", [{}])
    if others == [{"type": "string", "maxLength": 0}] and "minLength" not in text:
        return {**text, **{name: found[name] for name in found if name != "oneOf"}}
    return found


def as_page(description: dict[str, Any], before: str) -> str:
    """The docs' page: what stands around the marks stays as it is."""
    head, _begin, rest = before.partition(BEGIN)
    _old, _end, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{''.join(_sections(description))}{END}{tail}"


def _sections(description: dict[str, Any]) -> Iterator[str]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"### `{method.upper()} {path}`\n\n{operation['summary']}.\n\n"
            yield from _table(description, operation)


def _table(description: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    rows = [
        (each["name"], each["in"], each["schema"], each.get("description", ""))
        for each in operation.get("parameters", ())
    ]
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        name = media["schema"].get("$ref", "").rpartition("/")[2]
        if not name:
            rows.append((kind, "body", media["schema"], ""))
            continue
        fields = description["components"]["schemas"][name]["properties"]
        rows += [(name, "body", each, each.get("description", "")) for name, each in fields.items()]
    if rows:
        yield "| name | in | type | |\n| --- | --- | --- | --- |\n"
        for name, where, schema, text in rows:
            yield f"| `{name}` | {where} | {_type(description, schema)} | {text} |\n"
        yield "\n"
    answers = ", ".join(
        code for code in operation["responses"] if code not in ("401", "403", "409", "429", "503")
    )
    yield f"Answers: {answers}.\n\n"


def _type(description: dict[str, Any], schema: dict[str, Any]) -> str:
    """In a word or a list of values."""
    for reference in [schema, *schema.get("allOf", ()), *schema.get("oneOf", ())]:
        if name := reference.get("$ref", "").rpartition("/")[2]:
            return _type(description, description["components"]["schemas"][name])
    if values := schema.get("enum"):
        return ", ".join(f"`{value}`" for value in values)
    return str(schema.get("format", schema.get("type", "")))


def made() -> dict[Path, str]:
    """Each file, and what must be in it."""
    from trustbackup.api.description import FILE

    description = describe()
    text = json.dumps(description, indent=1, sort_keys=True) + "\n"
    return {FILE: text, PAGE: as_page(json.loads(text), PAGE.read_text("utf-8"))}


def main(arguments: list[str]) -> int:
    """The program; the exit code."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webshop.settings")
    import django

    django.setup()
    stale = [
        path
        for path, text in made().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.name} is not as the API is: run make api.", file=sys.stderr)  # noqa: T201
        return bool(stale)
    for path, text in made().items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
