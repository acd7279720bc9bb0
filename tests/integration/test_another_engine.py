"""An engine that a site registers itself, as the how-to shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.backups import assert_refused, make, more_settings, read_manifest
from tests.support.content import content
from tests.support.restores import drill, go_on, restore, undo, undoable
from tests.support.sites import CHECKOUT, Site

PAGE = CHECKOUT / "docs/how-to/another-engine.md"
NAMED = "DATABASES['default']['ENGINE'] = 'shop_database'\n"


def written() -> dict[str, str]:
    """The page's Python, by the file that each block begins with."""
    found = re.findall(
        r"^```python\n# (\S+)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    return dict(found)


@pytest.fixture
def shop(sqlite_site: Site) -> Site:
    """A site whose database is of an engine that trustbackup does not know."""
    for name, text in written().items():
        if name != "settings.py":
            path = sqlite_site.home / Path(name)
            path.parent.mkdir(exist_ok=True)
            path.with_name("__init__.py").touch()
            path.write_text(text)
    more_settings(sqlite_site, NAMED)
    return sqlite_site


def test_a_database_of_an_engine_that_nobody_registered_is_refused(shop: Site) -> None:
    refused = shop.manage("create_backup", check=False)
    assert_refused(refused, "does not know the engine 'shop_database'", "DATABASE_ENGINES")
    assert not list(shop.backups.glob("backup_*"))


def test_a_registered_engine_is_backed_up_drilled_restored_and_undone(shop: Site) -> None:
    more_settings(shop, NAMED + written()["settings.py"])
    then = content(shop)
    made = make(shop)
    (part,) = read_manifest(made)["parts"]
    assert part["engine"] == "shop_database"
    assert drill(shop, made["id"])["ok"]
    go_on(shop)
    now = content(shop)
    restore(shop, made["id"])
    assert content(shop) == then
    assert len(undoable(shop)) == 1
    undo(shop)
    assert content(shop) == now
    assert "shop's database" not in shop.manage("check", "--database", "default").stderr
