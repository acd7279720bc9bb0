"""Swagger UI, from this host and for who is signed in."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.api import robot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


def test_swagger_ui_comes_from_this_host_for_who_is_signed_in() -> None:
    addresses = [
        reverse("trustbackup:api:docs"),
        reverse("trustbackup:api:docs_file", args=["swagger-ui-bundle.js"]),
        reverse("trustbackup:api:docs_file", args=["swagger-ui.css"]),
    ]
    client = Client()
    for address in addresses:
        assert client.get(address).status_code == 302, "a stranger signs in first"
    client.force_login(robot(name="nobody"))
    for address in addresses:
        assert client.get(address).status_code == 403
    client.force_login(robot("view"))
    page, code, looks = (client.get(address) for address in addresses)
    html = page.content.decode()
    assert addresses[1] in html
    assert addresses[2] in html
    assert "http://" not in html.replace("http://testserver", "")
    assert "https://" not in html
    assert "<script>" not in html
    assert (code["Content-Type"], looks["Content-Type"]) == (
        "text/javascript; charset=utf-8",
        "text/css; charset=utf-8",
    )
    assert b"SwaggerUIBundle" in code.content
    for name in ("oauth2-redirect.html", "..%2FLICENSE", "swagger-ui-bundle.js.map"):
        assert client.get(f"{addresses[0]}{name}").status_code == 404
