"""A fingerprint of everything that a database's catalogs define."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.session import scalar

_CATALOGS = (
    *("aggregate", "amop", "amproc", "attrdef", "attribute", "cast", "collation", "constraint"),
    *("conversion", "default_acl", "description", "enum", "event_trigger", "extension"),
    *("foreign_server", "foreign_table", "index", "inherits", "language", "namespace", "opclass"),
    *("operator", "opfamily", "partitioned_table", "policy", "proc", "publication"),
    *("publication_rel", "range", "rewrite", "sequence", "statistic_ext", "subscription_rel"),
    *("transform", "trigger", "ts_config", "ts_config_map", "ts_dict", "ts_parser"),
    *("ts_template", "type"),
)
_TEMPORARY = "WHERE relpersistence <> 't'"


def definition(cursor: CursorWrapper) -> str:
    """Another text after each change of a definition, a right or a comment.

    By the numbers of the transactions that wrote the catalogs' rows: what a vacuum or new
    statistics write into them leaves those as they are. Some changes that change nothing, such as
    a rebuilt index, make another text, too.
    """
    sums = [_sum(f"pg_catalog.pg_{name}") for name in _CATALOGS]
    sums.append(_sum("pg_catalog.pg_class", _TEMPORARY))
    return str(scalar(cursor, f"SELECT md5(concat_ws(',', {', '.join(sums)}))"))


def _sum(catalog: str, where: str = "") -> str:
    row = "ctid::text || xmin::text" if not where else "oid::text || xmin::text"
    return f"(SELECT count(*) || '.' || coalesce(sum(hashtext({row})), 0) FROM {catalog} {where})"  # noqa: S608
