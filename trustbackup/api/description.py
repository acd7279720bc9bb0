"""The API's description, as OpenAPI.

It is a file of this package, made of the views by ``make api``: no setting of a site changes it,
and nothing of a site's own description is touched while it is made.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("openapi.json")


@cache
def shipped() -> dict[str, Any]:
    """The description as this version has it."""
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found
