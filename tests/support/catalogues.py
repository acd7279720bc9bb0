"""gettext's catalogues as tests see them: what the code says, and what they make of it."""

from __future__ import annotations

import gettext
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.sites import CHECKOUT

LANGUAGES = ("de", "tr")
LOCALE = CHECKOUT / "trustbackup" / "locale"

HEADER = r"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"
"""

Catalogue = dict[str | tuple[str, int], str]
"""Messages by id; those with a plural by (id, form), those with a context by "context\\4id"."""


def source(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def load(compiled: Path) -> Catalogue:
    """A .mo file without its header."""
    with compiled.open("rb") as file:
        catalogue: Catalogue = dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    catalogue.pop("", None)
    return catalogue


def committed(language: str) -> Catalogue:
    return load(source(language).with_suffix(".mo"))


def compiled_anew(po: Path, folder: Path) -> Catalogue:
    """What msgfmt makes of it: neither untranslated nor fuzzy messages."""
    target = folder / "anew.mo"
    run("msgfmt", "--check-format", "--output-file", str(target), str(po))
    return load(target)


def messages_of_the_code(folder: Path) -> Catalogue:
    """What `make messages` would find, each message as its own translation."""
    copy = folder / "trustbackup"
    shutil.copytree(CHECKOUT / "trustbackup", copy, ignore=shutil.ignore_patterns("*.po", "*.mo"))
    run(sys.executable, "-m", "django", "makemessages", "--locale", "de", "--keep-pot", cwd=copy)
    english = folder / "en.po"
    run("msgen", "--output-file", str(english), str(copy / "locale" / "django.pot"))
    _empty_header, messages = english.read_text().split("\n\n", 1)
    english.write_text(f"{HEADER}\n\n{messages}")
    return compiled_anew(english, folder)


def run(*command: str, cwd: Path = CHECKOUT) -> None:
    if shutil.which(command[0]) is None:
        raise AssertionError(f"{command[0]} is not installed: `make test` installs it.")
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
