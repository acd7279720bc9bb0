"""The site's time zone: ``TIME_ZONE``, or the machine's where a site leaves that to the machine.

With ``TIME_ZONE = None`` Django sets no zone, and dates are those of the machine's clock; but
``get_default_timezone`` then raises TypeError.
https://docs.djangoproject.com/en/5.2/ref/settings/#time-zone
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

_LINK, _FILE = Path("/etc/localtime"), Path("/etc/timezone")
_ZONES = "zoneinfo/"


def site_zone_name() -> str:
    """A name that ZoneInfo knows, if the site's is right."""
    return settings.TIME_ZONE or _machine_zone_name()


def site_zone() -> tzinfo:
    """The zone of the site's days and hours."""
    return timezone.get_default_timezone() if settings.TIME_ZONE else ZoneInfo(site_zone_name())


def reader_zone() -> tzinfo:
    """The zone of whoever reads a page, if the site knows it, else the site's."""
    return timezone.get_current_timezone() if settings.TIME_ZONE else site_zone()


def _machine_zone_name() -> str:
    """Where the machine names none, as one may that keeps UTC, it is UTC."""
    for name in _names():
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # OSError: a folder of zones, such as "Europe"
            continue
        return name
    return "UTC"


def _names() -> Iterator[str]:
    """What tzset(3) and Debian look at, in their order."""
    yield os.environ.get("TZ", "").removeprefix(":").rpartition(_ZONES)[2]
    yield os.path.realpath(_LINK).rpartition(_ZONES)[2]
    try:
        yield _FILE.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return
