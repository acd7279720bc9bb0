"""``manage.py lose_everything``: what a restore is for, so that the demo can show one."""

from __future__ import annotations

import shutil

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

NEEDS_YES = "This drops every table and deletes every uploaded file: say --yes, with DEBUG on."


class Command(BaseCommand):
    help = "Drop every table of the database, and delete every uploaded file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="Really do it.")

    def handle(self, *_args: object, **options: object) -> None:
        if not (options["yes"] and settings.DEBUG):
            raise CommandError(NEEDS_YES)
        quote = connection.ops.quote_name
        with connection.constraint_checks_disabled(), connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
            cascade = "" if connection.vendor == "sqlite" else " CASCADE"
            for table in tables:
                cursor.execute(f"DROP TABLE {quote(table)}{cascade}")
        shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)
        self.stdout.write(f"{len(tables)} tables and all pictures are gone.")
