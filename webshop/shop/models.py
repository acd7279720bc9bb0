"""The shop's seven tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

LOW_STOCK = 10
MONEY = models.DecimalField(max_digits=16, decimal_places=2)
NOTHING = models.Value(Decimal(0), output_field=MONEY)


class CustomerQuerySet(models.QuerySet["Customer"]):
    def with_totals(self) -> models.QuerySet[Any]:
        """Adds `total_orders` and `total_spent`, over orders of every status."""
        return self.annotate(
            total_orders=models.Count("orders"),
            total_spent=Coalesce(models.Sum("orders__total_amount"), NOTHING),
        ).order_by("customer_id")


class CategoryQuerySet(models.QuerySet["Category"]):
    def with_stock(self) -> models.QuerySet[Any]:
        """Adds `product_count`, `total_stock` and `avg_price`; all are 0 without products."""
        return self.annotate(
            product_count=models.Count("products"),
            total_stock=Coalesce(models.Sum("products__stock"), 0),
            avg_price=Coalesce(models.Avg("products__price"), NOTHING, output_field=MONEY),
        ).order_by("category_name")


class ProductQuerySet(models.QuerySet["Product"]):
    def bestsellers(self) -> models.QuerySet[Any]:
        """What was ever ordered, most pieces first, with `total_sold` and `total_revenue`.

        Orders of every status count, as they do in a customer's totals.
        """
        item = "order_items__"
        revenue = models.F(f"{item}quantity") * models.F(f"{item}price_per_unit")
        return (
            self.filter(order_items__isnull=False)
            .annotate(
                total_sold=models.Sum(f"{item}quantity"),
                total_revenue=models.Sum(revenue, output_field=MONEY),
            )
            .order_by("-total_sold", "product_id")
        )

    def low_stock(self) -> ProductQuerySet:
        return self.filter(stock__lt=LOW_STOCK).order_by("stock", "product_id")


class Customer(models.Model):
    customer_id = models.BigAutoField(primary_key=True)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField(unique=True)
    password = models.CharField(max_length=128, editable=False)
    strasse = models.CharField("street", max_length=200)
    ort = models.CharField("town", max_length=100)
    plz = models.CharField("postcode", max_length=10)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering = ["customer_id"]

    def __str__(self) -> str:
        return f"{self.full_name} <{self.email}>"

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    def set_password(self, raw: str) -> None:
        """Keeps the hash of a password; `save()` is still to be called."""
        self.password = make_password(raw)

    def check_password(self, raw: str) -> bool:
        return check_password(raw, self.password)


class Category(models.Model):
    category_id = models.BigAutoField(primary_key=True)
    category_name = models.CharField("name", max_length=100, unique=True)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        ordering = ["category_name"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.category_name


class Product(models.Model):
    product_id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    stock = models.PositiveIntegerField(default=0)
    category = models.ForeignKey(Category, models.RESTRICT, related_name="products")
    picture = models.ImageField(upload_to="products/", blank=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["product_id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(price__gte=0),
                name="shop_product_price_gte_0",
                violation_error_message="A price cannot be below 0.",
            ),
            models.CheckConstraint(
                condition=models.Q(stock__gte=0),
                name="shop_product_stock_gte_0",
                violation_error_message="A stock cannot be below 0.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_low(self) -> bool:
        return self.stock < LOW_STOCK


class Order(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        SHIPPED = "shipped"
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    order_id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    order_date = models.DateTimeField(default=timezone.now, db_index=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    total_amount = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(0))

    class Meta:
        ordering = ["-order_date", "-order_id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(total_amount__gte=0),
                name="shop_order_total_amount_gte_0",
                violation_error_message="A total cannot be below 0.",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["pending", "processing", "shipped", "completed", "cancelled"]
                ),
                name="shop_order_status_is_known",
                violation_error_message="An order has no such status.",
            ),
        ]

    def __str__(self) -> str:
        return f"Order {self.order_id}"


class OrderItem(models.Model):
    order_item_id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, models.CASCADE, related_name="items")
    product = models.ForeignKey(Product, models.RESTRICT, related_name="order_items")
    quantity = models.PositiveIntegerField(default=1)
    price_per_unit = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        ordering = ["order_item_id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity__gte=1),
                name="shop_orderitem_quantity_gte_1",
                violation_error_message="A quantity is at least 1.",
            ),
            models.CheckConstraint(
                condition=models.Q(price_per_unit__gte=0),
                name="shop_orderitem_price_per_unit_gte_0",
                violation_error_message="A price cannot be below 0.",
            ),
        ]

    def __str__(self) -> str:
        return f"Item {self.order_item_id} of order {self.order_id}"

    @property
    def subtotal(self) -> Decimal:
        return self.quantity * self.price_per_unit


class Cart(models.Model):
    cart_id = models.BigAutoField(primary_key=True)
    customer = models.OneToOneField(Customer, models.CASCADE, related_name="cart")
    last_updated = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["cart_id"]

    def __str__(self) -> str:
        return f"Cart {self.cart_id}"


class CartItem(models.Model):
    cart_item_id = models.BigAutoField(primary_key=True)
    cart = models.ForeignKey(Cart, models.CASCADE, related_name="items")
    product = models.ForeignKey(Product, models.CASCADE, related_name="cart_items")
    quantity = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["cart_item_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cart", "product"], name="shop_cartitem_product_once_a_cart"
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=1),
                name="shop_cartitem_quantity_gte_1",
                violation_error_message="A quantity is at least 1.",
            ),
        ]

    def __str__(self) -> str:
        return f"Item {self.cart_item_id} of cart {self.cart_id}"

    @property
    def subtotal(self) -> Decimal:
        return self.quantity * self.product.price
