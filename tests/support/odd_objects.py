"""One of each kind of object that a PostgreSQL database can hold, beside a web shop."""

from __future__ import annotations

OF_ANY_OWNER = """
    CREATE SCHEMA odd; CREATE SCHEMA "Ölig s'chema";
    CREATE TYPE odd.mood AS ENUM ('good', 'so-so'); CREATE TYPE odd.pair AS (a int, b text);
    CREATE TYPE odd.span AS RANGE (subtype = float8);
    CREATE DOMAIN odd.positive AS int CHECK (VALUE > 0) NOT NULL;
    CREATE COLLATION odd.bytewise (locale = 'C');
    CREATE SEQUENCE odd.alone START 7; COMMENT ON SEQUENCE odd.alone IS 'alone';
    CREATE TABLE odd."We.ird: t" (id serial PRIMARY KEY, n odd.positive, m odd.mood, c char(3)
        COLLATE odd.bytewise, twice int GENERATED ALWAYS AS (id * 2) STORED, nr bigint GENERATED
        ALWAYS AS IDENTITY, UNIQUE (n, m), CHECK (c <> 'x'));
    COMMENT ON COLUMN odd."We.ird: t".n IS 'it''s positive';
    INSERT INTO odd."We.ird: t" (n, m, c) VALUES (1, 'good', 'a'), (2, 'so-so', NULL);
    CREATE UNIQUE INDEX "i
    line" ON odd."We.ird: t" (lower(c::text)) WHERE n > 1;
    CREATE INDEX ON odd."We.ird: t" USING brin (id);
    CREATE STATISTICS odd.together ON n, m FROM odd."We.ird: t";
    CREATE TABLE parted (day date, mood odd.mood, n int, PRIMARY KEY (day, n)) PARTITION BY
        RANGE (day);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
        PARTITION BY LIST (n);
    CREATE TABLE parted_2_1 PARTITION OF parted_2 DEFAULT; CREATE INDEX ON parted (mood);
    INSERT INTO parted SELECT '2025-12-28'::date + n, 'good', n FROM generate_series(1, 9) n;
    CREATE TABLE to_parted (day date, n int, FOREIGN KEY (day, n) REFERENCES parted);
    INSERT INTO to_parted SELECT day, n FROM parted;
    CREATE TABLE parent (a int CHECK (a > 0), b text); CREATE TABLE child (c int) INHERITS
        (parent);
    INSERT INTO child VALUES (1, 'x', 2); INSERT INTO parent VALUES (3, 'y');
    ALTER TABLE parent ADD CONSTRAINT later CHECK (b <> 'y') NOT VALID;
    CREATE FUNCTION odd.touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END
        $$;
    CREATE TRIGGER touch BEFORE UPDATE ON parted FOR EACH ROW EXECUTE FUNCTION odd.touched();
    CREATE TRIGGER off BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION odd.touched(); ALTER
        TABLE child DISABLE TRIGGER off;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON child DEFERRABLE INITIALLY DEFERRED FOR EACH
        ROW EXECUTE FUNCTION odd.touched();
    CREATE FUNCTION odd.f(a int, OUT b int, VARIADIC c text[] DEFAULT '{}') LANGUAGE sql AS
        'SELECT a'; CREATE FUNCTION odd.f(odd.pair) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE PROCEDURE odd.p(INOUT a int) LANGUAGE plpgsql AS 'BEGIN a := 1; END';
    REVOKE ALL ON FUNCTION odd.touched() FROM PUBLIC;
    CREATE AGGREGATE odd.total(int) (sfunc = int4pl, stype = int, initcond = '0');
    CREATE FUNCTION odd.same(odd.pair, odd.pair) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT
        $1.a = $2.a';
    CREATE OPERATOR odd.=== (leftarg = odd.pair, rightarg = odd.pair, function = odd.same);
    CREATE FUNCTION odd.to_text(odd.pair) RETURNS text LANGUAGE sql AS 'SELECT $1.b'; CREATE
        CAST (odd.pair AS text) WITH FUNCTION odd.to_text(odd.pair);
    CREATE TEXT SEARCH CONFIGURATION odd.words (COPY = simple); CREATE TEXT SEARCH DICTIONARY
        odd.plain (TEMPLATE = simple);
    CREATE VIEW odd.seen AS SELECT id, n FROM odd."We.ird: t"; CREATE RULE quiet AS ON INSERT TO
        odd.seen DO INSTEAD NOTHING;
    CREATE MATERIALIZED VIEW odd.counted AS SELECT count(*) AS c FROM parted; CREATE UNIQUE
        INDEX ON odd.counted (c);
    CREATE MATERIALIZED VIEW odd.unfilled AS SELECT 1 AS one WITH NO DATA;
    ALTER TABLE child ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON child USING (a > 0);
    GRANT SELECT ON odd.seen TO PUBLIC; GRANT SELECT (n), UPDATE (m) ON odd."We.ird: t" TO
        PUBLIC;
    GRANT USAGE ON SCHEMA odd TO PUBLIC; REVOKE USAGE ON TYPE odd.mood FROM PUBLIC;
    REVOKE UPDATE ON odd.alone FROM CURRENT_USER;
    ALTER DEFAULT PRIVILEGES IN SCHEMA odd GRANT SELECT ON TABLES TO PUBLIC;
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
    SELECT lo_from_bytea(0, decode(repeat('00ff', n), 'hex')) FROM generate_series(0, 3000,
        1000) n;
    CREATE EXTENSION citext SCHEMA odd; CREATE TABLE odd.ci (name odd.citext PRIMARY KEY);
        INSERT INTO odd.ci VALUES ('ABC');
    CREATE UNLOGGED TABLE odd.unlogged AS SELECT 1 AS a;
    CREATE TABLE odd.no_columns ();
"""
OF_A_SUPERUSER = """
    ALTER TABLE to_parted ENABLE ROW LEVEL SECURITY; CREATE POLICY everybody ON to_parted USING
        (true); ALTER TABLE to_parted FORCE ROW LEVEL SECURITY;
    CREATE FUNCTION odd.hash(odd.pair) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.a';
        CREATE OPERATOR CLASS odd.by_a FOR TYPE odd.pair USING hash AS OPERATOR 1 odd.===,
        FUNCTION 1 odd.hash(odd.pair);
    CREATE FUNCTION odd.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE
        EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION odd.on_ddl();
    CREATE FOREIGN DATA WRAPPER dummy; CREATE SERVER elsewhere FOREIGN DATA WRAPPER dummy;
        CREATE FOREIGN TABLE odd.far (a int) SERVER elsewhere; CREATE USER MAPPING FOR PUBLIC
        SERVER elsewhere;
    CREATE PUBLICATION everything FOR ALL TABLES; CREATE PUBLICATION one FOR TABLE odd.ci;
    CREATE ACCESS METHOD heap_again TYPE TABLE HANDLER heap_tableam_handler;
    CREATE EXTENSION pg_stat_statements SCHEMA odd;
    CREATE FUNCTION odd.from_pair(internal) RETURNS internal LANGUAGE internal STRICT IMMUTABLE AS
        'textout'; CREATE TRANSFORM FOR odd.pair LANGUAGE plpgsql (FROM SQL WITH FUNCTION
        odd.from_pair(internal));
    CREATE DEFAULT CONVERSION odd.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
"""
