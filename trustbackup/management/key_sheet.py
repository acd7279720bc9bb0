"""The one page with a secret on it: an identity, its QR code, and how it is used without us.

As text for a terminal, whose ground is dark as a rule, and as an HTML page to print.
"""

from __future__ import annotations

import html
import io
from collections.abc import Iterator

from django.views.decorators.debug import sensitive_variables

from trustbackup.store.fingerprints import fingerprint
from trustbackup.store.new_identity import NewIdentity

_COMMANDS = (
    "age -d -i key.txt backup_….dump.gz.age | gunzip | pg_restore -d DATABASE",
    "age -d -i key.txt backup_….dump.gz.age | gunzip > db.sqlite3",
    "age -d -i key.txt backup_….media.tar.gz.age | gunzip | tar -x -C FOLDER",
)


@sensitive_variables()
def key_sheet(name: str, made: NewIdentity, *, qr: bool = True) -> Iterator[str]:
    """The lines of the page; the QR code is of the identity's whole file."""
    yield f"KEY {name} ({fingerprint(made.recipient)})"
    yield "Keep it where the end of the site does not reach it: who has it reads the backups."
    yield ""
    yield f"Public key: {made.recipient}"
    if made.protected:
        yield "The identity is protected by the passphrase that you chose; it is useless without."
    yield ""
    yield from made.text.splitlines()
    yield ""
    if qr:
        yield from _qr(made.text)
    yield "Without trustbackup, with the text above in key.txt (https://age-encryption.org):"
    yield from (f"  {command}" for command in _COMMANDS)


@sensitive_variables()
def _qr(text: str) -> Iterator[str]:
    try:
        import segno
    except ImportError:
        yield "(No QR code: pip install 'trustbackup[age]' brings segno along.)"
        return
    drawn = io.StringIO()
    segno.make_qr(text, error="l").terminal(drawn, compact=True)
    yield from drawn.getvalue().splitlines()


@sensitive_variables()
def key_page(name: str, made: NewIdentity) -> str:
    """The same as HTML that needs nothing else, with a QR code that scans from paper."""
    lines = [line for line in key_sheet(name, made, qr=False) if line]
    title, *rest = (html.escape(line) for line in lines)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body{font:12pt/1.4 sans-serif;max-width:45em;margin:2em}"
        "pre{white-space:pre-wrap;overflow-wrap:anywhere}svg{width:7cm;height:7cm}</style>\n"
        f"<h1>{title}</h1>\n{_svg(made.text)}\n<pre>{chr(10).join(rest)}</pre>\n</html>\n"
    )


@sensitive_variables()
def _svg(text: str) -> str:
    try:
        import segno
    except ImportError:
        return ""
    return str(segno.make_qr(text, error="l").svg_inline(omitsize=True))
