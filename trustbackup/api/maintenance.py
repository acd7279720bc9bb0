"""Looking after the copies: bring them where they are lacking, let go of what has expired."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import IDEMPOTENCY_KEY, described
from trustbackup.api.destinations import destination_named
from trustbackup.api.fields import Flag, Text
from trustbackup.api.problems import Problem
from trustbackup.api.serializers import RunSerializer, WaitQuery
from trustbackup.api.starting import check_how, start_run
from trustbackup.models import AccessToken, Destination
from trustbackup.operations.retention.prune import as_json, preview_pruning
from trustbackup.views.base import CHANGE, DELETE, VIEW

Scope = AccessToken.Scope
_HOW = [WaitQuery, IDEMPOTENCY_KEY]


class SyncSerializer(serializers.Serializer):
    destinations = serializers.ListField(
        child=Text(max_length=200, example="nas"),
        default=list,
        max_length=100,
        help_text="Their names; without any, all that are set up.",
    )
    pull = Flag(default=False, help_text="Fetch what is missing here, too.")


@extend_schema_view(
    post=described(
        "sync_backups",
        "Copy what destinations lack and their rules keep",
        {200: RunSerializer, 202: RunSerializer},
        404,
        422,
        request=SyncSerializer,
        parameters=_HOW,
    )
)
class SyncView(ApiView):
    scopes = {"POST": Scope.CREATE}
    rights = {"POST": (VIEW, CHANGE)}

    def post(self, request: Request) -> Response:
        body = SyncSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def prepare() -> tuple[dict[str, Any], str]:
            # No address: where this site connects to is set up by who may.
            wanted = [destination_named(name).name for name in body.validated_data["destinations"]]
            names = wanted or list(Destination.objects.values_list("name", flat=True))
            if not names:
                raise Problem(409, "refused", "There is no destination to sync with.")
            options = {"to": sorted(set(names)), "pull": body.validated_data["pull"]}
            return options, ", ".join(options["to"])

        return start_run(request, "sync", prepare)


class DecisionSerializer(serializers.Serializer):
    id = serializers.CharField()
    decision = serializers.ChoiceField(["keep", "delete"])
    reasons = serializers.ListField(child=serializers.CharField())
    why = serializers.CharField()


class PlacePrunedSerializer(serializers.Serializer):
    place = serializers.CharField(help_text="A destination; empty for the backup folder.")
    problem = serializers.CharField(help_text="Why nothing can be decided there.")
    backups = DecisionSerializer(many=True)


class PruningPreviewSerializer(serializers.Serializer):
    """What a pruning would do now; nothing was deleted."""

    places = PlacePrunedSerializer(many=True)


class PruneSerializer(serializers.Serializer):
    dry_run = Flag(default=False, help_text="Only tell what would go; answers 200 at once.")
    confirmed = Flag(
        default=False, help_text="Delete more than a quarter of a sort at once, if the rules do."
    )


_PRUNED = PolymorphicProxySerializer(
    "PruningOrRun", [PruningPreviewSerializer, RunSerializer], resource_type_field_name=None
)


@extend_schema_view(
    post=described(
        "prune_backups",
        "Delete what no plan's rules keep, here and at each destination",
        {200: _PRUNED, 202: RunSerializer},
        422,
        request=PruneSerializer,
        parameters=_HOW,
    )
)
class PruneView(ApiView):
    scopes = {"POST": Scope.MANAGE}
    rights = {"POST": (VIEW, DELETE)}

    def post(self, request: Request) -> Response:
        body = PruneSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        confirmed = body.validated_data["confirmed"]
        if body.validated_data["dry_run"]:
            check_how(request)
            places = as_json(preview_pruning(confirmed=confirmed))
            return Response(PruningPreviewSerializer({"places": places}).data)
        return start_run(request, "prune", lambda: ({"confirmed": confirmed}, "by the plans"))
