"""Draws a product's picture, so that the shop has uploaded files worth backing up."""

from __future__ import annotations

import colorsys
import io
import math
from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 480
# Pillow does not smooth edges: drawn twice as large and scaled down, they are smooth.
SCALE = 2
# Clay, ochre, moss, fern, lagoon, sky, ink and plum: they go together on one page.
HUES = (0.03, 0.09, 0.22, 0.38, 0.48, 0.56, 0.63, 0.90)

Point = tuple[float, float]
Colour = tuple[int, int, int]


def colour(hue: float, saturation: float, lightness: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


class Scene:
    """A backdrop with a table, and one thing on it in the light and dark of one hue."""

    def __init__(self, rng: Random, hue: float) -> None:
        self.rng = rng
        self.image = Image.new(
            "RGB", (WIDTH * SCALE, HEIGHT * SCALE), colour(hue + 0.45, 0.32, 0.87)
        )
        self.pen = ImageDraw.Draw(self.image)
        self.light = colour(hue, 0.55, 0.68)
        self.main = colour(hue, 0.50, 0.52)
        self.dark = colour(hue, 0.48, 0.34)
        self.accent = colour(hue + 0.5, 0.55, 0.55)
        self.paper = colour(hue + 0.05, 0.45, 0.95)
        x = rng.uniform(180, 460)
        self.ellipse(x - 170, 40, x + 170, 380, colour(hue + 0.45, 0.36, 0.93))
        self.box(0, 370, WIDTH, HEIGHT, colour(hue + 0.43, 0.30, 0.77))

    def _scaled(self, *points: Point) -> list[Point]:
        return [(x * SCALE, y * SCALE) for x, y in points]

    def ellipse(self, x0: float, y0: float, x1: float, y1: float, fill: Colour) -> None:
        self.pen.ellipse(self._scaled((x0, y0), (x1, y1)), fill)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, fill: Colour, radius: float = 0
    ) -> None:
        self.pen.rounded_rectangle(self._scaled((x0, y0), (x1, y1)), radius * SCALE, fill)

    def shape(self, *points: Point, fill: Colour) -> None:
        self.pen.polygon(self._scaled(*points), fill)

    def line(self, *points: Point, fill: Colour, width: float) -> None:
        self.pen.line(self._scaled(*points), fill, round(width * SCALE), joint="curve")

    def arc(self, x0: float, y0: float, x1: float, y1: float, fill: Colour, width: float) -> None:
        self.pen.arc(self._scaled((x0, y0), (x1, y1)), 0, 360, fill, round(width * SCALE))

    def shadow(self, half_width: float) -> None:
        backdrop = self.image.getpixel((0, (HEIGHT - 1) * SCALE))
        assert isinstance(backdrop, tuple)  # noqa: S101 - an RGB image has no other pixels
        red, green, blue = (round(part * 0.86) for part in backdrop)
        self.ellipse(320 - half_width, 402, 320 + half_width, 432, (red, green, blue))


def cup(scene: Scene) -> None:
    half, top = scene.rng.uniform(70, 105), scene.rng.uniform(190, 260)
    scene.shadow(half + 40)
    scene.arc(320 + half - 35, top + 30, 320 + half + 55, top + 120, scene.dark, 18)
    scene.box(320 - half, top, 320 + half, 415, scene.main, 34)
    scene.box(320 - half, top, 320 + half, top + 50, scene.main)
    scene.box(320 - half, 330, 320 + half, 352, scene.light)
    scene.ellipse(320 - half, top - 18, 320 + half, top + 18, scene.light)
    scene.ellipse(320 - half + 12, top - 11, 320 + half - 12, top + 12, scene.dark)


def vase(scene: Scene) -> None:
    half, neck = scene.rng.uniform(60, 100), scene.rng.uniform(18, 32)
    scene.shadow(half + 25)
    for stem in range(-1, 2):
        x, y = 320 + stem * scene.rng.uniform(38, 62), scene.rng.uniform(70, 130)
        scene.line((320 + stem * 6, 230), (x, y), fill=scene.dark, width=5)
        scene.ellipse(x - 24, y - 24, x + 24, y + 24, scene.accent)
        scene.ellipse(x - 9, y - 9, x + 9, y + 9, scene.paper)
    scene.box(320 - neck, 200, 320 + neck, 350, scene.main, 8)
    scene.ellipse(320 - half, 415 - half * 1.7, 320 + half, 415, scene.main)
    scene.box(320 - half * 0.5, 396, 320 + half * 0.5, 417, scene.dark, 8)
    scene.box(320 - neck - 8, 194, 320 + neck + 8, 210, scene.light, 8)


def plant(scene: Scene) -> None:
    half, leaves = scene.rng.uniform(60, 85), scene.rng.randint(4, 7)
    green = colour(scene.rng.uniform(0.30, 0.42), 0.38, 0.36)
    bright = colour(scene.rng.uniform(0.26, 0.36), 0.42, 0.50)
    scene.shadow(half + 25)
    for leaf in range(leaves):
        lean = (leaf / (leaves - 1) - 0.5) * 2
        tip = (320 + lean * 170, 70 + abs(lean) * 120 + scene.rng.uniform(0, 40))
        middle = (320 + lean * 110, (tip[1] + 320) / 2 - 10)
        scene.shape(
            (320, 320), (middle[0] - 30, middle[1]), tip, (middle[0] + 30, middle[1] + 14),
            fill=green if leaf % 2 else bright,
        )  # fmt: skip
        scene.line((320, 320), tip, fill=scene.paper, width=2)
    scene.shape(
        (320 - half, 310), (320 + half, 310), (320 + half * 0.7, 417), (320 - half * 0.7, 417),
        fill=scene.main,
    )  # fmt: skip
    scene.box(320 - half - 10, 298, 320 + half + 10, 328, scene.light, 6)


