"""How a site is called, and where its pages are, for those who read of it elsewhere."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from trustbackup.conf import get_settings


def site_name() -> str:
    """The host of ``SITE_URL``, else the first of ALLOWED_HOSTS, else this machine's name."""
    named = urlsplit(get_settings().site_url).hostname
    if named:
        return named
    for host in settings.ALLOWED_HOSTS:
        name: str = host.strip(".")
        if name and "*" not in name:
            return name
    return socket.gethostname()


def page_address(run: str = "") -> str:
    """Where the page is, or a run's; "" when ``SITE_URL`` does not say where the site is."""
    base = get_settings().site_url.rstrip("/")
    if not base:
        return ""
    try:
        path = reverse("trustbackup:run", args=[run]) if run else reverse("trustbackup:manage")
    except NoReverseMatch:
        return ""
    return base + path
