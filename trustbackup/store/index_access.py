"""Whether the index can be asked at all: small, because every command finds that out first."""

from __future__ import annotations

import asyncio
import os

from django.db import connections

from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _
from trustbackup.store.sqlite_name import file_of


def may_connect(alias: str) -> bool:
    """False for an SQLite file that does not exist, which connecting would create."""
    connection = connections[alias]
    if connection.vendor != "sqlite":
        return True
    name = connection.settings_dict["NAME"]
    file = file_of(name)
    return file.is_file() if file else bool(name)


def refuse_coroutines() -> None:
    """Django's connections refuse them one by one, some of which would be taken for no database.

    Raises UsageError. https://docs.djangoproject.com/en/5.2/topics/async/#async-safety
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    if not os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE"):
        raise UsageError(
            _("This can't be done in a coroutine"),
            why=_("Django's databases can't be used there"),
            todo=_("Call it through asgiref's sync_to_async()."),
        )
