"""What an error says is a phrase: nobody forgets the ``_`` that lets a page translate it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.sites import CHECKOUT

PACKAGE = CHECKOUT / "trustbackup"
IN_A_TERMINAL = ("management", "checks.py")
"""What only terminals show."""
PARTS = {"what", "why", "todo", "operation"}
"""Names of what an error is made of, wherever they are handed on."""
SAYING = {"why_not_swap", "room_for", "inspect", "missing", "describe_space", "_remedy"}
"""Functions whose result is shown as it is."""


def files() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in IN_A_TERMINAL
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_sentence_of_an_error_is_a_phrase(path: Path) -> None:
    assert list(plain_sentences(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "raise BackupNotFound('There is none')",
        "raise DumpError(_('It failed'), why='it is ' + name)",
        "raise DumpError(_('It failed'), why='it is %s' % name)",
        "raise Busy(_('It waits'), todo=f'Wait for {name}.')",
        "raise Busy(_('It waits'), todo=_('Wait.') if short else 'Wait long.')",
        "error = DestinationError(_('No'), why=name or 'it has no name')",
        "what = f'{name} was not copied'",
        "self.what = 'It was not copied'",
        "translate(RestoreError, f'{name} was not restored')",
        "with file_operation('Reading', path): pass",
        "class Late(Busy):\n    default = 'It is late'",
        "class Late(Busy):\n    def __init__(self): super().__init__('It is late')",
        "def why_not_swap(self): return 'it is a file'",
        "raise Busy(', '.join(names))",
        "raise Busy('{} waits'.format(name))",
    ],
)
def test_a_plain_sentence_is_found(code: str) -> None:
    assert list(plain_sentences(code))


@pytest.mark.parametrize(
    "code",
    [
        "raise BackupNotFound(_('There is no %(name)r', name=f'{name}'), why=str(error))",
        "raise Busy(_('It waits'), why='', todo=ngettext('a', 'b', 3))",
        "what = joined([name, _('is late')])",
        "def why_not_swap(self): return '' if free else _('it is full')",
        "raise ValueError('a vault needs a key')",
    ],
)
def test_a_phrase_is_not_found(code: str) -> None:
    assert list(plain_sentences(code)) == []


def plain_sentences(code: str) -> Iterator[str]:
    """Each text of an error in this module that no page could translate."""
    tree = ast.parse(code)
    signatures = {**of_the_package(), **signatures_in(tree)}
    for node in ast.walk(tree):
        for text in _sentences(node, signatures):
            if _is_plain(text):
                yield f"line {text.lineno}: {ast.unparse(text)}"


def _sentences(node: ast.AST, signatures: dict[str, list[str]]) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        parameters = signatures.get(_name(node.func), [])
        given = zip(parameters, node.args, strict=False)
        yield from (value for parameter, value in given if parameter in PARTS)
        yield from (item.value for item in node.keywords if item.arg in PARTS)
    elif isinstance(node, ast.Assign) and any(_name(target) in PARTS for target in node.targets):
        yield node.value
    elif isinstance(node, ast.FunctionDef) and node.name in SAYING:
        inside = (inner for inner in ast.walk(node) if isinstance(inner, ast.Return))
        yield from (inner.value for inner in inside if inner.value)
    elif isinstance(node, ast.ClassDef) and _is_error(node):
        yield from _of_error(node)


def _of_error(node: ast.ClassDef) -> Iterator[ast.expr]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign) and _name(inner.targets[0]) == "default":
            yield inner.value
        elif isinstance(inner, ast.Call) and _name(inner.func) == "__init__":
            yield from inner.args[:1]  # super().__init__(…) takes what every error takes


def _is_plain(text: ast.expr) -> bool:
    match text:
        case ast.JoinedStr():
            return True
        case ast.Constant(value=str(value)):
            # One small word is an option or a field, not a sentence.
            return " " in value or value[:1].isupper()
        case ast.IfExp():
            return _is_plain(text.body) or _is_plain(text.orelse)
        case ast.BoolOp():
            return any(_is_plain(value) for value in text.values)
        case ast.BinOp():
            return _is_plain(text.left) or _is_plain(text.right)
        case ast.Call(func=ast.Attribute(value=value)):
            return isinstance(value, ast.Constant) and _is_plain(value)
    return False


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


@cache
def of_the_package() -> dict[str, list[str]]:
    """What of the whole package is called with sentences, by its name."""
    trees = [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")]
    return {
        name: parameters
        for tree in trees
        for name, parameters in signatures_in(tree).items()
        if not name.startswith("_")
    }


def signatures_in(tree: ast.AST) -> dict[str, list[str]]:
    """The parameters, in their order, of what a module defines and what takes a sentence."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            found[node.name] = _parameters(node)
        elif isinstance(node, ast.ClassDef):
            found[node.name] = _of_class(node)
    return {name: those for name, those in found.items() if PARTS & set(those)}


def _of_class(node: ast.ClassDef) -> list[str]:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return _parameters(item)
    fields = [_name(item.target) for item in node.body if isinstance(item, ast.AnnAssign)]
    return ["what"] if _is_error(node) else fields


def _is_error(node: ast.ClassDef) -> bool:
    return any(_name(base).endswith(("Error", "Busy")) for base in node.bases)


def _parameters(node: ast.FunctionDef) -> list[str]:
    names = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
    return names[1:] if names[:1] == ["self"] else names
