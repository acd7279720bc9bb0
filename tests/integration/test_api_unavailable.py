"""While its database does not answer, as when a restore swaps it: 503, then the same run again."""

from __future__ import annotations

import json

from tests.support.api_server import Program, new_token, serving
from tests.support.backups import wait_for
from tests.support.sites import Site


def test_a_database_that_is_being_swapped_is_a_503_and_then_the_same_run_goes_on(
    postgres_site: Site,
) -> None:
    site = postgres_site
    token, database = new_token(site), site.database
    assert database is not None
    key = {"Idempotency-Key": "before-the-swap"}
    with serving(site) as address:
        program = Program(address, token)
        made = program.follow("POST", "backups/", {}, **key)

        def answers(*, yes: bool) -> None:
            """Nobody may connect, and who has is sent away: so it is for who asks during a swap."""
            name, cluster = database.name, database.cluster
            cluster.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(yes).lower()}')
            cluster.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{name}' AND {str(not yes).lower()}"
            )

        answers(yes=False)
        try:
            for method, path, body in (
                ("GET", f"runs/{made['id']}/", None),
                ("GET", "backups/", None),
                ("POST", "backups/", {}),
                ("POST", f"backups/{made['backup']}/restore/", {"confirm": database.name}),
            ):
                status, headers, told = program.call(method, path, body)
                assert (status, headers["Content-Type"]) == (503, "application/problem+json"), told
                assert int(headers["Retry-After"]) > 0
                assert json.loads(told)["code"] == "database_unavailable"
        finally:
            answers(yes=True)
        wait_for(lambda: program.call("GET", "runs/")[0] == 200)
        assert program.ask(f"runs/{made['id']}/") == made
        status, _headers, told = program.call("POST", "backups/", {}, **key)
        assert (status, json.loads(told)["id"]) == (201, made["id"])
        assert program.ask("runs/")["count"] == 1
