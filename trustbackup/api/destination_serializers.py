"""What goes in and out of a destination, field by field."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from trustbackup.api.fields import Flag, Moment, Strict, Text


class DestinationSerializer(serializers.Serializer):
    """A place for copies; no secret, and nothing of its address, comes out."""

    name = serializers.CharField()
    kind = serializers.CharField()
    automatic = serializers.BooleanField()
    succeeded_at = Moment(allow_null=True)
    problem = serializers.CharField()
    stored = serializers.IntegerField(help_text="Copies there.")
    stored_bytes = serializers.IntegerField()
    free_bytes = serializers.IntegerField(allow_null=True)


@extend_schema_field({"type": ["string", "number", "boolean", "null"]})
class OptionField(serializers.Field):
    """One value of a form's, in JSON's own type; null takes it back."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401
        if not isinstance(data, str | bool | int | float) or "\x00" in str(data):
            raise serializers.ValidationError("Give a text, a number, true or false, or null.")
        return data

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401
        return value


class DestinationDetailSerializer(DestinationSerializer):
    """One destination as it is set up; of its secrets only which there are."""

    options = serializers.DictField(child=OptionField())
    secrets = serializers.ListField(
        child=serializers.CharField(),
        source="secret_names",
        help_text="The names of those that are set; what they are never comes out.",
    )


class DestinationChangeSerializer(Strict):
    """What is left out stays as it is; null takes an option or a secret back."""

    automatic = Flag(required=False, help_text="Whether every backup is copied there.")
    options = serializers.DictField(
        child=OptionField(), required=False, help_text="By the names that its kind gives them."
    )
    secrets = serializers.DictField(
        child=Text(max_length=32_000, allow_blank=True, allow_null=True),
        required=False,
        help_text="Written only; or where one is kept: env:NAME or file:/run/secrets/x.",
    )


class NewDestinationSerializer(DestinationChangeSerializer):
    name = Text(max_length=50)
    kind = Text(max_length=20, help_text="sftp, s3, folder, storage, or one of this site's own.")
