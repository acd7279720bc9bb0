"""How a forked command ends: as an interpreter does, but without taking its server's memory apart.

At its end an interpreter clears every module and every interned string, which would copy all that
the server has imported, page by page, only to give it back: more than a short command itself
takes. So when the functions of ``atexit`` have run, what the command itself has loaded and made
is let go of, with all the warnings that this may bring, and then the process is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import sys
import warnings
from collections.abc import Iterator
from itertools import islice

_kept: list[object] = []
_modules: set[str] = set()
"""Names of those that the server has imported."""
_codes: list[int] = []


def expect() -> None:
    """To be called before anything else is imported: what is registered first runs last."""
    atexit.register(_end)


def keep(*more: object) -> None:
    """The modules that are there now are the server's, and outlive the command as these do."""
    _kept.extend(more)
    _modules.update(sys.modules)


@contextlib.contextmanager
def whole_process() -> Iterator[None]:
    """What is run in here is all that the process does: with it, it ends.

    With which code after Ctrl-C, only the interpreter knows.
    """
    try:
        yield
    except SystemExit as end:
        _codes.append(0 if end.code is None else end.code if isinstance(end.code, int) else 1)
        raise
    except Exception:
        _codes.append(1)
        raise
    else:
        _codes.append(0)


def _end() -> None:
    _let_go()
    _close_files()
    # Where its output cannot be written, an interpreter ends with another code.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        sys.stderr.flush()
        if _codes:
            os._exit(_codes[-1] & 0xFF)


def _let_go() -> None:
    """Of the modules that the command has loaded.

    They are the last: to look at the names of all would copy the memory of each.
    """
    made = len(sys.modules) - len(_modules)
    for name in [name for name in islice(reversed(sys.modules), made) if name not in _modules]:
        package, _, own = name.rpartition(".")
        if package in _modules:
            vars(sys.modules[package]).pop(own, None)
        del sys.modules[name]
    gc.collect()


def _close_files() -> None:
    """What one of the server's modules holds was not let go of: say so, and write what it has."""
    # What the server made is frozen, and is not among them. The type of a lazy object is asked
    # without making what it stands for.
    files = [made for made in gc.get_objects() if issubclass(type(made), io.IOBase)]
    for file in files:
        if not file.closed and not isinstance(file, io.RawIOBase) and file.writable():
            file.flush()
    for file in files:
        if isinstance(file, io.FileIO) and not file.closed and file.closefd and file.fileno() > 2:
            warnings.warn(f"unclosed file {file!r}", ResourceWarning, source=file, stacklevel=1)
