"""A site with all that its settings' rows can be, and what they are at an instant."""

from __future__ import annotations

from typing import Any

from tests.support.backups import more_settings
from tests.support.sites import Site

APPS = (
    'INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.sites", "django.contrib.flatpages"]\n'
    "SITE_ID = 1\n"
)
_FILL = """
from django.contrib.auth.models import Group, Permission, User
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from trustbackup.models import Destination, Plan
packers = Group.objects.create(name="packers")
packers.permissions.set(Permission.objects.filter(codename__endswith="_product"))
User.objects.create_user("olga").groups.add(packers)
Site.objects.filter(pk=1).update(domain="shop.example", name="Shop")
page = FlatPage.objects.create(url="/about/", title="About", content="ü")
page.sites.set(Site.objects.all())
Plan.objects.create(name="hourly", kind="database", schedule="0 * * * *")
Destination.objects.create(name="offsite", kind="sftp", options={"host": "h", "user": "u"},
    secrets="sealed-secret", automatic=False, used_bytes=7)
"""
CHANGE = """
from django.contrib.auth.models import Group, Permission, User
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from trustbackup.models import Destination, Plan
Group.objects.get(name="packers").permissions.clear()
later = Group.objects.create(name="later")
User.objects.get(username="olga").groups.add(later)
# The name that site 1 had is another's now.
Site.objects.filter(pk=1).update(domain="other.example")
Site.objects.create(domain="shop.example", name="New")
FlatPage.objects.all().delete()
Plan.objects.filter(name="hourly").update(schedule="5 * * * *")
Destination.objects.filter(name="offsite").update(options={"host": "x"}, secrets="newer")
"""
_LOOK = """
import json
from django.contrib.auth.models import Group, User
from django.contrib.flatpages.models import FlatPage
from django.contrib.sites.models import Site
from trustbackup.models import Destination, Plan
print(json.dumps({
    "groups": {group.name: sorted(group.permissions.values_list("codename", flat=True))
               for group in Group.objects.all()},
    "olga": sorted(User.objects.get(username="olga").groups.values_list("name", flat=True)),
    "sites": sorted(Site.objects.values_list("pk", "domain")),
    "pages": {page.url: [page.content, sorted(page.sites.values_list("pk", flat=True))]
              for page in FlatPage.objects.all()},
    "plans": {plan.name: plan.schedule for plan in Plan.objects.all()},
    "scheduled": {plan.name: str(plan.scheduled_at) for plan in Plan.objects.all()},
    "destinations": {row.name: [row.options, row.secrets, row.used_bytes]
                     for row in Destination.objects.all()},
}))
"""


def shell(site: Site, code: str) -> str:
    """What the code prints in a process of the site."""
    return site.manage("shell", "--no-imports", "--verbosity", "0", "-c", code).stdout


def configure(site: Site) -> None:
    more_settings(site, APPS)
    site.manage("migrate", "--verbosity", "0")
    shell(site, _FILL)


def look(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.manage(
        "shell", "--no-imports", "--verbosity", "0", "-c", _LOOK
    ).json
    return found
