"""What goes in and out of a restore, field by field."""

from __future__ import annotations

from rest_framework import serializers

from trustbackup.api.fields import Flag, ListQuery, Text
from trustbackup.contents.app_data.mode import Mode


class _WantedSerializer(serializers.Serializer):
    parts = serializers.ListField(
        child=Text(max_length=100),
        default=list,
        max_length=100,
        help_text="Only these: `database` for all of them or an alias, `media` or another folder's"
        " name, `settings`. Without any, all that the backup holds.",
    )
    strategy = serializers.ChoiceField(
        ["swap", "in place"], default=None, help_text="Without it, the best one here."
    )
    mode = serializers.ChoiceField(
        [str(mode) for mode in Mode],
        default=None,
        help_text="Of one app's data or of settings: what becomes of rows that are there. Without"
        " it, `update`.",
    )


class RestorePlanQuery(_WantedSerializer, ListQuery):
    """What a plan is asked for."""

    lists = ("parts",)


class ConfirmSerializer(serializers.Serializer):
    confirm = Text(
        max_length=2000,
        example="shop",
        help_text="The names of all that is replaced, as the plan's `confirm` says them.",
    )
    password = Text(
        max_length=1000,
        default="",
        allow_blank=True,
        help_text="With a session: the account's. A token needs none.",
    )


class RestoreSerializer(ConfirmSerializer, _WantedSerializer):
    migrate = Flag(default=False)
    shown = Text(
        max_length=64,
        default="",
        allow_blank=True,
        help_text="What the plan has as `shown`, where that is not empty.",
    )

    environment = Text(
        max_length=100,
        default="",
        allow_blank=True,
        help_text="What the plan has as `environment`, where that is not empty.",
    )


class UndoSerializer(ConfirmSerializer):
    restore = Text(max_length=200, default="", allow_blank=True, help_text="Empty for the newest.")


class PlannedPartSerializer(serializers.Serializer):
    alias = serializers.CharField()
    strategy = serializers.CharField()
    why = serializers.CharField()
    rows_now = serializers.IntegerField()


class PlannedFolderSerializer(serializers.Serializer):
    """One folder of uploaded files, compared by size and time."""

    part = serializers.CharField(source="part.part")
    added = serializers.IntegerField(source="changes.added")
    changed = serializers.IntegerField(source="changes.changed")
    same = serializers.IntegerField(source="changes.same")
    gone = serializers.IntegerField(
        source="changes.gone", help_text="Files that are there now and would not be afterwards."
    )


class PlannedModelSerializer(serializers.Serializer):
    """Rows of one model, where one app's data or settings are restored."""

    model = serializers.CharField()
    added = serializers.IntegerField()
    updated = serializers.IntegerField()
    deleted = serializers.IntegerField()
    same = serializers.IntegerField()


class RestorePlanSerializer(serializers.Serializer):
    """What a restore would do; it can't be carried out while there are refusals."""

    backup = serializers.CharField(source="entry.id")
    confirm = serializers.CharField(help_text="What a restore must be sent to confirm it.")
    shown = serializers.CharField(
        help_text="Send it along, too: other apps' rows change with these. Else empty."
    )
    environment = serializers.CharField(
        help_text="Send it along, too: the backup was made in this one, and here is another. Else"
        " empty."
    )
    refusals = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())
    seconds = serializers.FloatField(allow_null=True, help_text="By the last drill.")
    rows_now = serializers.IntegerField(help_text="Rows that would be replaced.")
    parts = PlannedPartSerializer(many=True, help_text="Databases.")
    folders = PlannedFolderSerializer(many=True, help_text="Uploaded files.")
    models = PlannedModelSerializer(many=True, help_text="Of rows that are restored by themselves.")
    single_parts = serializers.ListField(
        child=serializers.CharField(),
        help_text="What of a full backup can be restored without the rest.",
    )
