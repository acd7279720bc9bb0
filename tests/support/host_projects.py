"""The projects that newcomers have: made as each framework's own first page says."""

from __future__ import annotations

from tests.support.newcomers import Host, Newcomer

LOGIN_PAGE = """<!doctype html><title>Sign in</title>
<form method="post">{% csrf_token %}{{ form.as_p }}<button>Log in</button></form>
"""
WITHOUT_ADMIN = """
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "django.contrib.admin"]
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
LOGIN_URL = "login"
"""
ACCOUNTS = """from django.urls import include, path

urlpatterns = [path("members/", include("django.contrib.auth.urls"))]
"""
# https://django-oscar.readthedocs.io/en/latest/internals/getting_started.html
OSCAR = """
from oscar.defaults import *
INSTALLED_APPS += [
    "django.contrib.sites", "django.contrib.flatpages", "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig", "oscar.apps.checkout.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig", "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig", "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig", "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig", "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig", "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig", "oscar.apps.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks", "haystack", "treebeard", "sorl.thumbnail", "django_tables2",
]
SITE_ID = 1
MIDDLEWARE += [
    "oscar.apps.basket.middleware.BasketMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
]
TEMPLATES[0]["OPTIONS"]["context_processors"] += [
    "oscar.apps.search.context_processors.search_form",
    "oscar.apps.checkout.context_processors.checkout",
    "oscar.apps.communication.notifications.context_processors.notifications",
    "oscar.core.context_processors.metadata",
]
AUTHENTICATION_BACKENDS = (
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
)
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
"""
OSCAR_URLS = """
from django.apps import apps
from django.urls import include, path

urlpatterns += [
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include(apps.get_app_config("oscar").urls[0])),
]
"""


def _start_project(newcomer: Newcomer) -> None:
    newcomer.run("django-admin", "startproject", "mysite", ".")


def _without_admin(newcomer: Newcomer) -> None:
    _start_project(newcomer)
    newcomer.append("mysite/settings.py", WITHOUT_ADMIN)
    (newcomer.folder / "mysite/urls.py").write_text(ACCOUNTS)
    page = newcomer.folder / "templates/registration/login.html"
    page.parent.mkdir(parents=True)
    page.write_text(LOGIN_PAGE)


def _oscar(newcomer: Newcomer) -> None:
    _start_project(newcomer)
    newcomer.append("mysite/settings.py", OSCAR)
    newcomer.append("mysite/urls.py", OSCAR_URLS)


def _wagtail(newcomer: Newcomer) -> None:
    newcomer.run("wagtail", "start", "mysite", ".")


HOSTS = (
    Host(name="django-5.2", packages=("Django==5.2.19",), make=_start_project),
    Host(name="django-6.1", packages=("Django==6.1.3",), make=_start_project, python=(3, 12)),
    Host(name="without-admin", packages=("Django==5.2.19",), make=_without_admin),
    Host(
        name="wagtail",
        packages=("wagtail==8.0.1", "Django==5.2.19"),
        make=_wagtail,
        settings="mysite/settings/base.py",
    ),
    Host(
        name="oscar",
        packages=("django-oscar[sorl-thumbnail]==4.2.1", "Django==5.2.19"),
        make=_oscar,
        sign_in_as="operator@example.com",
    ),
)
