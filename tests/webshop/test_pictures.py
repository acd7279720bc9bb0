from __future__ import annotations

import io

import pytest
from PIL import Image

from webshop.shop.sample import words
from webshop.shop.sample.pictures import MOTIFS, draw


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_motif_is_the_same_for_the_same_seed_only(motif: str) -> None:
    assert draw(motif, "1") == draw(motif, "1")
    assert draw(motif, "1") != draw(motif, "2")


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_picture_is_a_small_webp(motif: str) -> None:
    content = draw(motif, "1")
    assert len(content) < 40_000
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (640, 480))


def test_every_line_of_products_has_a_motif() -> None:
    assert {line.motif for line in words.LINES} == set(MOTIFS)
