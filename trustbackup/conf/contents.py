"""What ``TRUSTBACKUP["CONTENTS"]`` may say: folders of uploaded files, by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from trustbackup.exceptions import ConfigurationError
from trustbackup.phrases import gettext as _

MEDIA = "media"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}", re.ASCII)
_KNOWN = ("FOLDER", "STORAGE", "INCLUDE", "EXCLUDE")


def check_contents(value: object) -> None:
    """Raises ConfigurationError."""
    if value is None:
        return
    if not isinstance(value, dict) or not value:
        raise ConfigurationError(
            _("TRUSTBACKUP['CONTENTS'] is not a dictionary of dictionaries"),
            todo=_("Write 'CONTENTS': {'media': {'FOLDER': MEDIA_ROOT}}."),
        )
    for name, item in value.items():
        # The list of an archive's files is a part of its own, called …-files.
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "files":
            _refuse(name, _("it is no name for a folder"), _("Use letters, such as 'invoices'."))
        if not isinstance(item, dict) or not item.keys() <= set(_KNOWN):
            _refuse(
                name,
                _("it is not a dictionary of known keys"),
                _("Known are %(known)s.", known=", ".join(_KNOWN)),
            )
        _check_item(name, item)


def _check_item(name: str, item: dict[str, object]) -> None:
    if len({"FOLDER", "STORAGE"} & item.keys()) != 1:
        _refuse(
            name,
            _("it names no folder, or two"),
            _("Give 'FOLDER', a path, or 'STORAGE', an alias of STORAGES."),
        )
    folder = item.get("FOLDER", "/")
    if not isinstance(folder, str | Path) or not Path(folder).is_absolute():
        _refuse(name, _("its folder is no whole path"), _("Write the whole path."))
    if not isinstance(item.get("STORAGE", ""), str):
        _refuse(name, _("its storage is no alias"), _("Give an alias of STORAGES."))
    for key in ("INCLUDE", "EXCLUDE"):
        patterns = item.get(key, ())
        if not isinstance(patterns, list | tuple) or not all(
            isinstance(pattern, str) and pattern.strip("/") for pattern in patterns
        ):
            _refuse(
                name,
                _("its patterns are no list of texts"),
                _("Write %(key)r: ['*.tmp'].", key=key),
            )


def _refuse(name: object, why: str, todo: str) -> NoReturn:
    raise ConfigurationError(
        _("TRUSTBACKUP['CONTENTS'] has %(name)s", name=repr(name)[:100]), why=why, todo=todo
    )