def lamp(scene: Scene) -> None:
    half, top = scene.rng.uniform(85, 120), scene.rng.uniform(80, 130)
    glow = colour(0.13, 0.85, 0.82)
    scene.shadow(95)
    scene.shape((320 - half, top + 120), (320 + half, top + 120), (440, 372), (200, 372), fill=glow)
    scene.box(312, top + 110, 328, 405, scene.dark, 4)
    scene.box(250, 398, 390, 418, scene.dark, 10)
    scene.shape(
        (320 - half * 0.5, top), (320 + half * 0.5, top), (320 + half, top + 120),
        (320 - half, top + 120),
        fill=scene.main,
    )  # fmt: skip
    scene.box(320 - half, top + 110, 320 + half, top + 122, scene.light, 4)


def book(scene: Scene) -> None:
    half, top = scene.rng.uniform(88, 112), scene.rng.uniform(130, 175)
    scene.shadow(half + 25)
    scene.box(320 - half + 6, top + 8, 320 + half + 12, 417, scene.dark, 8)
    scene.box(320 - half + 6, top + 8, 320 + half + 5, 410, scene.paper, 4)
    scene.box(320 - half, top, 320 + half, 405, scene.main, 8)
    scene.box(320 - half, top, 320 - half + 24, 405, scene.dark, 8)
    scene.box(320 - half + 55, top + 45, 320 + half - 30, top + 105, scene.paper, 4)
    scene.line((320 - half + 70, top + 66), (320 + half - 46, top + 66), fill=scene.dark, width=4)
    scene.line((320 - half + 70, top + 85), (320 + half - 75, top + 85), fill=scene.dark, width=4)
    scene.box(320 + half - 62, top, 320 + half - 50, 440, scene.accent)


def bag(scene: Scene) -> None:
    half, top = scene.rng.uniform(100, 140), scene.rng.uniform(205, 250)
    scene.shadow(half + 30)
    scene.arc(320 - half * 0.5, top - 95, 320 + half * 0.5, top + 95, scene.dark, 12)
    scene.shape(
        (320 - half * 0.86, top), (320 + half * 0.86, top), (320 + half, 417), (320 - half, 417),
        fill=scene.main,
    )  # fmt: skip
    scene.shape(
        (320 - half * 0.86, top), (320 + half * 0.86, top), (320 + half * 0.9, top + 44),
        (320 - half * 0.9, top + 44),
        fill=scene.light,
    )  # fmt: skip
    for side in (-1, 1):
        x = 320 + side * half * 0.48
        scene.box(x - 9, top + 10, x + 9, top + 66, scene.dark, 4)
    scene.box(290, 320, 350, 365, scene.accent, 6)


def candle(scene: Scene) -> None:
    half, top = scene.rng.uniform(38, 66), scene.rng.uniform(180, 270)
    scene.shadow(half + 55)
    scene.ellipse(320 - 85, top - 145, 320 + 85, top + 25, colour(0.13, 0.80, 0.88))
    scene.ellipse(320 - half - 36, 388, 320 + half + 36, 424, scene.dark)
    scene.box(320 - half, top, 320 + half, 408, scene.main, 12)
    scene.box(320 - half, top + 70, 320 + half, top + 98, scene.paper)
    scene.ellipse(320 - half, top - 12, 320 + half, top + 14, scene.light)
    scene.line((320, top), (320, top - 26), fill=scene.dark, width=4)
    scene.shape((320, top - 95), (338, top - 45), (302, top - 45), fill=colour(0.10, 0.95, 0.58))
    scene.ellipse(301, top - 64, 339, top - 20, colour(0.10, 0.95, 0.58))
    scene.ellipse(311, top - 48, 329, top - 23, colour(0.14, 0.95, 0.80))


def clock(scene: Scene) -> None:
    half = scene.rng.uniform(105, 140)
    y = 415 - half
    hour, minute = scene.rng.random(), scene.rng.random()
    scene.shadow(half * 0.8)
    scene.ellipse(320 - half, y - half, 320 + half, y + half, scene.main)
    scene.ellipse(320 - half + 16, y - half + 16, 320 + half - 16, y + half - 16, scene.paper)
    for tick in range(12):
        scene.line(
            _on_dial(y, tick / 12, half - 40), _on_dial(y, tick / 12, half - 26),
            fill=scene.dark, width=5 if tick % 3 == 0 else 3,
        )  # fmt: skip
    scene.line((320, y), _on_dial(y, hour, half * 0.42), fill=scene.dark, width=10)
    scene.line((320, y), _on_dial(y, minute, half * 0.64), fill=scene.accent, width=6)
    scene.ellipse(308, y - 12, 332, y + 12, scene.dark)


def _on_dial(centre: float, turn: float, radius: float) -> Point:
    angle = turn * 2 * math.pi
    return 320 + radius * math.sin(angle), centre - radius * math.cos(angle)


MOTIFS: dict[str, Callable[[Scene], None]] = {
    motif.__name__: motif for motif in (cup, vase, plant, lamp, book, bag, candle, clock)
}


def draw(motif: str, seed: str) -> bytes:
    """A WebP picture of 640 by 480 pixels, the same for the same seed."""
    rng = Random(seed)  # noqa: S311 - a picture must come out the same again
    scene = Scene(rng, rng.choice(HUES) + rng.uniform(-0.015, 0.015))
    MOTIFS[motif](scene)
    file = io.BytesIO()
    scene.image.resize((WIDTH, HEIGHT), Image.Resampling.BOX).save(file, "WEBP", quality=82)
    return file.getvalue()
