"""Fields that take what the description says of them, and nothing that only resembles it.

The framework's own take "yes" for true, 7 for "7" and "1_0" for 10: a program that sends such a
thing has a fault, and is told so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.http import QueryDict
from rest_framework import serializers


class Moment(serializers.DateTimeField):
    """ISO 8601 in UTC, whatever the site's own format is."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(format="iso-8601", default_timezone=UTC, **kwargs)


class Text(serializers.CharField):
    """Text as it is, without a null character, which databases do not hold.

    ``example`` is for who reads the description.
    """

    def __init__(self, *, example: str = "", **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(trim_whitespace=False, **kwargs)
        self.example = example

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Whole(serializers.IntegerField):
    """In a body: a whole number, and no text that looks like one."""

    def to_internal_value(self, data: Any) -> int:  # noqa: ANN401
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Flag(serializers.BooleanField):
    """True or false."""

    def to_internal_value(self, data: Any) -> bool:  # noqa: ANN401
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data is True


class Strict(serializers.Serializer):
    """A body of which every member is one of these: what is misspelt would have no effect."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401
        if isinstance(data, Mapping) and (unknown := set(data) - set(self.fields)):
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {name: [f"There is no such member; there are {known}."] for name in sorted(unknown)}
            )
        return super().to_internal_value(data)


class Query(serializers.Serializer):
    """What stands behind the question mark of an address, where "" is not the same as nothing."""

    def __init__(self, *, data: Any = serializers.empty, **kwargs: Any) -> None:  # noqa: ANN401
        given = data if data is serializers.empty else dict(data.items())
        super().__init__(data=given, **kwargs)


class ListQuery(Query):
    """One of which ``lists`` names the members that may be repeated."""

    lists: tuple[str, ...] = ()

    def __init__(self, *, data: Any = serializers.empty, **kwargs: Any) -> None:  # noqa: ANN401
        if isinstance(data, QueryDict):
            many = {name: data.getlist(name) for name in self.lists if name in data}
            data = {**data.dict(), **many}
        super().__init__(data=data, **kwargs)


class Number(serializers.IntegerField):
    """In an address: digits."""

    def to_internal_value(self, data: Any) -> int:  # noqa: ANN401
        if not re.fullmatch(r"-?[0-9]{1,18}", data):
            self.fail("invalid")
        return int(data)


class Seconds(serializers.FloatField):
    """In an address: digits, and perhaps more of them behind a point."""

    def to_internal_value(self, data: Any) -> float:  # noqa: ANN401
        if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?", data):
            self.fail("invalid")
        return float(data)


class Day(serializers.DateField):
    """In an address: such as 2026-11-20."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(input_formats=["iso-8601"], **kwargs)

    def to_internal_value(self, value: Any) -> Any:  # noqa: ANN401
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(value)


class Switch(serializers.BooleanField):
    """In an address: true or false."""

    def to_internal_value(self, data: Any) -> bool:  # noqa: ANN401
        if data not in ("true", "false"):
            self.fail("invalid", input=data)
        return bool(data == "true")
