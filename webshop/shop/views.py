from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from webshop.shop.models import Category, Product

PRODUCTS_A_PAGE = 24
BESTSELLERS_SHOWN = 4


@require_safe
def front(request: HttpRequest, category_id: int | None = None) -> HttpResponse:
    """The shop's front page: bestsellers and all products, or those of one category."""
    products = Product.objects.select_related("category").order_by("name", "product_id")
    category = None
    if category_id is not None:
        category = get_object_or_404(Category, pk=category_id)
        products = products.filter(category=category)
    page = Paginator(products, PRODUCTS_A_PAGE).get_page(request.GET.get("page"))
    shows_bestsellers = category is None and page.number == 1
    return render(
        request,
        "shop/front.html",
        {
            "category": category,
            "categories": Category.objects.with_stock(),
            "page": page,
            "bestsellers": Product.objects.bestsellers().select_related("category")[
                :BESTSELLERS_SHOWN
            ]
            if shows_bestsellers
            else [],
        },
    )
