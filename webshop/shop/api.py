# ruff: noqa: ARG001 - Django hands the request to every view, and these need nothing from it
"""The shop as JSON, for reading only.

Money is a string with two decimals, a date is ISO 8601 in UTC. Every address takes a
constant number of queries. What does not exist is 404 with `{"error": "… not found"}`;
a customer without orders has an empty list of them.
"""

from __future__ import annotations

from decimal import Decimal

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from webshop.shop.models import CartItem, Category, Customer, Order, Product, ProductQuerySet

BESTSELLERS = 10


def money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def found(content: object) -> JsonResponse:
    return JsonResponse(content, safe=False)


def not_found(noun: str) -> JsonResponse:
    return JsonResponse({"error": f"{noun} not found"}, status=404)


def product_list(products: ProductQuerySet) -> list[dict[str, object]]:
    return [
        {
            "product_id": product.product_id,
            "name": product.name,
            "price": money(product.price),
            "stock": product.stock,
            "category": product.category.category_name,
        }
        for product in products.select_related("category")
    ]


@require_GET
def products(request: HttpRequest) -> JsonResponse:
    return found(product_list(Product.objects.all()))


@require_GET
def low_stock(request: HttpRequest) -> JsonResponse:
    return found(product_list(Product.objects.low_stock()))


@require_GET
def customer_orders(request: HttpRequest, customer_id: int) -> JsonResponse:
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        return not_found("Customer")
    return found(
        [
            {
                "order_id": order.order_id,
                "order_date": order.order_date.isoformat(),
                "status": order.status,
                "total_amount": money(order.total_amount),
                "customer_email": customer.email,
            }
            for order in customer.orders.all()
        ]
    )


@require_GET
def order(request: HttpRequest, order_id: int) -> JsonResponse:
    """One entry for each item of the order."""
    order = Order.objects.select_related("customer").filter(pk=order_id).first()
    if order is None:
        return not_found("Order")
    return found(
        [
            {
                "order_id": order.order_id,
                "order_date": order.order_date.isoformat(),
                "customer_name": order.customer.full_name,
                "product_name": item.product.name,
                "quantity": item.quantity,
                "price_per_unit": money(item.price_per_unit),
                "subtotal": money(item.subtotal),
            }
            for item in order.items.select_related("product")
        ]
    )


@require_GET
def cart(request: HttpRequest, customer_id: int) -> JsonResponse:
    # Asked by the customer's key, because a number too large for the database is no
    # error there, as it is for a foreign key.
    customer = Customer.objects.filter(pk=customer_id, cart__isnull=False).first()
    if customer is None:
        return not_found("Cart")
    items = list(CartItem.objects.filter(cart__customer=customer).select_related("product"))
    return found(
        {
            "customer_id": customer_id,
            "items": [
                {
                    "product_name": item.product.name,
                    "price": money(item.product.price),
                    "quantity": item.quantity,
                    "subtotal": money(item.subtotal),
                }
                for item in items
            ],
            "total": money(sum((item.subtotal for item in items), Decimal(0))),
        }
    )


@require_GET
def bestsellers(request: HttpRequest) -> JsonResponse:
    return found(
        [
            {
                "product_id": product.product_id,
                "name": product.name,
                "price": money(product.price),
                "total_sold": product.total_sold,
                "total_revenue": money(product.total_revenue),
            }
            for product in Product.objects.bestsellers()[:BESTSELLERS]
        ]
    )


@require_GET
def customer_stats(request: HttpRequest) -> JsonResponse:
    return found(
        [
            {
                "customer_id": customer.customer_id,
                "name": customer.full_name,
                "email": customer.email,
                "total_orders": customer.total_orders,
                "total_spent": money(customer.total_spent),
            }
            for customer in Customer.objects.with_totals()
        ]
    )


@require_GET
def category_stats(request: HttpRequest) -> JsonResponse:
    return found(
        [
            {
                "category_name": category.category_name,
                "product_count": category.product_count,
                "total_stock": category.total_stock,
                "avg_price": money(category.avg_price),
            }
            for category in Category.objects.with_stock()
        ]
    )
