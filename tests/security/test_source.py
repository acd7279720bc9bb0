"""Attack 28: what may not stand in the source at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sites import CHECKOUT

SOURCES = sorted((CHECKOUT / "trustbackup").rglob("*.py"))
BANNED_MODULES = {"pickle", "marshal", "shelve", "telnetlib", "ftplib", "dill"}
BANNED_NAMES = {"eval", "exec", "compile", "__import__"}
BANNED_ATTRIBUTES = {
    ("os", "system"),
    ("os", "popen"),
    ("yaml", "load"),
    ("tempfile", "mktemp"),
    ("ssl", "_create_unverified_context"),
}


def offences(tree: ast.AST) -> Iterator[str]:
    """What is banned in a module: one sentence for each place."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = {alias.name.partition(".")[0] for alias in names} & BANNED_MODULES
                yield from (f"line {node.lineno}: import {name}" for name in found)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in BANNED_MODULES:
                yield f"line {node.lineno}: from {module}"
            case ast.Call(func=ast.Name(id=name)) if name in BANNED_NAMES:
                yield f"line {node.lineno}: {name}()"
            case ast.Attribute(value=ast.Name(id=owner), attr=attribute) if (
                owner,
                attribute,
            ) in BANNED_ATTRIBUTES:
                yield f"line {node.lineno}: {owner}.{attribute}"
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in (
                "AutoAddPolicy",
                "WarningPolicy",
                "mark_safe",
                "extractall",
            ):
                yield f"line {node.lineno}: {name}"
            case ast.keyword(arg="shell" | "verify" | "use_ssl", value=ast.Constant(value=value)):
                if value is (node.arg == "shell"):
                    yield f"line {node.value.lineno}: {node.arg}={value}"
            case _:
                pass


def test_attack_28_the_scan_sees_what_is_banned() -> None:
    source = (
        "import pickle\nfrom marshal import loads\neval('1')\nimport os\nos.system('ls')\n"
        "run('ls', shell=True)\nget(verify=False)\nclient(paramiko.AutoAddPolicy())\n"
        "tar.extractall()\n"
    )
    assert len(list(offences(ast.parse(source)))) == 8
    assert list(offences(ast.parse("run(['ls'], shell=False)\nget(verify=True)"))) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_attack_28_nothing_banned_stands_in_the_source(path: Path) -> None:
    assert list(offences(ast.parse(path.read_text()))) == []


def reads_email(tree: ast.AST) -> Iterator[str]:
    """Where a module asks how the site sends email, which is Django's business.

    Once MAILERS is set, Django 6.1 raises for a setting ``EMAIL_…``, and for ``get_connection``.
    """
    for node in ast.walk(tree):
        match node:
            case (
                ast.Attribute(attr=name)
                | ast.Name(id=name)
                | ast.alias(name=name)
                | ast.Constant(value=str(name))
            ) if name == "get_connection" or re.fullmatch(r"EMAIL_[A-Z_]+", name):
                yield name
            case _:
                pass


def test_no_setting_of_email_is_read() -> None:
    source = (
        "from django.core.mail import get_connection\n"
        "mail.get_connection()\nsettings.EMAIL_HOST\ngetattr(settings, 'EMAIL_TIMEOUT')\n"
    )
    assert len(list(reads_email(ast.parse(source)))) == 4
    assert list(reads_email(ast.parse("'By EMAIL_HOST.'\nEmailMultiAlternatives()"))) == []
    found = {path.name: [*reads_email(ast.parse(path.read_text()))] for path in SOURCES}
    assert {name: names for name, names in found.items() if names} == {}
