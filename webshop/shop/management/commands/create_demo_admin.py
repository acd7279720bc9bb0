from __future__ import annotations

import os
import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

NAME = "admin"


class Command(BaseCommand):
    help = (
        "Creates the demo's superuser, or gives the one that is there a new password, and prints"
        " it. The password is random unless DEMO_ADMIN_PASSWORD holds one."
    )

    def handle(self, **options: object) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "No demo admin was created: DEBUG is off, and a printed password is for demos"
                " only. Use createsuperuser."
            )
        password = os.environ.get("DEMO_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
        try:
            user, _ = User.objects.get_or_create(
                username=NAME, defaults={"email": "admin@example.org"}
            )
            user.is_staff = user.is_superuser = user.is_active = True
            user.set_password(password)
            user.save()
        except DatabaseError as error:
            raise CommandError(
                f"No demo admin was created: the database says {str(error).strip()!r}."
                " If tables are missing, run migrate first."
            ) from error
        self.stdout.write(f"Admin: name {NAME}, password {password}")
