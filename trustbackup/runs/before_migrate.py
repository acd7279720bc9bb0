"""A protected backup before ``migrate`` changes anything, where the site wants one."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management.base import CommandError
from django.db import connections

from trustbackup.conf import get_settings
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.progress import Progress
from trustbackup.operations.restore.migrations import is_part_of_restore
from trustbackup.operations.site_version import name_before
from trustbackup.runs.create_work import create_and_copy
from trustbackup.runs.recorder import record_run, system_user

BEFORE = "migrate"


def back_up_before_migrate(
    *,
    using: str,
    plan: Sequence[tuple[Any, bool]] = (),
    stdout: Any = None,  # noqa: ANN401 - the command's stream
    verbosity: int = 1,
    **_details: object,
) -> None:
    """Receives ``pre_migrate`` once for each ``migrate``, before it changes anything.

    ``plan`` is what it is going to apply. Raises CommandError, which ends it, when the backup
    fails. A database without tables has nothing to lose; one of Django's tests is no site's.
    """
    if (
        not plan
        or is_part_of_restore()
        or not _is_wanted()
        or _is_a_test()
        or not _has_tables(using)
    ):
        return

    def say(text: str) -> None:
        if verbosity and stdout is not None:
            stdout.write(f"  {text}\n")

    migrations = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    more = f" and {len(migrations) - 1} more" if len(migrations) > 1 else ""
    try:
        with record_run(
            "create", BEFORE, actor=f"{system_user()} (migrate)", address=socket.gethostname()
        ) as recorder:
            manifest, copies = create_and_copy(
                recorder,
                _stages(say),
                databases=[using],
                name=name_before(f"{BEFORE} {migrations[0]}{more}"),
                keep=True,
                trigger="before",
            )
    except TrustbackupError as error:
        raise CommandError(
            f"Nothing was migrated, because the backup before it failed: {error}"
            " Without TRUSTBACKUP['BACKUP_BEFORE_MIGRATE'] none is made."
        ) from error
    say(f"Backup {manifest.id} of database {using!r} is made; it is protected.")
    for copied in copies:
        if copied.error:
            say(f"It was not copied to {copied.destination}: {copied.error}")


def _is_wanted() -> bool:
    try:
        return get_settings().backup_before_migrate
    except TrustbackupError as error:
        raise CommandError(f"Nothing was migrated: {error}") from error


def _is_a_test() -> bool:
    state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return hasattr(state, "saved_data")


def _has_tables(using: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        return bool(connection.introspection.table_names(cursor))


def _stages(say: Callable[[str], None]) -> Callable[[Progress], None]:
    last = ""

    def report(progress: Progress) -> None:
        nonlocal last
        if progress.stage != last:
            last = progress.stage
            say(f"{last} …")

    return report
