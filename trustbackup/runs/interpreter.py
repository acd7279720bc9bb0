"""The Python that runs this site's code: not always the program that this process is."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from trustbackup.exceptions import ConfigurationError
from trustbackup.phrases import gettext as _

_PYTHON = re.compile(r"(python|pypy)[\d.]*t?d?(\.exe)?")


def find_interpreter() -> str:
    """The path of an interpreter of this version and environment.

    Below a server that has Python inside it, such as uWSGI, ``sys.executable`` is that server,
    or the interpreter that the environment was made with. Raises ConfigurationError.
    """
    is_python = _PYTHON.fullmatch(Path(sys.executable or "").name) is not None
    in_environment = Path(sys.executable or "").parent == Path(sys.prefix) / "bin"
    if is_python and (in_environment or sys.prefix == sys.base_prefix):
        return sys.executable
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    names = (f"python{version}", "python3", "python")
    # The environment's own first: with another one its packages would not be found.
    for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix):
        for name in names:
            path = Path(prefix) / "bin" / name
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    if is_python:
        return sys.executable
    if found := shutil.which(names[0]):
        return found
    raise ConfigurationError(
        _("The run was not started"),
        why=_(
            "this process is %(program)s, and no Python %(version)s was found beside it",
            program=sys.executable or "?",
            version=version,
        ),
        todo=_("Put python%(version)s into PATH, then try again.", version=version),
    )
