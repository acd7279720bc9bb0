"""An app of a site's own with every kind of field and relation, and one that names its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.backups import more_settings
from tests.support.sites import Site

_MODELS = """
from __future__ import annotations
import uuid
from django.contrib.auth.models import Group
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Tag(models.Model):
    slug = models.SlugField(unique=True)


class Shown(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(hidden=False)


class Picture(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.TextField()
    hidden = models.BooleanField(default=False)
    taken = models.DateTimeField(null=True)
    at = models.TimeField(null=True)
    took = models.DurationField(null=True)
    price = models.DecimalField(max_digits=9, decimal_places=3, null=True)
    share = models.FloatField(null=True)
    thumb = models.BinaryField(null=True)
    meta = models.JSONField(null=True)
    changed = models.DateTimeField(auto_now=True)
    tags = models.ManyToManyField(Tag)
    like = models.ForeignKey("self", models.SET_NULL, null=True)
    about = models.ForeignKey(ContentType, models.CASCADE, null=True)
    about_number = models.PositiveIntegerField(null=True)
    subject = GenericForeignKey("about", "about_number")
    group = models.ForeignKey(Group, models.SET_NULL, null=True)
    objects = Shown()

    def save(self, *args, **kwargs):
        raise AssertionError("a restore calls no method of the site's own")


class Print(Picture):
    width = models.PositiveIntegerField()


class Circle(models.Model):
    name = models.CharField(max_length=9, unique=True)
    first = models.ForeignKey("Member", models.PROTECT, null=True, related_name="+")


class Member(models.Model):
    circle = models.ForeignKey(Circle, models.PROTECT)
"""
_SIGNALS = """
from __future__ import annotations
import os
from django.apps import AppConfig
from django.db.models.signals import post_save


def told(sender, raw, created, using, **kwargs):
    path = os.environ.get("TOLD")
    if path and sender._meta.app_label == "gallery":
        with open(path, "a") as file:
            file.write(f"{sender.__name__} {raw} {created} {using}\\n")


class GalleryConfig(AppConfig):
    name = "gallery"

    def ready(self):
        post_save.connect(told)
"""
_VISITS = """
from __future__ import annotations
from django.db import models


class Visit(models.Model):
    tag = models.ForeignKey("gallery.Tag", models.CASCADE)


class Favourite(models.Model):
    visit = models.ForeignKey(Visit, models.CASCADE)
    tag = models.ForeignKey("gallery.Tag", models.SET_NULL, null=True)


class Award(models.Model):
    tag = models.ForeignKey("gallery.Tag", models.PROTECT)
"""
FILL = """
import datetime, uuid
from decimal import Decimal
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import models
from gallery.models import *
def put(model, **values):
    row = model(**values)
    models.Model.save_base(row, raw=True)
    return row
utc = datetime.timezone.utc
tags = [put(Tag, slug=f"tag-{number}") for number in range(3)]
group = Group.objects.create(name="buyers")
pictures = []
for number in range(4):
    pictures.append(put(
        Picture, id=uuid.UUID(int=number), title=" a\\u2028ä\\r\\n<b> \\t&", hidden=number == 3,
        taken=datetime.datetime(2026, 1, 2, 3, 4, 5, 123456, utc),
        at=datetime.time(1, 2, 3, 456789),
        took=datetime.timedelta(days=1, microseconds=7), price=Decimal("1.250"), share=0.1 + 0.2,
        thumb=bytes(range(256)), meta={"a": [1, None, "\\u2028"]}, group=group,
        changed=datetime.datetime(2020, 1, 1, 0, 0, 0, 1, utc),
        about=ContentType.objects.get_for_model(User), about_number=number))
    pictures[-1].tags.set(tags[:number])
for one, other in zip(pictures, pictures[1:] + pictures[:1]):
    Picture._base_manager.filter(pk=one.pk).update(like=other)
put(Print, picture_ptr_id=pictures[0].pk, width=5)
circle = put(Circle, name="a")
member = put(Member, circle=circle)
Circle.objects.update(first=member)
"""

_ROUNDS = """
import io, json, os
from django.core.management import call_command
from django.db import connection
def query(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None
def rows():
    names = ("picture", "print", "tag", "circle", "member")
    found = {name: query(f"SELECT * FROM gallery_{name}") for name in names}
    found["links"] = query("SELECT picture_id, tag_id FROM gallery_picture_tags")
    return {name: sorted(str([bytes(value) if isinstance(value, memoryview) else value
            for value in row]) for row in each) for name, each in found.items()}
def said(*arguments):
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out)
    return json.loads(out.getvalue())
then, rounds = rows(), []
for options in OPTIONS:
    made = said("create_backup", "--type", "app", "--app", "gallery", *options)
    planned = said("restore_backup", made["id"], "--mode", "replace", "--dry-run")
    with connection.constraint_checks_disabled():
        query("UPDATE gallery_circle SET first_id = NULL")
        for name in ("print", "picture_tags", "picture", "member"):
            query(f"DELETE FROM gallery_{name}")
        query("INSERT INTO gallery_tag (slug) VALUES ('other')")
    os.environ["TOLD"] = told = f"told-{made['id']}"
    done = said("restore_backup", made["id"], "--mode", "replace", "--force")
    now = rows()
    rounds.append({
        "planned": planned["models"], "done": done["models"],
        "told": open(told).read().splitlines(),
        "changed": [[name, then[name], now[name]] for name in then if then[name] != now[name]]})
print(json.dumps(rounds))
"""


def go_round(site: Site, options: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Back the gallery up with each of these options, lose rows and add some, restore it.

    What each plan said that was made while nothing had changed, what was done, what signals were
    told, and what is not as it was.
    """
    script = _ROUNDS.replace("OPTIONS", repr([list(each) for each in options]))
    found: list[dict[str, Any]] = site.manage("shell", "--no-imports", "-c", script).json
    return found


def add_gallery(site: Site) -> None:
    """Install and migrate both apps, and fill the first."""
    for name, text in (("gallery", _MODELS), ("visits", _VISITS)):
        folder = site.home / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "models.py").write_text(text)
    (site.home / "gallery" / "apps.py").write_text(_SIGNALS)
    apps = 'INSTALLED_APPS = [*INSTALLED_APPS, "gallery", "visits"]'
    more_settings(site, f'{apps}\nDEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"')
    site.manage("migrate", "--run-syncdb", "--verbosity", "0")
    site.manage("shell", "--no-imports", "-c", FILL)
