"""What a page says where a table of ours is not there, by which it looks everything up."""

from __future__ import annotations

from django.apps import apps
from django.db import Error, connections, router

from trustbackup.exceptions import ConfigurationError
from trustbackup.operations.restore.own_tables import OWN_APP
from trustbackup.phrases import gettext as _


def missing_table() -> ConfigurationError | None:
    """About the first table that is not as the models need it; None where nobody can tell."""
    for model in apps.get_app_config(OWN_APP).get_models():
        options = model._meta  # noqa: SLF001 - documented API
        alias = router.db_for_read(model)
        try:
            columns = _columns(alias, options.db_table)
        except Error:
            return None
        if {field.column for field in options.concrete_fields} <= columns:
            continue
        return ConfigurationError(
            _("The backups' pages have nowhere to look things up"),
            why=_(
                "table %(table)s is not in database %(alias)r", table=options.db_table, alias=alias
            )
            if not columns
            else _(
                "table %(table)s in database %(alias)r is of another version",
                table=options.db_table,
                alias=alias,
            ),
            todo=_("Run migrate; where a router forbids it, let it make this table."),
        )
    return None


def _columns(alias: str, table: str) -> set[str]:
    look = connections[alias].introspection
    with connections[alias].cursor() as cursor:
        if table not in look.table_names(cursor):
            return set()
        return {column.name for column in look.get_table_description(cursor, table)}
