"""The README's pictures of the settings page, taken anew: `make pictures`.

A web shop in a temporary folder lives through a month of nights: each is a real run of the
real commands by a clock that libfaketime sets, because a backup's time is signed and nothing
could write it in afterwards. The shop grows from day to day, and one night goes wrong.
"""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECKOUT = Path(__file__).resolve().parents[1]
IMAGES = CHECKOUT / "docs" / "images"
NIGHTS = 27
FAILED_NIGHT = 12
DRILLED_NIGHTS = range(1, NIGHTS, 7)
"""Once a week; nights count backwards from today."""
TOO_SMALL = 5_000_000
"""Bytes that a file may have in the night that goes wrong, as on a disk with a quota."""
NAMES = {20: "before the new prices", 5: "before the update"}

GROWTH = """
INSERT INTO shop_order (customer_id, status, total_amount, order_date)
SELECT customer_id, status, total_amount, order_date FROM shop_order
ORDER BY random() LIMIT 1500
"""


@dataclass(frozen=True)
class Shop:
    """A web shop in a folder of its own."""

    folder: Path
    password: str

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "webshop.settings",
            "DATABASE_URL": f"sqlite:///{self.folder / 'db.sqlite3'}",
            "MEDIA_ROOT": str(self.folder / "media"),
            "TRUSTBACKUP_ROOT": str(self.folder / "backups"),
            "SECRET_KEY": self.password * 4,
            "DEMO_ADMIN_PASSWORD": self.password,
            "DJANGO_RUNSERVER_HIDE_WARNING": "true",
            "USER": "operator",
            "LOGNAME": "operator",
            "TZ": "UTC",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(CHECKOUT / "manage.py"), *arguments]

    def manage(self, *arguments: str, at: datetime | None = None, fails: bool = False) -> None:
        """Run a command, by a clock that starts at this moment; raises unless it ends well."""
        clock = ["faketime", "-f", f"@{at:%Y-%m-%d %H:%M:%S}"] if at else []
        ended = subprocess.run(
            [*clock, *self.command(*arguments)],
            # Without this, what waits for a moment would wait for a month.
            env={**self.environment(), "FAKETIME_DONT_FAKE_MONOTONIC": "1"},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            preexec_fn=_quota if fails else None,
        )
        if bool(ended.returncode) != fails:
            sys.exit(f"{' '.join(arguments)} ended with {ended.returncode}: {ended.stderr}")

    def live(self) -> None:
        """Sample data, then night after night."""
        self.manage("migrate", "--verbosity", "0")
        self.manage("load_sample_data", "--customers", "4000", "--orders", "30000")
        self.manage("create_demo_admin")
        today = datetime.now(UTC).replace(hour=2, minute=15, second=0, microsecond=0)
        if datetime.now(UTC) - today < timedelta(hours=1):
            today -= timedelta(days=1)
        for back in reversed(range(NIGHTS)):
            night = today - timedelta(days=back, seconds=-(back * 7 % 40))
            self.manage("create_backup", at=night, fails=back == FAILED_NIGHT)
            if back in DRILLED_NIGHTS or back == 0:
                self.manage("verify_backup", "latest", "--restore", at=night + timedelta(minutes=5))
            if back in NAMES:
                day = night + timedelta(hours=9, minutes=back)
                self.manage("create_backup", "--name", NAMES[back], "--keep", at=day)
            self.grow()

    def grow(self) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "db.sqlite3")) as connection:
            connection.execute(GROWTH)
            connection.commit()

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """The address of its pages, served on a free port until the end."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{listener.getsockname()[1]}"
        server = subprocess.Popen(
            self.command("runserver", address, "--noreload"),
            env=self.environment(),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for _attempt in range(100):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://{address}/login/", timeout=5).close()
                    break
                time.sleep(0.1)
            yield f"http://{address}"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()

    def log_in(self, page: Page, address: str) -> None:
        """Leaves the page on the list of backups."""
        page.goto(f"{address}/login/?next=/settings/backups/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.wait_for_url("**/settings/backups/")


def _quota() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (TOO_SMALL, TOO_SMALL))


def take_pictures(shop: Shop, address: str) -> None:
    """The list by day on a desk, and by night on a phone."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        views: list[tuple[str, Literal["light", "dark"], int, int]] = [
            ("page-light", "light", 1280, 900),
            ("page-dark", "dark", 390, 844),
        ]
        for name, scheme, width, height in views:
            page = browser.new_page(
                color_scheme=scheme,
                viewport={"width": width, "height": height},
                device_scale_factor=2 if width < 500 else 1,
            )
            shop.log_in(page, address)
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


def main() -> None:
    for program in ("chromium", "faketime"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed: `make pictures` installs it, or says how.")
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), secrets.token_urlsafe(16))
        shop.live()
        with shop.served() as address:
            take_pictures(shop, address)
    print(f"{IMAGES}/page-light.png and page-dark.png are new.")


if __name__ == "__main__":
    main()
