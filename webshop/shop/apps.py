from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "webshop.shop"
    label = "shop"
    verbose_name = "Web shop"
