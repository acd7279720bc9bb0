"""Walk the full round at every server and write docs/reference/servers.md: `make servers`.

Names of servers as arguments walk only those, and print instead of writing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support import run, sshd
from tests.support.field.full_round import STEPS, FullRound, Outcome
from tests.support.field.places import ALL
from tests.support.field.served import Served
from tests.support.field.stores import NotHereError
from tests.support.servers import stop_all
from tests.support.sites import CHECKOUT, new_sqlite_site

PAGE = CHECKOUT / "docs" / "reference" / "servers.md"
MARK = "<!-- written by `make servers` -->"
HEAD = "| Server | Version | Full round | After a cut | Files | Free space | Object Lock |\n"
RULE = "| --- | --- | --- | --- | --- | --- | --- |\n"
Row = tuple[Served, Outcome]


def main(names: Sequence[str]) -> int:
    """0 when every server went the whole way."""
    rows: list[Row] = []
    lines: list[str] = []
    try:
        for name in names or ALL:
            with tempfile.TemporaryDirectory(dir=run.run_folder()) as folder:
                try:
                    rows.append(_walk(name, Path(folder)))
                except NotHereError as error:
                    _say(f"{name}: {error}")
                    continue
            lines.append(_line(*rows[-1]))
            _say(lines[-1].strip())
            for step, problem in rows[-1][1].failed.items():
                _say(f"  {step}: {problem}")
    finally:
        stop_all(run.run_folder())
        if user := run.made("sshd-user"):
            sshd.remove_user(sshd.User(**user))
    if not names:
        before, _mark, _table = PAGE.read_text().partition(MARK)
        PAGE.write_text(f"{before}{MARK}\n\n{HEAD}{RULE}{''.join(lines)}")
    return int(any(outcome.failed for _served, outcome in rows))


def _walk(name: str, folder: Path) -> Row:
    site = new_sqlite_site(folder / "site")
    with ALL[name](folder / "server") as served:
        return served, FullRound(site, served).walk()


def _line(served: Served, outcome: Outcome) -> str:
    whole = len(outcome.done) == len(STEPS)
    cells = [
        served.name,
        served.version,
        "yes" if whole else "no: " + ", ".join(outcome.failed),
        ("goes on" if outcome.goes_on else "sent anew")
        if "cut and tried again" in outcome.done
        else "",
        _rights(outcome),
        _space(outcome),
        outcome.lock,
    ]
    return f"| {' | '.join(cells)} |\n"


def _rights(outcome: Outcome) -> str:
    if outcome.details.get("write"):
        return "others may read them"
    return ", ".join(f"{mode:04o}" for mode in sorted(outcome.modes))


def _space(outcome: Outcome) -> str:
    said = outcome.details.get("free space", "")
    return "told" if "free" in said else ""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
