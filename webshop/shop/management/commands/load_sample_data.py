from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from webshop.shop.models import Category, Customer, Product
from webshop.shop.sample.load import load


class Command(BaseCommand):
    help = "Fills an empty shop with sample data, the same for the same seed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customers", type=int, default=600, help="default: %(default)s")
        parser.add_argument("--orders", type=int, default=1350, help="default: %(default)s")
        parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")

    def handle(self, *, customers: int, orders: int, seed: int, **options: object) -> None:
        for option, number in {"--customers": customers, "--orders": orders}.items():
            if number < 0:
                raise CommandError(f"{option} is {number}: give 0 or more.")
        if orders and not customers:
            raise CommandError("--customers is 0, but orders need customers: give 1 or more.")
        try:
            if any(model.objects.exists() for model in (Customer, Category, Product)):
                self.stdout.write(
                    "The shop holds data already: nothing was changed."
                    " Sample data goes into an empty shop only."
                )
                return
            records = load(customers=customers, orders=orders, seed=seed, report=self.stdout.write)
        except DatabaseError as error:
            raise CommandError(
                f"The sample data was not loaded: the database says {str(error).strip()!r}."
                " If tables are missing, run migrate first."
            ) from error
        except OSError as error:
            raise CommandError(
                f"The sample data was not loaded: a picture could not be saved ({error})."
                " Check the folder that MEDIA_ROOT names."
            ) from error
        self.stdout.write(f"{records:,} records were loaded into the shop.")
