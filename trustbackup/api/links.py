"""A link that gives one file out once: to hand to a program or a person without a token."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.backups import FILE, file_of_part
from trustbackup.api.base import ApiView
from trustbackup.api.described import described
from trustbackup.api.fields import Moment, Text
from trustbackup.api.problems import Problem
from trustbackup.api.trail import token_of
from trustbackup.models import AccessToken
from trustbackup.operations.context import Context
from trustbackup.operations.download_links import (
    MOST_MINUTES,
    LinkRefused,
    find_link,
    make_link,
    use_link,
)
from trustbackup.runs.recorder import record_event
from trustbackup.views.base import DOWNLOAD, actor_of, address_of
from trustbackup.views.sending import send_file

Scope = AccessToken.Scope


class LinkSerializer(serializers.Serializer):
    part = Text(max_length=255, help_text="A part, or the name of its file.")
    minutes = serializers.IntegerField(min_value=1, max_value=MOST_MINUTES, default=10)


class MadeLinkSerializer(serializers.Serializer):
    """The address is told this once."""

    url = serializers.CharField()
    file = serializers.CharField()
    expires = Moment()


@extend_schema_view(
    post=described(
        "make_link",
        "Make a link that gives one file out once",
        {201: MadeLinkSerializer},
        404,
        request=LinkSerializer,
    )
)
class LinksView(ApiView):
    scopes = {"POST": Scope.DOWNLOAD}
    rights = {"POST": (DOWNLOAD,)}

    def post(self, request: Request, identifier: str) -> Response:
        body = LinkSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        backup, path = file_of_part(identifier, body.validated_data["part"])
        secret, row = make_link(
            request.user, token_of(request), backup, path.name, body.validated_data["minutes"]
        )
        record_event("link", path.name, actor=actor_of(request), address=address_of(request))
        url = request.build_absolute_uri(reverse("trustbackup:api:link", args=[secret]))
        made = {"url": url, "file": path.name, "expires": row.expires}
        return Response(MadeLinkSerializer(made).data, 201, headers={"Location": url})


@extend_schema_view(
    get=described(
        "use_link", "Download by a link, once", {(200, "application/octet-stream"): FILE}, 404, 410
    )
)
class LinkView(ApiView):
    """Who has the address gets the whole file: a piece of it would use it up, too. HEAD only
    looks. What breaks off is not sent again: another link is made in no time."""

    authentication_classes = []
    permission_classes = []

    def get(self, request: Request, secret: str) -> HttpResponseBase:
        context = Context.current()
        try:
            user, row = find_link(secret, address_of(request), DOWNLOAD)
            path = context.settings.backup_dir / row.file
            answer = send_file(request, path, context.settings.sendfile, ranges=False)
            if request.method == "GET":
                use_link(row)
        except LinkRefused as error:
            status = 404 if error.code == "link_unknown" else 410
            raise Problem(status, error.code, str(error)) from error
        except FileNotFoundError:
            raise Problem(404, "not_found", "The file of this link is not here.") from None
        if request.method == "GET":
            actor, address = str(user.get_username()), address_of(request)
            record_event("download", row.file, actor=actor, address=address)
        return answer
