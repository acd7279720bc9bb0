from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from webshop.shop.models import Category, Product

ADDRESSES = ["/", "/login/"]


def page(client: Client, path: str = "/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_products_categories_and_bestsellers(client: Client, sample: None) -> None:
    html = page(client)
    for category in Category.objects.all():
        assert category.category_name in html
    assert html.count('class="card"') == 24
    best = Product.objects.bestsellers().first()
    assert f"{best.total_sold} sold" in html
    assert html.count("/media/products/") == 24 + 4
    assert 'href="/admin/"' in html


def test_a_second_page_shows_the_rest(client: Client, sample: None) -> None:
    first, second = page(client), page(client, "/?page=2")
    names = re.compile(r"<h3>(.*?)</h3>")
    assert len(set(names.findall(first)) | set(names.findall(second))) == 48
    assert "Bestsellers" not in second


@pytest.mark.parametrize("number", ["0", "-1", "99", "many", "1e9"])
def test_a_page_that_is_not_there_shows_one_that_is(
    client: Client, sample: None, number: str
) -> None:
    assert 'class="card"' in page(client, f"/?page={number}")


def test_a_category_shows_its_products_only(client: Client, sample: None) -> None:
    category = Category.objects.get(category_name="Lamps")
    html = page(client, f"/category/{category.pk}/")
    assert html.count('class="card"') == 6
    assert "Desk Lamp" in html
    assert "Tea Cup" not in html


@pytest.mark.parametrize("number", [0, 999, 10**30])
def test_a_missing_category_is_404(client: Client, db: None, number: int) -> None:
    assert client.get(f"/category/{number}/").status_code == 404


def test_an_empty_shop_says_so(client: Client, db: None) -> None:
    html = page(client)
    assert "Nothing is for sale here yet." in html
    assert "Bestsellers" not in html


@pytest.mark.parametrize(
    ("stock", "words"), [(0, "Sold out"), (9, "Only 9 left"), (10, "In stock")]
)
def test_a_card_tells_the_stock(client: Client, product: Product, stock: int, words: str) -> None:
    Product.objects.update(stock=stock)
    assert words in page(client)


def test_a_product_without_a_picture_has_its_letter(client: Client, product: Product) -> None:
    assert '<span class="picture none" aria-hidden="true">M</span>' in page(client)


def test_a_name_is_escaped(client: Client, product: Product) -> None:
    Product.objects.update(name="<script>alert(1)</script>")
    assert "<script" not in page(client)


def test_the_number_of_queries_is_constant(
    client: Client, sample: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    page(client)
    with django_assert_num_queries(4):
        page(client)
    Product.objects.exclude(name="Mint").filter(order_items=None).delete()
    with django_assert_num_queries(4):
        page(client)


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_page_needs_nothing_inline_and_nothing_foreign(
    client: Client, sample: None, path: str
) -> None:
    html = page(client, path)
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", html)
    assert not re.search(r"""(?:src|href|action)=["'](?:\w+:|//)""", html)


def test_the_style_sheet_needs_nothing_foreign_and_knows_the_dark() -> None:
    css = Path(str(finders.find("shop/shop.css"))).read_text()
    assert "url(" not in css
    assert "@import" not in css
    assert "prefers-color-scheme: dark" in css


def test_a_visitor_logs_in_and_out(client: Client, db: None) -> None:
    User.objects.create_user("vera", password="open sesame")
    response = client.post("/login/", {"username": "vera", "password": "open sesame"}, follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert "vera" in response.content.decode()
    assert "vera" not in client.post("/logout/", follow=True).content.decode()


def test_a_wrong_password_is_told(client: Client, db: None) -> None:
    response = client.post("/login/", {"username": "vera", "password": "wrong"})
    assert "Please enter a correct username and password" in response.content.decode()
