"""Sites that keep the data of few backups here."""

from __future__ import annotations

from tests.support.backups import (
    listed,
    more_settings,
)
from tests.support.sites import Site


def keep_local(site: Site, count: object) -> None:
    more_settings(site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'KEEP_LOCAL': {count!r}}}")


def data(site: Site) -> list[str]:
    """The ids whose data is here."""
    return sorted(path.name[7:-8] for path in site.backups.glob("*.dump.gz"))


def states(site: Site) -> dict[str, str]:
    return {row["id"]: row["state"] for row in listed(site)}
