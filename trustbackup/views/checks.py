"""System checks of what the pages need of the site, where it has them."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from trustbackup.exceptions import ConfigurationError
from trustbackup.runs import tasks
from trustbackup.views.shell import find_admin_site, sign_in_url

NEEDED = {
    "django.contrib.sessions.middleware.SessionMiddleware": ("trustbackup.W002", "sessions"),
    "django.contrib.auth.middleware.AuthenticationMiddleware": ("trustbackup.W003", "users"),
}


def check_pages() -> Iterable[CheckMessage]:
    """W002, W003: no sessions, no users; E006: no template; W004: no way to sign in; E007: nobody
    who carries the runs."""
    try:
        reverse("trustbackup:manage")
    except (NoReverseMatch, ImproperlyConfigured, AttributeError):
        return  # the site has no such page, or no pages at all
    yield from _check_middleware()
    try:
        get_template("settings/backups/base.html")
        if find_admin_site() is not None:
            get_template("admin/base_site.html")
    except (TemplateDoesNotExist, TemplateSyntaxError, ImproperlyConfigured) as error:
        yield Error(
            f"The backups' pages can't be shown: the template {error} is missing or wrong.",
            hint="Let a DjangoTemplates backend have APP_DIRS, or the loader of app directories.",
            id="trustbackup.E006",
        )
    yield from _check_tasks()
    if not sign_in_url(HttpRequest()):
        yield Warning(
            f"Nobody can sign in to the backups' pages: LOGIN_URL ({settings.LOGIN_URL!r}) leads"
            " nowhere, and there is no admin.",
            hint="Set LOGIN_URL to the page where this site's operators sign in.",
            id="trustbackup.W004",
        )


def _check_middleware() -> Iterable[CheckMessage]:
    installed = list(_middleware())
    for path, (number, what) in NEEDED.items():
        wanted = import_string(path)
        if not any(isinstance(item, type) and issubclass(item, wanted) for item in installed):
            yield Warning(
                f"The backups' pages need {what}, and MIDDLEWARE has no {wanted.__name__}.",
                hint=f"Add {path!r}, or one of your own that sets the same on the request.",
                id=number,
            )


def _check_tasks() -> Iterable[CheckMessage]:
    try:
        if tasks.is_configured():
            tasks.load_task()
    except ConfigurationError as error:
        yield Error(f"{error.what}: {error.why}", hint=error.todo, id="trustbackup.E007")


def _middleware() -> Iterable[object]:
    for path in settings.MIDDLEWARE:
        try:
            yield import_string(path)
        except ImportError:
            continue  # Django says so itself, when it starts
