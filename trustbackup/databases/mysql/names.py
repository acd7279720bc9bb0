"""What the schemas beside a live one are called, and how names are written in SQL."""

from __future__ import annotations

import re

_LONGEST = 64
"""Characters that the name of a schema may have."""
_OURS = re.compile(
    r"_tb_(?:(?:restore|before)_\d{8}_\d{6}(?:_\d+)?|drill_\d{8}_\d{6}_\d{6})$", re.ASCII
)


def quote(name: str) -> str:
    """A name as SQL has it, whatever ``sql_mode`` says."""
    return "`" + name.replace("`", "``") + "`"


def unquote(name: str) -> str:
    """The name that was written so: bare, or in either sort of quotes."""
    mark = name[:1]
    if mark in ("`", '"'):
        return name[1:-1].replace(mark * 2, mark)
    return name


def beside(live: str, suffix: str) -> str:
    """A schema's name that one grant on a pattern can allow: ``shop_tb_…``."""
    ending = f"_tb_{suffix}"
    return live[: _LONGEST - len(ending)] + ending


def is_beside(live: str, name: str) -> bool:
    """Whether restores and drills of ``live`` give such names."""
    found = _OURS.search(name)
    return found is not None and name == beside(live, found[0].removeprefix("_tb_"))


def pattern(live: str) -> str:
    """What a grant must be on for the schemas beside ``live``: ``shop\\_tb\\_%``."""
    longest = beside(live, "drill_20260101_000000_000000").partition("_tb_drill_")[0]
    return re.sub(r"([_%\\])", r"\\\1", f"{longest}_tb_") + "%"
