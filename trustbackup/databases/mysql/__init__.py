"""MySQL and MariaDB, dumped by mariadb-dump or mysqldump beside a snapshot of ours."""

from __future__ import annotations

from trustbackup.databases.mysql.database import MySQL

__all__ = ["MySQL"]
