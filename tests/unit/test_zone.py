"""The site's time zone: the setting's, or the machine's where a site leaves that to the machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trustbackup.conf import zone
from trustbackup.conf.zone import reader_zone, site_zone, site_zone_name

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def machine(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A site without a zone, on a machine without one."""
    settings.TIME_ZONE = None
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(zone, "_LINK", tmp_path / "localtime")
    monkeypatch.setattr(zone, "_FILE", tmp_path / "timezone")
    return monkeypatch


def hour() -> int:
    assert NOON.astimezone(reader_zone()).hour == NOON.astimezone(site_zone()).hour
    return NOON.astimezone(site_zone()).hour


def test_the_setting_counts_whatever_the_machine_says(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    assert (site_zone_name(), hour()) == ("Asia/Tokyo", 21)


@pytest.mark.parametrize("none", [None, ""])
def test_a_machine_that_names_no_zone_keeps_utc(
    settings: Any, machine: pytest.MonkeyPatch, none: str | None
) -> None:
    settings.TIME_ZONE = none
    assert (site_zone_name(), hour()) == ("UTC", 12)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", ":Europe/Berlin", ":/usr/share/zoneinfo/Europe/Berlin"]
)
def test_the_environment_comes_first(machine: pytest.MonkeyPatch, name: str) -> None:
    zone._FILE.write_text("Asia/Tokyo\n")
    machine.setenv("TZ", name)
    assert (site_zone_name(), hour()) == ("Europe/Berlin", 14)


@pytest.mark.parametrize("name", ["CET-1CEST,M3.5.0", "Europe", "../x", "", "/etc/passwd"])
def test_what_is_no_zone_is_passed_over(machine: pytest.MonkeyPatch, name: str) -> None:
    machine.setenv("TZ", name)
    zone._LINK.symlink_to("/usr/share/zoneinfo/Asia/Kolkata")
    assert (site_zone_name(), hour()) == ("Asia/Kolkata", 17)
    zone._LINK.unlink()
    zone._FILE.write_text("Asia/Tokyo\n")
    assert (site_zone_name(), hour()) == ("Asia/Tokyo", 21)
