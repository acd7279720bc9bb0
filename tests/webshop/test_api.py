from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from webshop.shop.models import Cart, CartItem, Category, Customer, Order, OrderItem, Product

QUERIES = {
    "products/": 1,
    "customer/{customer}/orders/": 2,
    "order/{order}/": 2,
    "customer/{customer}/cart/": 2,
    "bestsellers/": 1,
    "low-stock/": 1,
    "customer-stats/": 1,
    "category-stats/": 1,
}


def get(client: Client, path: str, status: int = 200) -> Any:
    response = client.get(f"/shop/api/{path}")
    assert response.status_code == status, path
    assert response["Content-Type"] == "application/json"
    return response.json()


def test_products_lists_every_product(client: Client, product: Product) -> None:
    assert get(client, "products/") == [
        {
            "product_id": product.pk,
            "name": "Mug",
            "price": "12.50",
            "stock": 20,
            "category": "Cups",
        }
    ]


def test_customer_orders_are_listed_newest_first(client: Client, order: Order) -> None:
    newer = Order.objects.create(customer=order.customer, status="shipped")
    listed = get(client, f"customer/{order.customer_id}/orders/")
    assert [entry["order_id"] for entry in listed] == [newer.pk, order.pk]
    assert listed[1] == {
        "order_id": order.pk,
        "order_date": order.order_date.isoformat(),
        "status": "pending",
        "total_amount": "25.00",
        "customer_email": "zoe@example.org",
    }
    moment = datetime.fromisoformat(listed[1]["order_date"])
    assert moment == order.order_date
    assert moment.tzinfo is not None


def test_a_customer_without_orders_has_an_empty_list(client: Client, customer: Customer) -> None:
    assert get(client, f"customer/{customer.pk}/orders/") == []


def test_an_order_lists_its_items(client: Client, order_item: OrderItem) -> None:
    assert get(client, f"order/{order_item.order_id}/") == [
        {
            "order_id": order_item.order_id,
            "order_date": order_item.order.order_date.isoformat(),
            "customer_name": "Zoë Groß",
            "product_name": "Mug",
            "quantity": 2,
            "price_per_unit": "12.50",
            "subtotal": "25.00",
        }
    ]


def test_an_order_keeps_the_price_it_was_bought_at(client: Client, order_item: OrderItem) -> None:
    Product.objects.update(price=Decimal(99))
    [item] = get(client, f"order/{order_item.order_id}/")
    assert item["price_per_unit"] == "12.50"


def test_a_cart_lists_its_items_and_total(client: Client, cart_item: CartItem) -> None:
    plate = Product.objects.create(
        name="Plate", price=Decimal("0.05"), category=cart_item.product.category
    )
    CartItem.objects.create(cart=cart_item.cart, product=plate, quantity=1)
    customer_id = cart_item.cart.customer_id
    assert get(client, f"customer/{customer_id}/cart/") == {
        "customer_id": customer_id,
        "items": [
            {"product_name": "Mug", "price": "12.50", "quantity": 3, "subtotal": "37.50"},
            {"product_name": "Plate", "price": "0.05", "quantity": 1, "subtotal": "0.05"},
        ],
        "total": "37.55",
    }


def test_an_empty_cart_has_a_total_of_nothing(client: Client, cart: Cart) -> None:
    assert get(client, f"customer/{cart.customer_id}/cart/") == {
        "customer_id": cart.customer_id,
        "items": [],
        "total": "0.00",
    }


def test_bestsellers_are_the_ten_most_sold(
    client: Client, order: Order, category: Category
) -> None:
    for number in range(1, 13):
        product = Product.objects.create(name=f"Mug {number}", price=Decimal(9), category=category)
        for price in ("1.10", "2.20"):
            OrderItem.objects.create(
                order=order, product=product, quantity=number, price_per_unit=Decimal(price)
            )
    Product.objects.create(name="Never sold", price=Decimal(9), category=category)
    listed = get(client, "bestsellers/")
    assert [entry["name"] for entry in listed] == [f"Mug {number}" for number in range(12, 2, -1)]
    assert listed[0] == {
        "product_id": Product.objects.get(name="Mug 12").pk,
        "name": "Mug 12",
        "price": "9.00",
        "total_sold": 24,
        "total_revenue": "39.60",
    }


