"""Fills an empty shop, in batches, so that memory does not grow with the number of orders.

Every table draws from a source of chance of its own: asking for more orders changes
no customer.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from random import Random
from typing import TypeVar

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import reset_queries, transaction
from django.utils.text import slugify

from webshop.shop.models import Cart, CartItem, Category, Customer, Order, OrderItem, Product
from webshop.shop.sample import pictures, words

Row = TypeVar("Row")

BATCH = 2_000
REPORT_EVERY = 100_000

# Dates count from a fixed day, because the same seed must give the same shop next year too.
LAST_DAY = datetime(2026, 6, 30, 20, 0, tzinfo=UTC)
DAYS = 730
RECENT_DAYS = 14

ITEMS_AN_ORDER = (1, 2, 3, 4)
ITEMS_WEIGHTS = (40, 32, 18, 10)
CARTS_SHARE = 0.5

OLD_STATUSES = (Order.Status.COMPLETED,) * 11 + (Order.Status.CANCELLED,)
RECENT_STATUSES = (Order.Status.PENDING, Order.Status.PROCESSING, Order.Status.SHIPPED)

ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ë": "e"})


@dataclass(frozen=True)
class Draft:
    """An order before it has a key: the row, and its lines of product, quantity and price."""

    order: Order
    lines: list[tuple[int, int, Decimal]]


def load(*, customers: int, orders: int, seed: int, report: Callable[[str], object] = print) -> int:
    """Loads the whole sample or, on an error, nothing; returns the number of records."""
    written: list[tuple[Storage, str]] = []
    try:
        with transaction.atomic():
            return _load(customers, orders, seed, report, written)
    except BaseException:
        for storage, name in written:
            storage.delete(name)
        raise


def _load(
    customers: int,
    orders: int,
    seed: int,
    report: Callable[[str], object],
    written: list[tuple[Storage, str]],
) -> int:
    products = Product.objects.bulk_create(_products(seed, written))
    prices = [(product.product_id, product.price) for product in products]
    customer_ids = array("q")
    for rows in _batches(_customers(_chance(seed, "customers"), customers)):
        customer_ids.extend(customer.pk for customer in Customer.objects.bulk_create(rows))
        reset_queries()
    records = len(words.LINES) + len(products) + len(customer_ids)

    chance = _chance(seed, "carts")
    for carts in _batches(_carts(chance, customer_ids)):
        Cart.objects.bulk_create(carts)
        cart_items = CartItem.objects.bulk_create(_cart_items(chance, carts, prices))
        records += len(carts) + len(cart_items)
        reset_queries()

    done = 0
    for drafts in _batches(_orders(_chance(seed, "orders"), orders, customer_ids, prices)):
        Order.objects.bulk_create(draft.order for draft in drafts)
        items = OrderItem.objects.bulk_create(_order_items(drafts))
        # With DEBUG on Django keeps the text of its last 9,000 queries, and these are long.
        reset_queries()
        records += len(drafts) + len(items)
        done += len(drafts)
        if done % REPORT_EVERY == 0 and done < orders:
            report(f"{done:,} of {orders:,} orders are loaded.")
    return records


def _chance(seed: int, table: str) -> Random:
    return Random(f"{seed} {table}")  # noqa: S311 - the same seed must give the same shop


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch


def _products(seed: int, written: list[tuple[Storage, str]]) -> Iterator[Product]:
    chance = _chance(seed, "products")
    categories = Category.objects.bulk_create(
        Category(category_name=line.category) for line in words.LINES
    )
    for line, category in zip(words.LINES, categories, strict=True):
        for name in line.products:
            product = Product(
                name=name,
                description=line.description,
                # Prices end in 90 cents, as prices do.
                price=Decimal(chance.randrange(line.cheapest, line.dearest, 100) + 90) / 100,
                stock=chance.choice((0, 3, 7, *range(12, 160, 4))),
                category=category,
            )
            _add_picture(product, pictures.draw(line.motif, f"{seed} {name}"), written)
            yield product


def _add_picture(product: Product, picture: bytes, written: list[tuple[Storage, str]]) -> None:
    storage = product.picture.storage
    name = product.picture.field.generate_filename(product, f"{slugify(product.name)}.webp")
    # The files of an earlier demo stay when only its database was deleted.
    if storage.exists(name):
        with storage.open(name) as file:
            if file.read() == picture:
                product.picture.name = name
                return
    product.picture.save(f"{slugify(product.name)}.webp", ContentFile(picture), save=False)
    written.append((storage, str(product.picture)))


def _customers(chance: Random, count: int) -> Iterator[Customer]:
    # Hashing is slow on purpose. One hash for all keeps a large sample quick; nobody
    # can log in as a customer.
    password = make_password("sample")
    for number in range(1, count + 1):
        first_name = chance.choice(words.GIVEN_NAMES)
        last_name = chance.choice(words.FAMILY_NAMES)
        mailbox = f"{first_name}.{last_name}{number}".lower().translate(ASCII)
        yield Customer(
            first_name=first_name,
            last_name=last_name,
            email=f"{mailbox}@{chance.choice(('example.org', 'example.com'))}",
            password=password,
            strasse=f"{chance.choice(words.STREETS)} {chance.randint(1, 140)}",
            ort=chance.choice(words.TOWNS),
            plz=f"{chance.randint(1000, 99998):05}",
        )


def _carts(chance: Random, customer_ids: Iterable[int]) -> Iterator[Cart]:
    for customer_id in customer_ids:
        if chance.random() < CARTS_SHARE:
            age = timedelta(seconds=chance.randrange(30 * 86_400))
            yield Cart(customer_id=customer_id, last_updated=LAST_DAY - age)


def _cart_items(
    chance: Random, carts: Iterable[Cart], prices: list[tuple[int, Decimal]]
) -> Iterator[CartItem]:
    for cart in carts:
        for product_id, _ in chance.sample(prices, chance.randint(1, 3)):
            yield CartItem(cart=cart, product_id=product_id, quantity=chance.randint(1, 3))


def _orders(
    chance: Random, count: int, customer_ids: array[int], prices: list[tuple[int, Decimal]]
) -> Iterator[Draft]:
    popularity = [chance.paretovariate(1.2) for _ in prices]
    for _ in range(count):
        age = timedelta(seconds=chance.randrange(DAYS * 86_400))
        [number] = chance.choices(ITEMS_AN_ORDER, ITEMS_WEIGHTS)
        bought = dict(chance.choices(prices, popularity, k=number))
        lines = [
            (product_id, chance.choice((1, 1, 1, 2, 3)), price)
            for product_id, price in bought.items()
        ]
        statuses = RECENT_STATUSES if age.days < RECENT_DAYS else OLD_STATUSES
        order = Order(
            customer_id=chance.choice(customer_ids),
            order_date=LAST_DAY - age,
            status=chance.choice(statuses),
            total_amount=sum((quantity * price for _, quantity, price in lines), Decimal(0)),
        )
        yield Draft(order, lines)


def _order_items(drafts: Iterable[Draft]) -> Iterator[OrderItem]:
    for draft in drafts:
        for product_id, quantity, price in draft.lines:
            yield OrderItem(
                order=draft.order,
                product_id=product_id,
                quantity=quantity,
                price_per_unit=price,
            )
