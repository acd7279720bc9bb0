from __future__ import annotations

from django.urls import include, path

from webshop.shop import api, views

app_name = "shop"

api_urls = [
    path("products/", api.products, name="api-products"),
    path("customer/<int:customer_id>/orders/", api.customer_orders, name="api-customer-orders"),
    path("customer/<int:customer_id>/cart/", api.cart, name="api-cart"),
    path("order/<int:order_id>/", api.order, name="api-order"),
    path("bestsellers/", api.bestsellers, name="api-bestsellers"),
    path("low-stock/", api.low_stock, name="api-low-stock"),
    path("customer-stats/", api.customer_stats, name="api-customer-stats"),
    path("category-stats/", api.category_stats, name="api-category-stats"),
]

urlpatterns = [
    path("", views.front, name="front"),
    path("category/<int:category_id>/", views.front, name="category"),
    path("shop/api/", include(api_urls)),
]
