"""What goes in and out of a plan, field by field: the keys of ``TRUSTBACKUP["PLANS"]``."""

from __future__ import annotations

from rest_framework import serializers

from trustbackup.api.fields import Flag, Moment, Strict, Text, Whole
from trustbackup.policy.plan import KINDS
from trustbackup.policy.retention.rules import COUNTS, LARGEST_SIZE, MOST

_LONGEST_GRACE = 366 * 24 * 60


class PlanSerializer(serializers.Serializer):
    """A plan that can be followed."""

    name = serializers.CharField()
    enabled = serializers.BooleanField()
    late = serializers.BooleanField()
    next_due = Moment(allow_null=True)
    newest = Moment(allow_null=True, help_text="Its newest whole backup.")
    proven = Moment(allow_null=True, help_text="When one of its backups last restored.")


class RulesSerializer(Strict):
    """What is kept, each an own rule; null or left out is a rule that there is not."""

    size_limit = Whole(
        min_value=1, max_value=LARGEST_SIZE, required=False, allow_null=True, help_text="Bytes."
    )
    enforce_size = Flag(required=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        numbers = {
            name: Whole(min_value=0, max_value=MOST, required=False, allow_null=True)
            for name in (*COUNTS, "days")
        }
        return {**numbers, **super().get_fields()}


class DrillRuleSerializer(Strict):
    every = Whole(
        min_value=1,
        max_value=10_000,
        required=False,
        allow_null=True,
        help_text="After each so many backups.",
    )
    days = Whole(
        min_value=1,
        max_value=10_000,
        required=False,
        allow_null=True,
        help_text="At least once in so many days.",
    )
    window = serializers.ListField(
        child=Text(max_length=5, example="22:00"),
        min_length=2,
        max_length=2,
        required=False,
        allow_null=True,
        help_text="Only between these times of the plan's zone.",
    )


def _texts(most: int, longest: int, help_text: str) -> serializers.ListField:
    child = Text(max_length=longest)
    return serializers.ListField(child=child, max_length=most, required=False, help_text=help_text)


class PlanChangeSerializer(Strict):
    """What is left out stays as it is, or is what TRUSTBACKUP["PLANS"] would have."""

    name = Text(max_length=50, required=False, help_text="Letters, digits, - and _.")
    enabled = Flag(required=False, help_text="Whether it runs by itself.")
    kind = serializers.ChoiceField(list(KINDS), required=False)
    app = Text(max_length=100, required=False, allow_blank=True, help_text="Of kind `app`.")
    databases = _texts(100, 100, "Aliases; empty for those that a backup holds else.")
    excluded = _texts(200, 130, "Tables whose rows are left out.")
    archive = Flag(required=False, help_text="Uploaded files as one archive in each backup.")
    compression = Text(
        max_length=20, required=False, allow_blank=True, help_text="Empty for the site's."
    )
    encrypt_to = _texts(50, 4000, "Public keys of age.")
    destinations = _texts(100, 50, "Besides those that take every backup.")
    schedule = Text(
        max_length=100, required=False, allow_blank=True, help_text="A cron line; empty for none."
    )
    zone = Text(max_length=64, required=False, allow_blank=True, help_text="Empty for the site's.")
    retention = RulesSerializer(
        required=False, allow_null=True, help_text="Null for a plan that deletes nothing."
    )
    destination_retention = serializers.DictField(
        child=RulesSerializer(), required=False, help_text="By a destination's name."
    )
    drill = DrillRuleSerializer(required=False)
    skip_unchanged = Flag(required=False)
    grace = Whole(min_value=1, max_value=_LONGEST_GRACE, required=False, help_text="Minutes.")


class NewPlanSerializer(PlanChangeSerializer):
    name = Text(max_length=50, help_text="Letters, digits, - and _.")


class PlanDetailSerializer(PlanChangeSerializer):
    """One plan as it is written down."""

    source = serializers.ChoiceField(
        ["row", "settings"], help_text="One in the settings is changed there alone."
    )
    problem = serializers.CharField(help_text="Why it can't be followed; else empty.")
