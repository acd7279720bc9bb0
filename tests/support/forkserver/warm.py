"""Settings and apps that are loaded before a command is asked for, and whether they are its own.

The apps of a site depend on few of its settings. Which ones is not guessed: while the server
loads the web shop's, every setting that is asked for is noted. A command reads its own settings
anew; if one of the noted is another for it, or if its settings have changed a module of ours,
then what was loaded is of no use to it, and it begins without.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import os
import pkgutil
import sys
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest.mock import patch

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "webshop.settings",
    "DATABASE_URL": "postgres://nobody@localhost/nothing",
}
SET_UP_AGAIN = {"FORCE_SCRIPT_NAME", "LOGGING", "LOGGING_CONFIG"}
"""What ``django.setup()`` reads, which a command calls again."""
READ_AGAIN = {"DATABASES", "MEDIA_ROOT"}
"""What Django's connections and dbbackup's settings keep, which forget it: see ``_forget``."""
AFTER_APPS = (
    "contents",
    "databases",
    "destinations",
    "management",
    "notifications",
    "operations",
    "runs",
)
LATE = (
    "dbbackup.db.postgresql",
    "dbbackup.db.sqlite",
    "django.contrib.sessions.backends.cache",
    "django.contrib.sessions.backends.cached_db",
    "django.contrib.sessions.backends.file",
    "django.contrib.sessions.backends.signed_cookies",
)
"""What of others is loaded by those modules only when it is needed."""
ABSENT = object()


class Apps:
    """The web shop's apps and our modules, all loaded, and what they asked of the settings."""

    def __init__(self) -> None:
        self.asked: dict[str, object] = {}
        with self._noting(), _environment():
            self._load()
        self.modules = [(module, dict(vars(module))) for module in _ours()]
        _forget()

    def _load(self) -> None:
        import django

        django.setup()

        for name in AFTER_APPS:
            package = importlib.import_module(f"trustbackup.{name}")
            for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                importlib.import_module(found.name)
        for name in LATE:
            importlib.import_module(name)
        from django.core.management import get_commands
        from django.db.migrations.loader import MigrationLoader

        get_commands()
        MigrationLoader(None)

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        from django.conf import LazySettings

        ask = LazySettings.__getattr__

        def note(settings: LazySettings, name: str) -> Any:
            self.asked[name] = ABSENT
            self.asked[name] = value = ask(settings, name)
            return value

        with patch.object(LazySettings, "__getattr__", note):
            yield

    def are_those_of_the_command(self) -> bool:
        """Read the command's settings; False where the apps would be others with them."""
        from django.conf import settings

        imported: list[str] = []
        try:
            with _noting_imports(imported):
                own = {name: getattr(settings, name, ABSENT) for name in self.asked}
        except BaseException:
            return False
        kept = SET_UP_AGAIN | READ_AGAIN
        if any(own[name] != value for name, value in self.asked.items() if name not in kept):
            return False
        # Who has asked for none has changed none, and to look costs as much as to begin.
        if any(name.partition(".")[0] == "trustbackup" for name in imported) and any(
            vars(module) != before for module, before in self.modules
        ):
            return False
        importlib.reload(sys.modules["dbbackup.settings"])
        return True


def _ours() -> list[ModuleType]:
    return [module for name, module in sys.modules.items() if name.startswith("trustbackup.")]


@contextlib.contextmanager
def _noting_imports(names: list[str]) -> Iterator[None]:
    """The names of all modules that are asked for, loaded or not."""
    import_, import_module = builtins.__import__, importlib.import_module

    def note(name: str, *arguments: Any, **more: Any) -> ModuleType:
        names.append(name)
        return import_(name, *arguments, **more)

    def note_module(name: str, package: str | None = None) -> ModuleType:
        names.append(name)
        return import_module(name, package)

    builtins.__import__, importlib.import_module = note, note_module
    try:
        yield
    finally:
        builtins.__import__, importlib.import_module = import_, import_module


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        time.tzset()


def _forget() -> None:
    """Settings, and what is made of those that a command may have otherwise."""
    from asgiref.local import Local
    from django.conf import settings
    from django.db import connections
    from django.utils.functional import empty

    import webshop

    settings._wrapped = empty
    vars(connections).pop("settings", None)
    vars(connections).update(_settings=None, _connections=Local(connections.thread_critical))
    for name in ("settings", "environment"):
        del sys.modules[f"webshop.{name}"]
        delattr(webshop, name)
