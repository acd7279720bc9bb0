"""For programs that watch a site: is it safe (200 or 503), and the figures for Prometheus.

Anybody may know whether it is; everything else is for those with the token of
``TRUSTBACKUP["MONITORING_TOKEN"]``, or with the right to see backups.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic.base import View

import trustbackup
from trustbackup.conf import get_settings
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.operations.health import Level, site_health
from trustbackup.operations.monitoring import SiteFigures, site_figures
from trustbackup.store import catalog
from trustbackup.views.base import VIEW, has_right
from trustbackup.views.labels import translate

STATUS = {Level.GOOD: "ok", Level.WARN: "warn", Level.BAD: "bad"}
_BEARER = "Bearer "


@method_decorator([never_cache, login_not_required, transaction.non_atomic_requests], "dispatch")
class MonitoringView(View):
    """Answers without a page, and without a session where a token is sent."""

    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """What can't be looked at is not safe: a 503 that says so, never a 500."""
        try:
            return super().dispatch(request, *args, **kwargs)
        except TrustbackupError as error:
            return self.unknown(translate(error))
        except DatabaseError:
            return self.unknown(_("The database does not answer."))

    def unknown(self, sentence: str) -> HttpResponse:
        """The answer where nothing could be looked at."""
        raise NotImplementedError


class HealthView(MonitoringView):
    """``{"status": "ok"}``: 503 when it is "bad", 200 else."""

    def get(self, request: HttpRequest) -> HttpResponse:
        catalog.synchronise_if_changed(Context.current().folder)
        now = datetime.now(UTC)
        if not may_know(request):
            return self._answer(STATUS[site_health(now).level])
        figures = site_figures(now)
        return self._answer(STATUS[figures.health.level], as_json(figures))

    def unknown(self, sentence: str) -> HttpResponse:
        detail = {"sentence": sentence} if may_know(self.request) else {}
        return self._answer("bad", detail)

    def _answer(self, status: str, detail: dict[str, Any] | None = None) -> HttpResponse:
        code = 503 if status == "bad" else 200
        return JsonResponse({"status": status, **(detail or {})}, status=code)


class MetricsView(MonitoringView):
    """The figures as Prometheus reads them."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not may_know(request):
            refused = self._text(
                _("Send the token of TRUSTBACKUP['MONITORING_TOKEN'] as a bearer."), 401
            )
            refused["WWW-Authenticate"] = 'Bearer realm="trustbackup"'
            return refused
        try:
            from trustbackup.views.metrics import render
        except ImportError:
            return self._text(
                _("prometheus_client is not installed: pip install 'trustbackup[metrics]'."), 501
            )
        catalog.synchronise_if_changed(Context.current().folder)
        data, kind = render(site_figures(datetime.now(UTC)), request.headers.get("Accept", ""))
        return HttpResponse(data, content_type=kind)

    def unknown(self, sentence: str) -> HttpResponse:
        return self._text(sentence, 503)

    def _text(self, sentence: str, status: int) -> HttpResponse:
        return HttpResponse(
            f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8"
        )


def may_know(request: HttpRequest) -> bool:
    """Whether the request has the site's token, or comes from somebody with the right."""
    try:
        token = get_settings().monitoring_token
    except TrustbackupError:
        token = ""
    sent = request.headers.get("Authorization", "")
    if sent.startswith(_BEARER):
        return bool(token) and constant_time_compare(sent.removeprefix(_BEARER).strip(), token)
    try:
        return hasattr(request, "user") and has_right(request, VIEW)
    except DatabaseError:
        return False


def as_json(figures: SiteFigures) -> dict[str, Any]:
    """The details, as plain values; moments are ISO 8601 in UTC."""

    def moment(at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(UTC).isoformat()

    return {
        "sentence": translate(figures.health.sentence),
        "version": trustbackup.__version__,
        "overdue": [
            {
                "kind": item.kind,
                "subject": item.subject,
                "since": moment(item.since),
                "sentence": translate(item.sentence),
            }
            for item in figures.watch.overdue
        ],
        "plans": [
            {
                "name": plan.name,
                "enabled": plan.enabled,
                "late": plan.late,
                "next_due": moment(plan.next_due),
                "newest": moment(plan.newest),
                "proven": moment(plan.proven),
            }
            for plan in figures.plans
        ],
        "destinations": [
            {
                "name": item.name,
                "failing": item.failing,
                "newest_copy": moment(item.newest_copy),
                "copies": dict(item.copies),
            }
            for item in figures.destinations
        ],
        "backups": dict(figures.backups),
        "bytes": figures.bytes,
        "free_bytes": figures.free_bytes,
        "full_in_seconds": figures.full_in.total_seconds() if figures.full_in else None,
        "sheet_printed": moment(figures.sheet_printed),
    }
