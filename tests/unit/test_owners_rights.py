"""What runs with its owner's rights: seen in an archive's text, for servers of each age."""

from __future__ import annotations

import pytest

from trustbackup.databases.postgresql.owners_rights import (
    as_its_caller,
    names_with_rules,
    shown_of,
)
from trustbackup.databases.postgresql.restore_items import Item


def item(kind: str, text: str, give: str) -> Item:
    return Item(kind, "extra", "thing", "small", text.encode(), give=give.encode())


VIEW = item("VIEW", "CREATE VIEW extra.thing AS …", "ALTER TABLE extra.thing OWNER TO small;")
RULE = item("RULE", 'CREATE RULE "a rule" AS\n    ON UPDATE TO extra."my thing" DO NOTHING;', "")


@pytest.mark.parametrize(
    ("give", "expected"),
    [
        ("ALTER TABLE extra.thing OWNER TO small;", b"ALTER TABLE extra.thing"),
        ('ALTER VIEW extra."my thing" OWNER TO "a b";', b'ALTER VIEW extra."my thing"'),
    ],
)
def test_a_view_runs_with_its_callers_rights_where_the_server_can(
    give: str, expected: bytes
) -> None:
    view = item("VIEW", "CREATE VIEW …", give)
    assert as_its_caller(view, 150000) == expected + b" SET (security_invoker = true);"
    assert as_its_caller(view, 149999) == b""
    assert shown_of(view, frozenset(), 150000) == b""


def test_an_older_servers_view_gets_no_rights_for_others() -> None:
    assert shown_of(VIEW, frozenset(), 140018) == b"extra.thing"


@pytest.mark.parametrize("kind", ["FUNCTION", "PROCEDURE"])
def test_a_function_runs_with_its_callers_rights_on_every_server(kind: str) -> None:
    give = f"ALTER {kind} extra.thing(a integer) OWNER TO small;"
    definer = item(kind, f"CREATE {kind} … SECURITY DEFINER AS …", give)
    expected = f"ALTER {kind} extra.thing(a integer) SECURITY INVOKER;".encode()
    assert as_its_caller(definer, 100000) == expected
    assert as_its_caller(item(kind, f"CREATE {kind} …", give), 180000) == b""


def test_what_has_a_rule_or_was_filled_gets_no_rights_for_others() -> None:
    names = names_with_rules([RULE, VIEW])
    assert names == {b'extra."my thing"'}
    with_rule = item("TABLE", "CREATE …", 'ALTER TABLE extra."my thing" OWNER TO small;')
    assert shown_of(with_rule, names, 180000) == b'extra."my thing"'
    assert shown_of(VIEW, names, 180000) == b""
    filled = item(
        "MATERIALIZED VIEW", "CREATE …", "ALTER MATERIALIZED VIEW extra.filled OWNER TO small;"
    )
    assert shown_of(filled, frozenset(), 180000) == b"extra.filled"
    assert shown_of(item("TABLE", "CREATE …", ""), names, 180000) == b""
