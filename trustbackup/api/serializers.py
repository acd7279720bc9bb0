"""What goes in and out, field by field; the description is made of these."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from trustbackup.api.fields import Day, Flag, Moment, Number, Query, Seconds, Switch, Text
from trustbackup.models import Backup, Copy, Run
from trustbackup.operations.backup.app_data import APP
from trustbackup.operations.backup.kinds import LONGEST_NAME, MAKEABLE
from trustbackup.store.compression import COMPRESSIONS
from trustbackup.views.backups.listing import SORTS


class ProblemSerializer(serializers.Serializer):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Does not change, unlike the sentence.")
    detail = serializers.CharField(help_text="One sentence for a person.")
    errors = serializers.DictField(required=False, help_text="By field, what is wrong with it.")


class PartSerializer(serializers.Serializer):
    part = serializers.CharField(help_text="A database's alias, or what else it holds.")
    file = serializers.CharField()
    bytes = serializers.IntegerField()
    raw_bytes = serializers.IntegerField(required=False, help_text="Unpacked.")
    sha256 = serializers.CharField(required=False)


class CopySerializer(serializers.Serializer):
    destination = serializers.CharField(source="destination.name")
    state = serializers.ChoiceField(Copy.State.values)
    bytes = serializers.IntegerField()
    changed = Moment()
    verified_at = Moment(allow_null=True)
    problem = serializers.CharField()


class BackupSerializer(serializers.Serializer):
    """One backup as the index knows it."""

    id = serializers.CharField(source="identifier")
    name = serializers.CharField()
    kind = serializers.CharField()
    trigger = serializers.CharField()
    plan = serializers.CharField()
    host = serializers.CharField()
    created = Moment()
    seconds = serializers.FloatField(help_text="How long it took.")
    bytes = serializers.IntegerField()
    raw_bytes = serializers.IntegerField(help_text="Unpacked.")
    rows = serializers.IntegerField(allow_null=True)
    databases = serializers.ListField(child=serializers.CharField(), source="aliases")
    parts = PartSerializer(many=True, source="files")
    state = serializers.ChoiceField(Backup.State.values)
    problem = serializers.CharField()
    offloaded_to = serializers.CharField(help_text="Where its data is when it is not here.")
    signature = serializers.CharField()
    protected = serializers.BooleanField()
    checked_at = Moment(allow_null=True)
    checked_ok = serializers.BooleanField(allow_null=True)
    drilled_at = Moment(allow_null=True)
    drilled_ok = serializers.BooleanField(allow_null=True, help_text="Whether it restored.")
    recovery_seconds = serializers.FloatField(allow_null=True, help_text="In its last drill.")
    odd = serializers.BooleanField(help_text="It looks odd beside the ones before.")
    copies = CopySerializer(many=True)


class TableSerializer(serializers.Serializer):
    part = serializers.CharField()
    table = serializers.CharField()
    rows = serializers.IntegerField()


class BackupDetailSerializer(BackupSerializer):
    """One backup with the tables in it; its ETag is for If-Match."""

    environment = serializers.CharField(
        help_text="What the site that made it called itself; empty for no name."
    )
    label = serializers.CharField(
        help_text="What somebody called it since it was made; its name is that then."
    )
    tables = TableSerializer(many=True)


class BackupPageSerializer(serializers.Serializer):
    count = serializers.IntegerField()
    next = serializers.IntegerField(allow_null=True, help_text="The next page's number.")
    results = BackupSerializer(many=True)


class RunSerializer(serializers.Serializer):
    """One run: what it does, how far it is, how it ended."""

    id = serializers.UUIDField()
    action = serializers.CharField()
    target = serializers.CharField()
    plan = serializers.CharField()
    actor = serializers.CharField()
    state = serializers.ChoiceField(Run.State.values)
    started = Moment()
    finished = Moment(allow_null=True)
    stage = serializers.CharField()
    done = serializers.IntegerField(help_text="Bytes of this stage.")
    total = serializers.IntegerField(help_text="0 when it is not known.")
    percent = serializers.IntegerField(allow_null=True)
    backup = serializers.CharField(help_text="The backup that it made; empty for none.")
    backups = serializers.ListField(
        child=serializers.CharField(), help_text="The backups that it brought in."
    )
    undo = serializers.CharField(help_text="By what a restore is undone; empty for nothing.")
    error = serializers.CharField()
    log = serializers.CharField()

    def to_representation(self, instance: Run) -> dict[str, Any]:
        databases = instance.outcome.get("databases") or []
        brought = instance.outcome.get("backups")
        instance.backups = brought if isinstance(brought, list) else []  # type: ignore[attr-defined]
        instance.backup = instance.outcome.get("backup") or ""  # type: ignore[attr-defined]
        undo = next((item["undo"] for item in databases if item.get("undo")), "")
        instance.undo = undo  # type: ignore[attr-defined]
        values: dict[str, Any] = super().to_representation(instance)
        return values


class RunPageSerializer(serializers.Serializer):
    count = serializers.IntegerField()
    next = serializers.IntegerField(allow_null=True, help_text="The next page's number.")
    results = RunSerializer(many=True)


class PageQuery(Query):
    page = Number(min_value=1, max_value=10**9, default=1)
    page_size = Number(min_value=1, max_value=200, default=50)


class BackupQuery(PageQuery):
    text = Text(max_length=200, default=None, help_text="In the id or the name.")
    state = serializers.ChoiceField(Backup.State.values, default=None)
    kind = Text(max_length=20, default=None)
    database = Text(max_length=100, default=None)
    plan = Text(max_length=50, default=None)
    since = Day(default=None)
    until = Day(default=None)
    order = serializers.ChoiceField(
        [sign + name for name in SORTS for sign in ("", "-")], default="-name"
    )


class RunQuery(PageQuery):
    action = Text(max_length=20, default=None)
    state = serializers.ChoiceField(Run.State.values, default=None)


class WaitQuery(Query):
    wait = Seconds(
        min_value=0,
        max_value=60,
        default=0,
        help_text="For how many seconds to wait for the run's end before answering.",
    )


class CreateSerializer(serializers.Serializer):
    """What to back up now; empty for the site's databases."""

    kind = serializers.ChoiceField([*MAKEABLE, APP], default=MAKEABLE[0])
    name = Text(max_length=100, default="", allow_blank=True)
    databases = serializers.ListField(
        child=Text(max_length=100, example="default"), default=list, max_length=100
    )
    app = Text(max_length=100, default="", allow_blank=True)
    compression = serializers.ChoiceField(list(COMPRESSIONS), default=None)
    protect = Flag(default=False)
    plan = Text(
        max_length=50, default="", allow_blank=True, help_text="Run this plan; nothing else then."
    )


class ChangeSerializer(serializers.Serializer):
    """What is left out stays as it is."""

    protected = Flag(required=False)
    label = Text(
        max_length=LONGEST_NAME,
        required=False,
        allow_blank=True,
        help_text="What it is called from now on; empty for the name that it was made with.",
    )


class DeleteQuery(Query):
    last_good_too = Switch(default=False, help_text="Even the last good one of its sort.")


class VerifySerializer(serializers.Serializer):
    drill = Flag(default=False, help_text="Restore it into a scratch database and compare.")


class HealthSerializer(serializers.Serializer):
    status = serializers.ChoiceField(["ok", "warn", "bad"])
    sentence = serializers.CharField()


class StatusSerializer(HealthSerializer):
    """What goes on now."""

    runs = RunSerializer(many=True)
    last = RunSerializer(allow_null=True, help_text="The run that began last.")
