"""Tokens for programs: those that there are, making one, revoking one; and how they are used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, View

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AccessToken
from trustbackup.operations.access_tokens import make_token, revoke_token
from trustbackup.views import notices
from trustbackup.views.base import Page, actor_of, has_right, takes_secrets
from trustbackup.views.labels import translate
from trustbackup.views.responses import audit
from trustbackup.views.tokens.form import TokenForm
from trustbackup.views.tokens.snippets import curl_line, github_actions, gitlab_ci

SEE_ALL, REVOKE_ALL = "trustbackup.view_accesstoken", "trustbackup.delete_accesstoken"
"""Each account sees and revokes its own; those with these rights, everybody's."""


def tokens_for(request: HttpRequest, right: str) -> QuerySet[AccessToken]:
    """Whose tokens this visitor may see or revoke."""
    if has_right(request, right):
        return AccessToken.objects.all()
    return AccessToken.objects.filter(account=actor_of(request), account_key=str(request.user.pk))


class TokensView(Page, TemplateView):
    """All that this visitor may see, and "Automate this"."""

    template_name = "settings/backups/tokens.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        now = datetime.now(UTC)
        tokens = list(tokens_for(self.request, SEE_ALL))
        mine = set(tokens_for(self.request, REVOKE_ALL).values_list("pk", flat=True))
        for token in tokens:
            token.over = token.is_over(now)  # type: ignore[attr-defined]
            token.revocable = token.pk in mine and not token.over  # type: ignore[attr-defined]
        return super().get_context_data(
            **kwargs,
            tokens=tokens,
            any_revocable=any(token.revocable for token in tokens),  # type: ignore[attr-defined]
            title=_("Automation"),
            **_ready_made(self.request),
        )


def _ready_made(request: HttpRequest) -> dict[str, Any]:
    """The lines to copy, with this site's own address in them."""
    address = request.build_absolute_uri(reverse("trustbackup:api:backups"))
    return {
        "snippets": [
            ("curl", "curl", curl_line(address)),
            ("github", "GitHub Actions", github_actions(address)),
            ("gitlab", "GitLab CI", gitlab_ci(address)),
        ]
    }


@method_decorator(never_cache, name="dispatch")
@takes_secrets
class TokenMakeView(Page, View):
    """The form of a new one, and the one time that it is shown."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(TokenForm(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = TokenForm(request, request.POST)
        if not form.is_valid():
            return self._form(form, 422)
        asked = form.cleaned_data
        try:
            token, row = make_token(
                asked["name"],
                actor_of(request),
                asked["scopes"],
                networks=asked["networks"].split(),
                expires=form.expires,
            )
        except TrustbackupError as error:
            form.add_error(None, translate(error))
            return self._form(form, 422)
        audit(request, "make token", row.name)
        title = _("Token %(name)s") % {"name": row.name}
        # No redirect: the token would have to be kept somewhere until then.
        context = self.get_context_data(token=token, row=row, title=title)
        context.update(_ready_made(request))
        return render(request, "settings/backups/token_made.html", context)

    def _form(self, form: TokenForm, status: int = 200) -> HttpResponse:
        context = self.get_context_data(form=form, title=_("New token"))
        context["following"] = reverse("trustbackup:add_token")
        return render(self.request, "settings/backups/token_form.html", context, status=status)


class TokenRevokeView(Page, View):
    """End one for good, after a page that asks."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        row = tokens_for(request, REVOKE_ALL).filter(name=name).first()
        if row is None:
            raise Http404(_("There is no such token."))
        if "confirmed" not in request.POST:
            title = _("Revoke token %(name)s?") % {"name": name}
            context = self.get_context_data(row=row, title=title)
            return render(request, "settings/backups/revoke_token.html", context)
        if row.revoked is None:
            revoke_token(name)
            audit(request, "revoke token", name)
        notices.success(request, _("Token %(name)s is worth nothing any more.") % {"name": name})
        return redirect("trustbackup:tokens")
