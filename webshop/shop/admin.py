# mypy: disable-error-code="type-arg"
# Django's own classes take no type arguments at run time.
from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from webshop.shop.forms import CustomerForm
from webshop.shop.models import Cart, CartItem, Category, Customer, Order, OrderItem, Product


class OrderItemInline(admin.TabularInline):
    model = OrderItem
    extra = 0
    raw_id_fields = ["product"]


class CartItemInline(admin.TabularInline):
    model = CartItem
    extra = 0
    raw_id_fields = ["product"]


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    form = CustomerForm
    list_display = ["last_name", "first_name", "email", "plz", "ort"]
    list_display_links = ["last_name", "first_name"]
    search_fields = ["last_name", "first_name", "email", "ort", "plz"]
    ordering = ["last_name", "first_name", "customer_id"]


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin):
    list_display = ["category_name", "product_count", "total_stock"]
    search_fields = ["category_name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return Category.objects.with_stock()

    @admin.display(description="products", ordering="product_count")
    def product_count(self, category: Any) -> int:  # noqa: ANN401 - annotated by with_stock()
        return int(category.product_count)

    @admin.display(description="pieces in stock", ordering="total_stock")
    def total_stock(self, category: Any) -> int:  # noqa: ANN401 - annotated by with_stock()
        return int(category.total_stock)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "category", "price", "stock"]
    list_filter = ["category"]
    list_select_related = ["category"]
    search_fields = ["name", "description"]
    autocomplete_fields = ["category"]


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["order_id", "order_date", "customer", "status", "total_amount"]
    list_filter = ["status", "order_date"]
    list_select_related = ["customer"]
    search_fields = ["=order_id", "customer__email", "customer__last_name"]
    autocomplete_fields = ["customer"]
    date_hierarchy = "order_date"
    show_full_result_count = False
    inlines = [OrderItemInline]


@admin.register(OrderItem)
class OrderItemAdmin(admin.ModelAdmin):
    list_display = ["order_item_id", "order", "product", "quantity", "price_per_unit"]
    list_filter = ["product__category"]
    list_select_related = ["order", "product"]
    search_fields = ["=order__order_id", "product__name"]
    autocomplete_fields = ["order", "product"]
    show_full_result_count = False


@admin.register(Cart)
class CartAdmin(admin.ModelAdmin):
    list_display = ["cart_id", "customer", "last_updated"]
    list_filter = ["last_updated"]
    list_select_related = ["customer"]
    search_fields = ["customer__email", "customer__last_name"]
    autocomplete_fields = ["customer"]
    readonly_fields = ["last_updated"]
    inlines = [CartItemInline]

    def save_model(
        self,
        request: HttpRequest,
        obj: Cart,
        form: ModelForm[Cart],
        change: bool,
    ) -> None:
        obj.last_updated = timezone.now()
        super().save_model(request, obj, form, change)


@admin.register(CartItem)
class CartItemAdmin(admin.ModelAdmin):
    list_display = ["cart_item_id", "cart", "product", "quantity"]
    list_filter = ["product__category"]
    list_select_related = ["cart", "product"]
    search_fields = ["=cart__cart_id", "product__name"]
    autocomplete_fields = ["cart", "product"]
