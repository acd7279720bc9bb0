"""Cases H: sites whose sign-in is watched, or takes a second factor."""

from __future__ import annotations

import pytest

from tests.support.backups import make, more_settings
from tests.support.sites import Site

pytestmark = pytest.mark.field

GUARDED = """
INSTALLED_APPS += ["axes", "django_otp", "django_otp.plugins.otp_static"]
at = MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1
MIDDLEWARE.insert(at, "django_otp.middleware.OTPMiddleware")
MIDDLEWARE.append("axes.middleware.AxesMiddleware")
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 2
TEMPLATES = [{**TEMPLATES[0], "DIRS": []}]
ROOT_URLCONF = "guarded_urls"
LOGIN_URL = "/accounts/login/"
"""
URLS = """
from django.contrib import admin
from django.urls import include, path
from django_otp.admin import OTPAdminSite
admin.site.__class__ = OTPAdminSite
urlpatterns = [
    path("office/", admin.site.urls),
    path("settings/backups/", include("trustbackup.urls")),
]
"""
WALK = """
import json
from django.contrib.auth.models import User
from django.test import Client
from django_otp.plugins.otp_static.models import StaticDevice
from trustbackup.runs import queue
from trustbackup.views.confirmation import names_to_type
queue.enqueue = lambda *_arguments: None  # what is started is not carried out
PAGES, PASSWORD = "/settings/backups/", "a password of the tests"
user = User.objects.create_superuser("operator", password=PASSWORD)
device = StaticDevice.objects.create(user=user)
device.token_set.create(token="123456")
client = Client(SERVER_NAME="localhost")
found = {}
sent = client.get(PAGES)
found["sent to"] = sent.headers["Location"].partition("?")[0]
login = {"username": "operator", "password": PASSWORD, "next": PAGES}
found["without a token"] = client.post(sent.headers["Location"], login).status_code
login |= {"otp_device": device.persistent_id, "otp_token": "123456"}
signed_in = client.post(sent.headers["Location"], login)
found["then"] = signed_in.headers.get("Location", "")
found["list"] = client.get(PAGES).status_code
restore = PAGES + "backup/ID/restore/"
typed = names_to_type(["default"])
wrong = {"typed": typed, "password": "wrong"}
found["wrong"] = [client.post(restore, wrong).status_code for _try in range(3)]
found["right"] = client.post(restore, {"typed": typed, "password": PASSWORD}).status_code
print(json.dumps(found))
"""


def test_case_h3_a_watched_sign_in_with_a_second_factor_leads_to_the_pages(
    sqlite_site: Site,
) -> None:
    (sqlite_site.home / "guarded_urls.py").write_text(URLS)
    more_settings(sqlite_site, GUARDED)
    sqlite_site.manage("migrate", "--verbosity", "0")
    made = make(sqlite_site)
    code = WALK.replace("ID", made["id"])
    found = sqlite_site.manage("shell", "--verbosity", "0", "-c", code).json
    assert found == {
        "sent to": "/office/login/",
        "without a token": 200,
        "then": "/settings/backups/",
        "list": 200,
        "wrong": [422, 422, 422],
        "right": 302,
    }
