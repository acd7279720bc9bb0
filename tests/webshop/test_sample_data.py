from __future__ import annotations

import io
import tracemalloc
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.color import no_style
from django.core.serializers import serialize
from django.db import connection
from django.db.models import F, Sum
from PIL import Image
from pytest_django import Settings

from webshop.shop.models import Cart, CartItem, Category, Customer, Order, OrderItem, Product
from webshop.shop.sample import load as loading

MODELS = [Category, Product, Customer, Cart, CartItem, Order, OrderItem]

pytestmark = pytest.mark.django_db


def load(**options: Any) -> str:
    output = io.StringIO()
    call_command("load_sample_data", stdout=output, **options)
    return output.getvalue()


def content() -> str:
    """Every row but for the passwords, with keys as if the tables were new."""
    rows: list[Any] = []
    for model in MODELS:
        first = model._base_manager.order_by("pk").values_list("pk", flat=True).first() or 0
        text = serialize("python", model._base_manager.order_by("pk"))
        rows += [
            {name: value for name, value in row["fields"].items() if name != "password"}
            | {"pk": row["pk"] - first}
            for row in text
        ]
    return repr(rows)


def pictures(media: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(media.rglob("*.webp"))}


def empty() -> None:
    for model in reversed(MODELS):
        model._base_manager.all().delete()
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_by_name_sql(
            no_style(),
            [{"table": model._meta.db_table, "column": model._meta.pk.name} for model in MODELS],
        ):
            cursor.execute(sql)


def test_by_default_about_5600_records_are_in_all_seven_tables() -> None:
    output = load()
    counts = [model._base_manager.count() for model in MODELS]
    assert all(counts)
    assert 5_500 <= sum(counts) <= 5_700
    assert f"{sum(counts):,} records were loaded" in output


def test_the_same_seed_gives_the_same_shop(media: Path) -> None:
    empty()
    load(customers=30, orders=90, seed=7)
    first = content(), pictures(media)
    empty()
    load(customers=30, orders=90, seed=7)
    assert (content(), pictures(media)) == first


def test_another_seed_gives_another_shop(media: Path) -> None:
    load(customers=30, orders=90, seed=7)
    first, drawn = content(), pictures(media)
    empty()
    load(customers=30, orders=90, seed=8)
    assert content() != first
    assert pictures(media) != drawn


def test_more_orders_change_no_customer() -> None:
    load(customers=30, orders=10)
    people = list(Customer.objects.values_list("email", "strasse", "cart__last_updated"))
    empty()
    load(customers=30, orders=90)
    assert list(Customer.objects.values_list("email", "strasse", "cart__last_updated")) == people
    assert Order.objects.count() == 90


def test_numbers_are_as_asked_for() -> None:
    load(customers=17, orders=23)
    assert Customer.objects.count() == 17
    assert Order.objects.count() == 23


def test_no_customers_and_no_orders_are_a_shop_with_products() -> None:
    load(customers=0, orders=0)
    assert Product.objects.count() == 48
    assert not Customer.objects.exists()


def test_a_total_is_the_sum_of_its_items(sample: None) -> None:
    orders = Order.objects.annotate(
        items_sum=Sum(F("items__quantity") * F("items__price_per_unit"))
    )
    assert len(orders) == 120
    for order in orders:
        assert Decimal(order.items_sum).quantize(Decimal("0.01")) == order.total_amount
    assert set(Order.Status.values) >= set(Counter(o.status for o in orders))


def test_passwords_are_hashed_and_nobody_is_real(sample: None) -> None:
    for customer in Customer.objects.all():
        assert customer.password.count("$") >= 2
        assert customer.email.endswith(("@example.org", "@example.com"))
        assert customer.email.isascii()


def test_every_product_has_a_picture_in_the_uploads(sample: None, media: Path) -> None:
    for product in Product.objects.all():
        path = media / product.picture.name
        assert path.is_file()
        with Image.open(path) as picture:
            assert picture.format == "WEBP"
            assert picture.size == (640, 480)
    assert len(pictures(media)) == 48


def test_pictures_of_an_earlier_shop_are_used_again(media: Path) -> None:
    load(customers=0, orders=0)
    empty()
    load(customers=0, orders=0)
    assert len(pictures(media)) == 48


def test_a_file_that_is_in_the_way_is_not_overwritten(media: Path) -> None:
    theirs = media / "products" / "mint.webp"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"another picture")
    load(customers=0, orders=0)
    assert theirs.read_bytes() == b"another picture"
    assert Product.objects.get(name="Mint").picture.name != "products/mint.webp"


def test_a_shop_with_data_is_left_alone(sample: None, media: Path) -> None:
    before = content(), pictures(media)
    output = load(customers=5, orders=5, seed=9)
    assert "holds data already: nothing was changed" in output
    assert (content(), pictures(media)) == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"customers": -1}, "--customers is -1: give 0 or more."),
        ({"orders": -5}, "--orders is -5: give 0 or more."),
        ({"customers": 0}, "--customers is 0, but orders need customers: give 1 or more."),
    ],
)
def test_a_senseless_number_is_refused(options: dict[str, int], sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        load(**options)
    assert str(caught.value) == sentence
    assert not Category.objects.exists()


def test_a_word_for_a_number_is_refused() -> None:
    with pytest.raises(CommandError, match="invalid int value"):
        call_command("load_sample_data", "--orders", "many")


def test_a_load_that_fails_leaves_nothing(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(loading, "_orders", fail)
    with pytest.raises(CommandError, match="No space left on device"):
        load(customers=5, orders=5)
    assert not any(model._base_manager.exists() for model in MODELS)
    assert pictures(media) == {}


def test_missing_tables_are_one_sentence() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE shop_customer RENAME TO elsewhere")
    with pytest.raises(CommandError, match="If tables are missing, run migrate first"):
        load()


def test_memory_does_not_grow_with_the_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BATCH", 200)
    load(customers=0, orders=0)
    peaks = []
    for orders in (400, 2_000):
        empty()
        tracemalloc.start()
        load(customers=50, orders=orders)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5, peaks


def test_debugging_does_not_keep_the_text_of_every_insert(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    monkeypatch.setattr(loading, "BATCH", 100)
    load(customers=10, orders=1_000)
    assert len(connection.queries_log) < 5
