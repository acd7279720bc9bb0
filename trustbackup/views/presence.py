"""How a person shows, before a database is replaced, that the session is still in their hands.

By the password; an account that has none here (single sign-on) by a fresh sign-in. A site may want
that of all, or something of its own: ``TRUSTBACKUP["CONFIRM_RESTORE_BY"]``.
"""

from __future__ import annotations

import time

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup import phrases
from trustbackup.conf import BY_PASSWORD, BY_SIGN_IN, get_settings
from trustbackup.exceptions import ConfigurationError
from trustbackup.signals import SIGNED_IN
from trustbackup.views.base import Page
from trustbackup.views.shell import sign_in_url

FRESH = 600
"""Seconds for which a sign-in is fresh."""


def asks_password(request: HttpRequest) -> bool:
    """Raises ConfigurationError."""
    has_one = bool(getattr(request.user, "has_usable_password", bool)())
    return get_settings().confirm_restore_by == BY_PASSWORD and has_one


def asks_sign_in(request: HttpRequest) -> bool:
    """Whether this person must sign in anew before the form can be sent."""
    way = get_settings().confirm_restore_by
    if way not in (BY_PASSWORD, BY_SIGN_IN) or asks_password(request):
        return False
    return not 0 <= time.time() - request.session.get(SIGNED_IN, 0) <= FRESH


def problem(request: HttpRequest) -> str:
    """What is missing, besides a password, for this person to be believed; "" for nothing."""
    if asks_sign_in(request):
        return _("Sign in again first: your last sign-in was too long ago.")
    way = get_settings().confirm_restore_by
    if way in (BY_PASSWORD, BY_SIGN_IN):
        return ""
    try:
        ask = import_string(way)
    except ImportError as error:
        raise ConfigurationError(
            phrases.gettext("TRUSTBACKUP['CONFIRM_RESTORE_BY'] is %(value)s", value=repr(way)),
            why=str(error),
            todo=phrases.gettext("Give 'password', 'sign-in', or the dotted path of a function."),
        ) from error
    return str(ask(request) or "")


class SignInAgainView(Page, View):
    """End this session, and come back to a page of ours after the next sign-in."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        following = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(following, allowed_hosts=None):
            following = reverse("trustbackup:manage")
        where = sign_in_url(request)
        logout(request)
        if not where:
            return redirect(following)
        joint = "&" if "?" in where else "?"
        return redirect(f"{where}{joint}{urlencode({'next': following})}")
