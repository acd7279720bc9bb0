from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from webshop.shop.models import Cart, CartItem, Category, Customer, Order, OrderItem, Product
from webshop.shop.sample.load import load

MODELS = [Customer, Category, Product, Order, OrderItem, Cart, CartItem]
NAMES = [model._meta.model_name for model in MODELS]

ADDRESS = {
    "first_name": "Ida",
    "last_name": "Fink",
    "email": "ida@example.org",
    "strasse": "Rosenweg 1",
    "ort": "Seedorf",
    "plz": "01234",
}


def queries(client: Client, name: str | None) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(f"/admin/shop/{name}/").status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", NAMES)
def test_a_list_takes_no_more_queries_for_more_rows(
    admin_client: Client, order_item: OrderItem, cart_item: CartItem, name: str
) -> None:
    few = queries(admin_client, name)
    Category.objects.update(category_name="Other")
    load(customers=60, orders=60, seed=1)
    # A date hierarchy asks one more question once rows span more than a day.
    assert queries(admin_client, name) <= few + 1


@pytest.mark.parametrize("name", NAMES)
def test_every_table_can_be_searched_and_added_to(
    admin_client: Client, sample: None, name: str
) -> None:
    assert admin_client.get(f"/admin/shop/{name}/?q=12").status_code == 200
    assert admin_client.get(f"/admin/shop/{name}/add/").status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_every_record_can_be_opened(
    admin_client: Client, sample: None, model: type[Customer]
) -> None:
    record = model._base_manager.earliest("pk")
    response = admin_client.get(f"/admin/shop/{model._meta.model_name}/{record.pk}/change/")
    assert response.status_code == 200


def test_a_password_is_hashed_and_never_shown(admin_client: Client) -> None:
    admin_client.post("/admin/shop/customer/add/", ADDRESS | {"new_password": "open sesame"})
    customer = Customer.objects.get()
    assert customer.check_password("open sesame")
    page = admin_client.get(f"/admin/shop/customer/{customer.pk}/change/").content.decode()
    assert customer.password not in page


def test_an_empty_password_field_keeps_the_password(admin_client: Client) -> None:
    admin_client.post("/admin/shop/customer/add/", ADDRESS | {"new_password": "open sesame"})
    customer = Customer.objects.get()
    admin_client.post(f"/admin/shop/customer/{customer.pk}/change/", ADDRESS | {"ort": "Talheim"})
    customer.refresh_from_db()
    assert customer.ort == "Talheim"
    assert customer.check_password("open sesame")


def test_a_new_customer_needs_a_password(admin_client: Client) -> None:
    response = admin_client.post("/admin/shop/customer/add/", ADDRESS)
    assert "A new customer needs a password." in response.content.decode()
    assert not Customer.objects.exists()


def test_a_saved_cart_notes_the_time(admin_client: Client, cart: Cart) -> None:
    before = cart.last_updated
    admin_client.post(
        f"/admin/shop/cart/{cart.pk}/change/",
        {"customer": cart.customer_id, "items-TOTAL_FORMS": 0, "items-INITIAL_FORMS": 0},
    )
    cart.refresh_from_db()
    assert cart.last_updated > before
