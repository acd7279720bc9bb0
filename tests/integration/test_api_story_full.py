"""A full backup over HTTP alone, on each engine: whole, by part, and while others go on asking."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator

from tests.integration.test_full_backup import change, state
from tests.support.api_server import Program, new_token, serving
from tests.support.sites import Site


@contextlib.contextmanager
def somebody_asking(program: Program) -> Iterator[None]:
    """Nobody who asks meanwhile is answered otherwise than with it, or that it comes in a moment.

    Who has no valid token for a moment would be told so: the tokens stay with the site.
    """
    over, told = threading.Event(), []

    def ask() -> None:
        while not over.is_set():
            status, headers, _body = program.call("GET", "runs/")
            told.append((status, status != 503 or int(headers["Retry-After"]) > 0))
            time.sleep(0.02)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert (200, True) in told
    assert set(told) <= {(200, True), (503, True)}


def test_a_full_backup_comes_back_whole_over_http_and_by_part(any_site: Site) -> None:
    token = new_token(any_site)
    with serving(any_site) as address:
        program = Program(address, token)
        then = state(any_site)
        made = program.follow("POST", "backups/", {"kind": "full"})
        where = f"backups/{made['backup']}/"
        change(any_site)
        now = state(any_site)
        plan = program.ask(f"{where}plan/")
        assert plan["single_parts"] == ["database", "media", "settings"]
        assert [part["alias"] for part in plan["parts"]] == ["default"]
        [folder] = plan["folders"]
        assert (folder["part"], folder["added"], folder["gone"]) == ("media", 1, 1)
        names = plan["confirm"].split(", ")
        assert (len(names), names[-1]) == (2, "media")
        status, _headers, told = program.call("POST", f"{where}restore/", {"confirm": names[0]})
        assert (status, json.loads(told)["code"]) == (409, "not_confirmed")
        with somebody_asking(program):
            done = program.follow("POST", f"{where}restore/", {"confirm": plan["confirm"]})
        assert state(any_site) == then
        undo = {"confirm": plan["confirm"], "restore": done["undo"]}
        program.follow("POST", "undo/", undo)
        assert state(any_site) == now
        for part, restored in {"media": (now[0], then[1]), "database": then}.items():
            alone = program.ask(f"{where}plan/?parts={part}")
            body = {"parts": [part], "confirm": alone["confirm"]}
            assert alone["confirm"] != plan["confirm"]
            program.follow("POST", f"{where}restore/", body)
            assert state(any_site) == restored
