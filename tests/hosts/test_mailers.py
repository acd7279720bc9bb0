"""A site that has moved on to ``MAILERS``: from Django 6.1 on no setting of email may be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.host_projects import HOSTS
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.newcomers import Newcomer, move_in

pytestmark = pytest.mark.field
(HOST,) = [host for host in HOSTS if host.name == "django-6.1"]
SETTINGS = """
import warnings

from django.utils.deprecation import RemovedInDjango2028Warning

warnings.simplefilter("error", RemovedInDjango2028Warning)
INSTALLED_APPS += ["trustbackup"]
ADMINS = ["admin@shop.example"]
TRUSTBACKUP = {"BACKUP_DIR": BASE_DIR / "backups"}
"""


def with_mailers(mailbox: Mailbox, **sign_in: str) -> str:
    options: dict[str, Any] = {"host": "127.0.0.1", "port": mailbox.port, **sign_in}
    backend = "django.core.mail.backends.smtp.EmailBackend"
    return f"MAILERS = {{'default': {{'BACKEND': {backend!r}, 'OPTIONS': {options!r}}}}}\n"


@pytest.fixture
def newcomer(tmp_path: Path, wheel: Path) -> Newcomer:
    try:
        newcomer = move_in(HOST, tmp_path, wheel)
    except LookupError as error:
        pytest.skip(str(error))
    newcomer.run("pip", "install", "-q", str(wheel))
    newcomer.append(HOST.settings, SETTINGS)
    newcomer.run("python", "manage.py", "migrate", "--verbosity", "0")
    return newcomer


def test_case_h2_the_admins_hear_by_the_mailers_of_a_newer_django(newcomer: Newcomer) -> None:
    asking = ("python", "manage.py", "test_notification", "admins")
    with running_mailbox() as mailbox:
        newcomer.append(HOST.settings, with_mailers(mailbox))
        assert "A test message was sent" in newcomer.run(*asking)
        (message,) = mailbox.messages
        assert message["To"] == "admin@shop.example"
        newcomer.append(HOST.settings, with_mailers(mailbox, username="site", password="wrong"))
        ended = mailbox.farewells
        with pytest.raises(AssertionError, match="refused the sign-in"):
            newcomer.run(*asking)
        assert mailbox.farewells == ended + 1
