from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import RestrictedError

from webshop.shop.models import Cart, CartItem, Category, Customer, Order, OrderItem, Product

MODELS = [Customer, Category, Product, Order, OrderItem, Cart, CartItem]


def insert(model: type[models.Model], **values: Any) -> None:
    """Past every validation of Django's, straight into the table."""
    with transaction.atomic():
        model._base_manager.bulk_create([model(**values)])


def test_keys_and_tables_are_named_after_their_model() -> None:
    assert {model._meta.pk.name for model in MODELS} == {
        "customer_id",
        "category_id",
        "product_id",
        "order_id",
        "order_item_id",
        "cart_id",
        "cart_item_id",
    }
    assert {model._meta.app_label for model in MODELS} == {"shop"}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Customer, "orders"),
        (Order, "items"),
        (Cart, "items"),
        (Category, "products"),
        (Product, "order_items"),
    ],
)
def test_a_model_has_its_related_name(model: type[models.Model], name: str) -> None:
    assert name in {relation.get_accessor_name() for relation in model._meta.related_objects}


def test_every_foreign_key_and_the_order_date_have_an_index(db: None) -> None:
    wanted = {(model, field.column) for model in MODELS for field in model._meta.fields
              if field.is_relation} | {(Order, "order_date")}  # fmt: skip
    assert len(wanted) == 8
    with connection.cursor() as cursor:
        for model, column in wanted:
            table = connection.introspection.get_constraints(cursor, model._meta.db_table)
            assert any(
                entry["index"] or entry["unique"]
                for entry in table.values()
                if entry["columns"] == [column]
            ), f"{model.__name__}.{column}"


@pytest.mark.parametrize("values", [{"price": Decimal("-0.01")}, {"stock": -1}])
def test_the_database_refuses_a_bad_product(category: Category, values: dict[str, Any]) -> None:
    good = {"name": "Mug", "price": Decimal(0), "stock": 0, "category": category}
    insert(Product, **good)
    with pytest.raises(IntegrityError):
        insert(Product, **good | values)


@pytest.mark.parametrize(
    "values", [{"total_amount": Decimal("-0.01")}, {"status": "lost"}, {"status": ""}]
)
def test_the_database_refuses_a_bad_order(customer: Customer, values: dict[str, Any]) -> None:
    good = {"customer": customer, "total_amount": Decimal(0), "status": "pending"}
    insert(Order, **good)
    with pytest.raises(IntegrityError):
        insert(Order, **good | values)


@pytest.mark.parametrize("status", ["pending", "processing", "shipped", "completed", "cancelled"])
def test_the_database_takes_every_status_an_order_can_have(customer: Customer, status: str) -> None:
    insert(Order, customer=customer, status=status)
    assert Order.Status(status).value == status


@pytest.mark.parametrize("values", [{"quantity": 0}, {"price_per_unit": Decimal("-0.01")}])
def test_the_database_refuses_a_bad_order_item(
    order: Order, product: Product, values: dict[str, Any]
) -> None:
    good = {"order": order, "product": product, "quantity": 1, "price_per_unit": Decimal(0)}
    insert(OrderItem, **good)
    with pytest.raises(IntegrityError):
        insert(OrderItem, **good | values)


def test_the_database_refuses_a_cart_item_of_none(cart: Cart, product: Product) -> None:
    with pytest.raises(IntegrityError):
        insert(CartItem, cart=cart, product=product, quantity=0)


def test_a_product_is_in_a_cart_once(cart_item: CartItem) -> None:
    with pytest.raises(IntegrityError):
        insert(CartItem, cart=cart_item.cart, product=cart_item.product, quantity=1)


def test_a_customer_has_one_cart(cart: Cart) -> None:
    with pytest.raises(IntegrityError):
        insert(Cart, customer=cart.customer)


def test_an_email_is_one_customers_own(customer: Customer) -> None:
    with pytest.raises(IntegrityError):
        insert(Customer, first_name="B", last_name="C", email=customer.email)


def test_a_category_name_is_unique(category: Category) -> None:
    with pytest.raises(IntegrityError):
        insert(Category, category_name=category.category_name)


def test_a_customer_leaves_with_orders_and_cart(
    customer: Customer, order_item: OrderItem, cart_item: CartItem
) -> None:
    customer.delete()
    assert not Order.objects.exists()
    assert not OrderItem.objects.exists()
    assert not Cart.objects.exists()
    assert not CartItem.objects.exists()


def test_a_product_that_was_ordered_stays(order_item: OrderItem) -> None:
    with pytest.raises(RestrictedError):
        order_item.product.delete()


def test_a_category_with_products_stays(product: Product) -> None:
    with pytest.raises(RestrictedError):
        product.category.delete()


def test_validation_says_what_is_wrong(product: Product) -> None:
    product.price = Decimal(-1)
    with pytest.raises(ValidationError, match="A price cannot be below 0"):
        product.full_clean()


def test_a_password_is_stored_hashed(customer: Customer) -> None:
    customer.set_password("open sesame")
    customer.save()
    customer.refresh_from_db()
    assert "open sesame" not in customer.password
    assert customer.check_password("open sesame")
    assert not customer.check_password("open")
