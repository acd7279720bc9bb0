"""A restore in place leaves out what stays: our tables, what hangs on them, what is there."""

from __future__ import annotations

from trustbackup.databases.postgresql.objects_of_others import without_objects
from trustbackup.databases.postgresql.staying import without

OWN = ["trustbackup_run", "trustbackup_backup"]
THERE = {("SCHEMA", "their own"), ("EXTENSION", "plpgsql"), ("INDEX", "by_letters")}
STAYS = """\
1; 2615 9 SCHEMA - their own postgres
2; 0 0 COMMENT - SCHEMA their own postgres
3; 3079 9 EXTENSION - plpgsql nobody
4; 0 0 COMMENT - EXTENSION plpgsql nobody
5; 1259 9 TABLE public trustbackup_run a role
6; 1259 9 TABLE their own trustbackup_backup web
7; 0 9 TABLE DATA public trustbackup_run web
8; 2606 9 CONSTRAINT public trustbackup_run trustbackup_run_pkey web
9; 2606 9 FK CONSTRAINT public trustbackup_run of_destination web
10; 2620 9 TRIGGER public trustbackup_run watched web
11; 3256 9 POLICY their own trustbackup_run mine web
12; 0 9 ROW SECURITY public trustbackup_run web
13; 1259 9 SEQUENCE public trustbackup_backup_id_seq web
14; 0 0 SEQUENCE OWNED BY public trustbackup_backup_id_seq web
15; 0 0 SEQUENCE SET public trustbackup_backup_id_seq web
16; 1259 9 INDEX public trustbackup_run_kind_1a2b web
17; 1259 9 INDEX public by_letters web
18; 0 0 COMMENT public TABLE trustbackup_run web
19; 0 0 COMMENT their own COLUMN trustbackup_run.id web
20; 0 0 COMMENT public CONSTRAINT c ON trustbackup_run web
21; 0 0 ACL public TABLE trustbackup_run web
22; 0 0 COMMENT public INDEX by_letters web
23; 2604 9 DEFAULT public trustbackup_run id web""".replace("nobody", "")  # no owner is listed
COMES = """\
30; 0 0 ACL - SCHEMA their own postgres
31; 2615 9 SCHEMA - their web
32; 1259 9 TABLE public trustbackup_run_note web
33; 1259 9 INDEX public trustbackup_run_note_text web
34; 1259 9 VIEW public trustbackup_run_report web
35; 0 0 ACL public TABLE trustbackup_run_report web
36; 1255 9 FUNCTION public trustbackup_run_count(integer, text) web
37; 1247 9 TYPE public trustbackup_run_kind web
38; 2606 9 FK CONSTRAINT public felt trustbackup_run_known web
39; 1259 9 TABLE public odd trustbackup_run name web
40; 1259 9 SEQUENCE public trustbackup_run_number web
41; 6106 9 PUBLICATION TABLE public some trustbackup_run web
42; 826 9 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES trustbackup_run
43; 1259 9 TABLE public shop_order trustbackup_run"""


def commented(text: str) -> str:
    return "\n".join(f";{line}" for line in text.splitlines())


def test_our_tables_and_what_is_there_are_left_out_and_nothing_else() -> None:
    found = without(f"{STAYS}\n{COMES}", OWN, THERE, {"trustbackup_run_number"})
    assert found == f"{commented(STAYS)}\n{COMES}"


def test_what_others_own_is_left_out_with_what_is_said_of_it() -> None:
    stays = """\
1; 1255 9 FUNCTION their own twice(integer, public.mood[]) postgres
2; 0 0 COMMENT their own FUNCTION twice(integer, public.mood[]) postgres
3; 0 0 ACL their own FUNCTION twice(integer, public.mood[]) the boss
4; 1255 9 AGGREGATE public number(*) postgres
5; 0 0 ACL public FUNCTION number(*) postgres
6; 1247 9 DOMAIN public positive postgres
7; 0 0 ACL public TYPE positive postgres
8; 6104 9 PUBLICATION - everything postgres
9; 2605 9 CAST - CAST (public.mood AS integer) """
    comes = """\
10; 1255 9 FUNCTION public twice(integer) web
11; 1255 9 FUNCTION their own twice(integer) postgres
12; 1259 9 TABLE public positive web"""
    objects = {
        ("FUNCTION", "their own", "twice(integer, public.mood[])"),
        ("AGGREGATE", "public", "number(*)"),
        ("DOMAIN", "public", "positive"),
        ("PUBLICATION", "-", "everything"),
        ("CAST", "-", "CAST (public.mood AS integer)"),
    }
    assert without_objects(f"{stays}\n{comes}", objects) == f"{commented(stays)}\n{comes}"
