"""The places on a recovery sheet: what leads to the copies, and what is a secret's name only."""

from __future__ import annotations

from typing import Any

import pytest

from trustbackup.models import Destination
from trustbackup.operations.context import Context
from trustbackup.operations.recovery.sources import places_of
from trustbackup.sealing import seal_secrets

pytestmark = pytest.mark.django_db

OPTIONS = {
    "bucket": "copies",
    "prefix": "shop",
    "region": "eu-1",
    "endpoint": "https://s3.shop.example",
    "access_key": "AKIAEXAMPLE",
}


def test_an_access_key_is_kept_with_the_secret_that_it_belongs_to(folder: Any) -> None:
    secrets = seal_secrets({"secret_key": "very secret"})
    Destination.objects.create(name="s3", kind="s3", options=OPTIONS, secrets=secrets)
    (place,) = places_of(Context.current())
    assert place.url.startswith("s3://copies/shop?")
    said = dict(place.settings)
    assert "AKIAEXAMPLE" not in said.values()
    assert [secret.use for secret in place.secrets] == ["s3: access_key", "s3: secret_key"]
    assert "very secret" not in repr(place)
    assert "AKIAEXAMPLE" not in repr(place)
