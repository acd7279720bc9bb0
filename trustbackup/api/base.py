"""What every view of the API shares, whatever the site's own ``REST_FRAMEWORK`` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponseBase
from django.utils import translation
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trustbackup.api.authentication import SessionAuthentication, TokenAuthentication
from trustbackup.api.described import Schema
from trustbackup.api.parsing import BoundedJsonParser
from trustbackup.api.problems import Problem, ProblemRenderer, headers_of, respond, to_problem
from trustbackup.api.throttling import Throttle
from trustbackup.api.trail import record_call, token_of
from trustbackup.models import AccessToken
from trustbackup.views.base import VIEW, has_right, in_no_transaction, takes_secrets

READ = AccessToken.Scope.READ


class AlwaysJson(BaseContentNegotiation):
    """There is one way to answer: what a client would rather have changes nothing."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:  # noqa: ANN401
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        return next((each for each in parsers if sent == each.media_type), None)

    def select_renderer(
        self, request: Request, renderers: Sequence[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class MayDoThis(BasePermission):
    """A token needs the method's scope; the account behind it, or the session's, its rights."""

    def has_permission(self, request: Request, view: ApiView) -> bool:
        if not getattr(request.user, "is_authenticated", False):
            return False  # the framework makes a 401 of it
        scope, rights = view.needs(request)
        token = token_of(request)
        if token is not None and scope not in token.scopes:
            raise Problem(403, "scope_missing", f"This token has no scope {scope!s}.")
        if not all(has_right(request, right) for right in rights):
            raise Problem(
                403,
                "right_missing",
                "This account may not do this. Ask whoever manages this site's accounts for the"
                " right.",
            )
        return True


@takes_secrets  # a token comes with each call, and a password with some
class ApiView(APIView):
    """``scopes`` and ``rights`` are by method; GET stands for HEAD and OPTIONS, too."""

    scopes: dict[str, str] = {}
    rights: dict[str, Sequence[str]] = {}

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    permission_classes = [MayDoThis]
    throttle_classes = [Throttle]
    renderer_classes = [JSONRenderer]
    parser_classes = [BoundedJsonParser]
    content_negotiation_class = AlwaysJson
    versioning_class = None
    metadata_class = None
    schema = Schema()

    @method_decorator(login_not_required)
    @method_decorator(never_cache)
    @method_decorator(in_no_transaction)
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """In English, as the command line: a program reads it, and looks for what it knows."""
        with translation.override("en"):
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
            record_call(self.request, response.status_code)
            return response

    def needs(self, request: Request) -> tuple[str, Sequence[str]]:
        """The scope that a token needs for this, and the rights that an account does."""
        method = "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)
        return self.scopes.get(method, READ), self.rights.get(method, (VIEW,))

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return self._problem

    def _problem(self, error: Exception, _context: dict[str, Any]) -> Response | None:
        problem = to_problem(error)
        return None if problem is None else respond(problem, headers_of(problem))

    def throttled(self, request: Request, wait: float | None) -> None:
        seconds = max(1, round(wait or 60))
        raise Problem(
            429, "throttled", f"Too many calls. Try again in {seconds} s.", retry_after=seconds
        )

    def finalize_response(
        self,
        request: Request,
        response: Any,  # noqa: ANN401
        *args: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> HttpResponseBase:
        """An error is rendered as one, whatever the view's own answers are."""
        if isinstance(response, Response) and response.status_code >= 400:
            request.accepted_renderer = ProblemRenderer()
            request.accepted_media_type = ProblemRenderer.media_type
        final: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        return final
