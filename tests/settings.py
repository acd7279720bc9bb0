"""The web shop's settings for what runs inside the tests' own process.

Nothing of the checkout or of the developer's environment is read or written.
"""

from __future__ import annotations

import os

from tests.support.run import run_folder

_folder = run_folder() / os.environ.get("PYTEST_XDIST_WORKER", "main")
_folder.mkdir(exist_ok=True)

os.environ.update(
    DATABASE_URL=f"sqlite:///{_folder / 'db.sqlite3'}",
    MEDIA_ROOT=str(_folder / "media"),
    TRUSTBACKUP_ROOT=str(_folder / "backups"),
    SECRET_KEY="the-tests-own-secret-key-of-more-than-fifty-characters",
)
for _name in ("DEBUG", "ALLOWED_HOSTS"):
    os.environ.pop(_name, None)

from webshop.settings import *  # noqa: E402, F403

# What a strong hash is for is the login's own business, and takes a tenth of a second each time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
