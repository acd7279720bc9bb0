"""The options of ``restore_backup`` that are of uploaded files alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

_OWN = ("part", "path", "overwrite", "only_missing", "into_folder")


def add_media_arguments(parser: CommandParser) -> None:
    """The options that are of uploaded files alone."""
    group = parser.add_argument_group("uploaded files")
    group.add_argument(
        "--part",
        action="append",
        default=[],
        help="Only this part, such as media; may be repeated.",
    )
    group.add_argument(
        "--only-missing", action="store_true", help="Put back what is missing; replace nothing."
    )
    group.add_argument(
        "--path",
        action="append",
        default=[],
        help="Put back only this file or folder, such as products/cup.jpg; may be repeated.",
    )
    group.add_argument(
        "--overwrite",
        default="",
        metavar="HOW",
        help="With --path, a file that is there: changed (default: unless it has the backup's size"
        " and time), older (never over a newer one), always, or never.",
    )
    group.add_argument(
        "--into-folder", default="", metavar="PATH", help="Into a new folder; touch no other."
    )


def refuse_media_options(options: Mapping[str, Any]) -> None:
    """Raises CommandError for what is of uploaded files only."""
    for name in _OWN:
        if options[name]:
            raise CommandError(f"--{name.replace('_', '-')} is of uploaded files: leave it out.")
