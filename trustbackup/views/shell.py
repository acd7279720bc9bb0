"""What stands around the pages: the site's admin where it has one, else a plain page of ours.

A site's own ``settings/backups/base.html`` goes before both.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import global_settings, settings
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.urls.resolvers import ResolverMatch

ADMIN = "admin/base_site.html"
PLAIN = "settings/backups/plain.html"


def find_admin_site() -> Any | None:  # noqa: ANN401 - an AdminSite, whose module may not be loaded
    """The AdminSite that has an address; the project's own need not be ``admin.site``."""
    if not apps.is_installed("django.contrib.admin"):
        return None
    try:
        match = _match(reverse("admin:index"))
    except NoReverseMatch:
        return None
    return getattr(match.func, "admin_site", None) if match else None


def shell_context(request: HttpRequest) -> dict[str, Any]:
    """What the base template wants to know."""
    site = find_admin_site()
    if site is None:
        return {"shell": PLAIN}
    return {"shell": ADMIN, **site.each_context(request), "admin_index": reverse("admin:index")}


def sign_in_url(request: HttpRequest) -> str:
    """LOGIN_URL; where that leads nowhere, the admin's; "" where nobody can sign in."""
    try:
        wanted = resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        wanted = ""
    if wanted and (not wanted.startswith("/") or wanted.startswith("//")):
        return wanted  # another site's
    path = wanted.partition("?")[0].partition("#")[0]
    urlconf = getattr(request, "urlconf", None)
    match = path and (_match(path, urlconf) or _match(f"{path}/", urlconf))
    if match and not _is_for_anything(match):
        return wanted
    try:
        return reverse("admin:login")
    except NoReverseMatch:
        return wanted if match else ""


def _is_for_anything(match: ResolverMatch) -> bool:
    """Whether Django's default is only met by a pattern that takes every address.

    Sites whose pages lie in the database have one: what nobody has set leads to their 404.
    """
    return settings.LOGIN_URL == global_settings.LOGIN_URL and "login" not in (match.route or "")


def _match(path: str, urlconf: str | None = None) -> ResolverMatch | None:
    """What an address of this site leads to; ``reverse`` puts a prefix before it, if any."""
    try:
        return resolve("/" + path.removeprefix(get_script_prefix()).lstrip("/"), urlconf)
    except Resolver404:
        return None