def test_only_what_was_sold_is_a_bestseller(client: Client, product: Product) -> None:
    assert get(client, "bestsellers/") == []


def test_low_stock_is_below_ten(client: Client, category: Category) -> None:
    for stock in (10, 9, 0, 300):
        Product.objects.create(name=f"{stock}", price=1, stock=stock, category=category)
    listed = get(client, "low-stock/")
    assert [entry["stock"] for entry in listed] == [0, 9]
    assert set(listed[0]) == {"product_id", "name", "price", "stock", "category"}


def test_customer_stats_count_orders_and_money(client: Client, order: Order) -> None:
    Order.objects.create(customer=order.customer, total_amount=Decimal("0.5"))
    idle = Customer.objects.create(first_name="Ida", last_name="Fink", email="ida@example.org")
    assert get(client, "customer-stats/") == [
        {
            "customer_id": order.customer_id,
            "name": "Zoë Groß",
            "email": "zoe@example.org",
            "total_orders": 2,
            "total_spent": "25.50",
        },
        {
            "customer_id": idle.pk,
            "name": "Ida Fink",
            "email": "ida@example.org",
            "total_orders": 0,
            "total_spent": "0.00",
        },
    ]


def test_category_stats_sum_up_products(client: Client, product: Product) -> None:
    Product.objects.create(name="B", price=Decimal(1), stock=5, category=product.category)
    Product.objects.create(name="C", price=Decimal(1), stock=0, category=product.category)
    Category.objects.create(category_name="Empty")
    assert get(client, "category-stats/") == [
        {"category_name": "Cups", "product_count": 3, "total_stock": 25, "avg_price": "4.83"},
        {"category_name": "Empty", "product_count": 0, "total_stock": 0, "avg_price": "0.00"},
    ]


@pytest.mark.parametrize("number", [0, 999_999, 10**30])
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("customer/{}/orders/", "Customer not found"),
        ("customer/{}/cart/", "Cart not found"),
        ("order/{}/", "Order not found"),
    ],
)
def test_what_is_missing_is_404(
    client: Client, db: None, path: str, error: str, number: int
) -> None:
    assert get(client, path.format(number), 404) == {"error": error}


def test_a_customer_without_a_cart_is_404(client: Client, customer: Customer) -> None:
    assert get(client, f"customer/{customer.pk}/cart/", 404) == {"error": "Cart not found"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", [path.format(customer=1, order=1) for path in QUERIES])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_only_answers_get(client: Client, path: str, method: str) -> None:
    response = getattr(client, method)(f"/shop/api/{path}")
    assert response.status_code == 405
    assert response["Allow"] == "GET"


@pytest.mark.parametrize("size", [1, 60])
@pytest.mark.parametrize(("path", "queries"), QUERIES.items())
def test_the_number_of_queries_does_not_grow(
    client: Client,
    customer: Customer,
    order: Order,
    cart: Cart,
    path: str,
    queries: int,
    size: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(size):
        category = Category.objects.create(category_name=f"{number}")
        product = Product.objects.create(name=f"{number}", price=1, category=category)
        Order.objects.create(customer=customer)
        OrderItem.objects.create(order=order, product=product, price_per_unit=1)
        CartItem.objects.create(cart=cart, product=product)
        Customer.objects.create(email=f"{number}@example.org")
    with django_assert_num_queries(queries):
        answer = get(client, path.format(customer=customer.pk, order=order.pk))
    entries = answer["items"] if "cart" in path else answer
    assert len(entries) >= min(size, 10)


def test_every_amount_of_the_sample_is_a_string_with_two_decimals(client: Client, db: None) -> None:
    call_command("load_sample_data", customers=20, orders=60, verbosity=0)
    money = {"price", "total_amount", "price_per_unit", "subtotal", "total", "total_revenue",
             "total_spent", "avg_price"}  # fmt: skip
    order = Order.objects.latest("order_id")
    seen = set()
    for path in QUERIES:
        answer = get(
            client,
            path.format(customer=Cart.objects.earliest("cart_id").customer_id, order=order.pk),
        )
        entries = [answer, *answer["items"]] if "cart" in path else answer
        for entry in entries:
            for key in money & set(entry):
                seen.add(key)
                assert isinstance(entry[key], str)
                assert entry[key] == f"{Decimal(entry[key]):.2f}"
    assert seen >= money - {"total_amount"}
