"""The dump without Django's start: time ``create_backup()`` in a process that is already up."""

from __future__ import annotations

import resource
import sys
import time

import django


def main() -> None:
    django.setup()
    from django.db import connections

    from trustbackup.operations.backup.create import create_backup

    # A worker that carries backups has talked to its database before.
    connections["default"].ensure_connection()
    began = time.monotonic()
    create_backup(databases=["default"], compression=sys.argv[1])
    seconds = time.monotonic() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
