"""``manage.py lose_everything``: what a restore is for, so that the demo can show one.

It loses what the demo made, and nothing else: a database or a folder in which somebody has things
of his own is left as it is.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from webshop.shop.models import Product

NEEDS_YES = "This drops every table and deletes every uploaded file: say --yes, with DEBUG on."
OTHERS_TABLES = (
    "Nothing was dropped: the database also has tables that are not the web shop's ({names}). "
    "Set DATABASE_URL to a database of its own."
)
OTHERS_FILES = (
    "Nothing was dropped: {folder} also has files that no product shows ({names}). "
    "Set MEDIA_ROOT to a folder of its own."
)


class Command(BaseCommand):
    help = "Drop every table of the database, and delete every uploaded file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="Really do it.")

    def handle(self, *_args: object, **options: object) -> None:
        if not (options["yes"] and settings.DEBUG):
            raise CommandError(NEEDS_YES)
        media = Path(settings.MEDIA_ROOT)
        try:
            tables = tables_here()
            if others := sorted(set(tables) - own_tables()):
                raise CommandError(OTHERS_TABLES.format(names=shortened(others)))
            if strangers := sorted(files_below(media) - pictures()):
                names = shortened(strangers)
                raise CommandError(OTHERS_FILES.format(folder=media, names=names))
            drop(tables)
        except DatabaseError as error:
            raise CommandError(f"Nothing was dropped: {' '.join(str(error).split())}") from error
        shutil.rmtree(media, ignore_errors=True)
        self.stdout.write(f"{len(tables)} tables and all pictures are gone.")


def tables_here() -> list[str]:
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def own_tables() -> set[str]:
    models: list[type[Model]] = [
        *apps.get_models(include_auto_created=True),
        MigrationRecorder.Migration,
    ]
    return {model._meta.db_table for model in models}  # noqa: SLF001 - documented API


def pictures() -> set[str]:
    return set(Product.objects.exclude(picture="").values_list("picture", flat=True))


def files_below(folder: Path) -> set[str]:
    """What is there and is no folder, as a file field names it."""
    found = set()
    for parent, _folders, names in os.walk(folder):
        found |= {(Path(parent) / name).relative_to(folder).as_posix() for name in names}
    return found


def drop(tables: list[str]) -> None:
    """All of them, or none: what somebody built upon them keeps PostgreSQL's as they are."""
    quoted = [connection.ops.quote_name(table) for table in tables]
    with (
        connection.constraint_checks_disabled(),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        if connection.vendor == "sqlite":
            for table in quoted:
                cursor.execute(f"DROP TABLE {table}")
        elif quoted:
            cursor.execute(f"DROP TABLE {', '.join(quoted)}")


def shortened(names: list[str], limit: int = 3) -> str:
    left = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {left} more" if left > 0 else "")
