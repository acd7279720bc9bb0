"""What every process of a site pays for having the app installed, visitor or not."""

from __future__ import annotations

import subprocess
import sys

from tests.support.sites import CHECKOUT


def test_a_site_that_starts_loads_the_models_and_none_of_the_work() -> None:
    program = (
        "import django, sys\n"
        "django.setup()\n"
        "from django.contrib import admin\n"
        "from trustbackup.models import Backup\n"
        "assert admin.site.is_registered(Backup)\n"
        "ours = (name.split('.') for name in sys.modules if name.startswith('trustbackup.'))\n"
        "print(*{name[1] for name in ours})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        env={"DJANGO_SETTINGS_MODULE": "webshop.settings"},
    )
    loaded = set(ran.stdout.split())
    assert loaded >= {"apps", "admin", "models"}
    work = {"checks", "contents", "databases", "destinations", "notifications", "operations"}
    assert not loaded & (work | {"policy", "runs", "store", "views"})
