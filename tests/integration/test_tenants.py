"""Case H4: several schemas with migrations. The site's are those that it finds itself."""

from __future__ import annotations

import pytest

from tests.support.backups import make
from tests.support.restores import plan, restore
from tests.support.sites import Site

TENANT = """
CREATE SCHEMA {schema};
CREATE TABLE {schema}.django_migrations (LIKE public.django_migrations INCLUDING ALL);
INSERT INTO {schema}.django_migrations (app, name, applied)
    VALUES ('shop', '9999_of_the_tenant', now());
"""


def with_tenant(site: Site, schema: str) -> None:
    for statement in TENANT.format(schema=schema).split(";\n"):
        if statement.strip():
            site.query(statement)


@pytest.mark.parametrize("options", [(), ("--content",)])
@pytest.mark.parametrize("schema", ["aaa", "zzz"])
def test_case_h4_a_tenants_migrations_are_not_the_sites(
    postgres_site: Site, schema: str, options: tuple[str, ...]
) -> None:
    with_tenant(postgres_site, schema)
    made = make(postgres_site, *options)
    found = plan(postgres_site, made["id"])
    assert found["refusals"] == []
    assert found["databases"]["default"]["migrations"] == "same"
    postgres_site.manage("verify_backup", "latest", "--restore")
    restore(postgres_site, made["id"])
    postgres_site.manage("migrate", "--check")
    assert postgres_site.query(f"SELECT name FROM {schema}.django_migrations") == [
        ("9999_of_the_tenant",)
    ]


def test_case_h4_a_newer_migration_of_the_site_is_seen_behind_a_tenants(
    postgres_site: Site,
) -> None:
    with_tenant(postgres_site, "aaa")
    postgres_site.query("DELETE FROM aaa.django_migrations")
    postgres_site.query(
        "INSERT INTO public.django_migrations (app, name, applied)"
        " VALUES ('shop', '9998_newer', now())"
    )
    made = make(postgres_site)
    postgres_site.query("DELETE FROM public.django_migrations WHERE name = '9998_newer'")
    (refusal,) = plan(postgres_site, made["id"])["refusals"]
    assert "shop.9998_newer" in refusal
