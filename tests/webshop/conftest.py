from __future__ import annotations

import functools
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from webshop.shop.models import Cart, CartItem, Category, Customer, Order, OrderItem, Product
from webshop.shop.sample import pictures

drawn = functools.cache(pictures.draw)


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    """Uploads of a test go to a folder of its own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture is drawn once in a run, not once in a test."""
    monkeypatch.setattr(pictures, "draw", drawn)


@pytest.fixture
def customer(db: None) -> Customer:
    return Customer.objects.create(
        first_name="Zoë",
        last_name="Groß",
        email="zoe@example.org",
        password="!",
        strasse="Am Mühlbach 3",
        ort="Altfeld",
        plz="01234",
    )


@pytest.fixture
def category(db: None) -> Category:
    return Category.objects.create(category_name="Cups")


@pytest.fixture
def product(category: Category) -> Product:
    return Product.objects.create(name="Mug", price=Decimal("12.50"), stock=20, category=category)


@pytest.fixture
def order(customer: Customer) -> Order:
    return Order.objects.create(customer=customer, total_amount=Decimal(25))


@pytest.fixture
def order_item(order: Order, product: Product) -> OrderItem:
    return OrderItem.objects.create(
        order=order, product=product, quantity=2, price_per_unit=Decimal("12.50")
    )


@pytest.fixture
def cart(customer: Customer) -> Cart:
    return Cart.objects.create(customer=customer)


@pytest.fixture
def cart_item(cart: Cart, product: Product) -> CartItem:
    return CartItem.objects.create(cart=cart, product=product, quantity=3)


@pytest.fixture
def sample(db: None) -> None:
    call_command("load_sample_data", customers=40, orders=120, verbosity=0)
