"""PostgreSQL, dumped by pg_dump on a snapshot of ours and restored by pg_restore."""

from __future__ import annotations

from trustbackup.databases.postgresql.database import PostgreSQL

__all__ = ["PostgreSQL"]
