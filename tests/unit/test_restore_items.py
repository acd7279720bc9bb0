"""pg_restore's text, taken apart by its heads and by nothing that only looks like one."""

from __future__ import annotations

from trustbackup.databases.postgresql.restore_items import read_section

TEXT = b"""--
-- PostgreSQL database dump
--

\\restrict abc

SET statement_timeout = 0;
SET client_encoding = 'UTF8';

SET default_tablespace = '';

--
-- Name: shop; Type: SCHEMA; Schema: -; Owner: web
--

CREATE SCHEMA shop;


ALTER SCHEMA shop OWNER TO web;

SET default_tablespace = fast;

--
-- Name: odd(text); Type: FUNCTION; Schema: shop; Owner: web
--

CREATE FUNCTION shop.odd(text) RETURNS text LANGUAGE sql AS $$
-- Name: shop; Type: SCHEMA; Schema: -; Owner: web
SELECT 'ALTER TABLE x OWNER TO y;
'$$;


ALTER FUNCTION shop.odd(text) OWNER TO "a role";

--
-- Name: order; Type: TABLE; Schema: shop; Owner: web; Tablespace: fast
--

CREATE TABLE shop."order" (id integer);


ALTER TABLE shop."order" OWNER TO web;

--
-- PostgreSQL database dump complete
--

\\unrestrict abc

"""


def test_each_item_has_its_text_its_settings_and_its_owner_apart() -> None:
    section = read_section(TEXT)
    assert b"SET statement_timeout = 0;" in section.preamble
    assert b"restrict" not in section.preamble
    schema, function, table = section.items
    assert (schema.kind, schema.name, schema.owner) == ("SCHEMA", "shop", "web")
    assert (schema.text, schema.give) == (
        b"CREATE SCHEMA shop;",
        b"ALTER SCHEMA shop OWNER TO web;",
    )
    assert schema.settings == b"SET LOCAL default_tablespace = '';"
    assert function.text.endswith(b"'$$;")
    assert function.give == b'ALTER FUNCTION shop.odd(text) OWNER TO "a role";'
    assert table.settings == function.settings == b"SET LOCAL default_tablespace = fast;"
    assert table.text == b'CREATE TABLE shop."order" (id integer);'
    assert table.give == b'ALTER TABLE shop."order" OWNER TO web;', "the last one, too"


def test_a_section_without_items_is_only_its_preamble() -> None:
    section = read_section(b"SET statement_timeout = 0;\n")
    assert section.items == []
    assert section.preamble == b"SET statement_timeout = 0;\n"


def test_a_role_may_have_any_name() -> None:
    text = TEXT.replace(b"Owner: web", b"Owner: O'Bri; en")
    assert [item.owner for item in read_section(text).items] == ["O'Bri; en"] * 3
