"""What is sent, read as JSON, and never more of it than a request can mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from trustbackup.api.problems import Problem

MOST = 1 << 20
"""Bytes."""


class BoundedJsonParser(BaseParser):
    """The framework's own would read whatever comes, a hundred megabytes say.

    It hands what derives from that the whole body, read already.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: BinaryIO,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        sent = stream.read(MOST + 1)
        if len(sent) > MOST:
            raise Problem(413, "too_large", f"At most {MOST} bytes may be sent.")
        try:
            return json.loads(sent.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ParseError from error


def _refuse(name: str) -> NoReturn:
    """``NaN`` and its like are no JSON."""
    raise ValueError(name)
