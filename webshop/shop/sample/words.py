"""Ordinary names, put together at random: nobody in the sample data exists."""

from __future__ import annotations

from typing import Final, NamedTuple

GIVEN_NAMES: Final = (
    "Anna", "Anton", "Birgit", "Björn", "Carla", "Chiara", "Clemens", "David", "Doris", "Elif",
    "Emil", "Erik", "Eva", "Fatma", "Felix", "Finn", "Greta", "Günther", "Hanna", "Heike",
    "Ida", "Ines", "Ivan", "Jakob", "Jana", "Jens", "Jonas", "Jürgen", "Karin", "Klara", "Lars",
    "Lena", "Leo", "Lina", "Lukas", "Maja", "Marek", "Maria", "Mats", "Mehmet", "Mia", "Milan",
    "Nadia", "Nele", "Nils", "Nora", "Olga", "Oskar", "Paul", "Petra", "Pia", "Rafael", "Rosa",
    "Sara", "Selin", "Simon", "Sören", "Tarek", "Theo", "Tilda", "Uwe", "Vera", "Willi", "Yara",
    "Zoë",
)  # fmt: skip

FAMILY_NAMES: Final = (
    "Acker", "Albers", "Baumann", "Behrens", "Berger", "Böhm", "Brandt", "Conrad",
    "Dietz", "Drexler", "Ebert", "Engel", "Fink", "Fischer", "Franke", "Frey", "Gärtner",
    "Graf", "Groß", "Haas", "Hansen", "Heinz", "Hofer", "Horn", "Jansen", "Jung", "Kaya",
    "Keller", "Kern", "Klein", "Koch", "König", "Köhler", "Kowalski", "Kramer", "Kuhn", "Lang",
    "Lehner", "Lorenz", "Maier", "Möller", "Nagel", "Neumann", "Novak", "Otto",
    "Peters", "Petersen", "Pohl", "Rauch", "Reuter", "Richter", "Rossi", "Roth", "Sander",
    "Schäfer", "Schreiber", "Schütz", "Seidel", "Sommer", "Stark", "Stein", "Thoma", "Ulrich",
    "Vogel", "Weiß", "Wolf", "Yilmaz", "Zander",
)  # fmt: skip

STREETS: Final = (
    "Ahornweg", "Am Mühlbach", "Bahnhofstraße", "Birkenallee", "Brunnengasse", "Dorfstraße",
    "Eichenweg", "Feldstraße", "Gartenstraße", "Hafenstraße", "Hauptstraße", "Im Grund",
    "Kirchplatz", "Lindenstraße", "Marktplatz", "Nordring", "Rosenweg", "Schulstraße",
    "Seeufer", "Sonnenhang", "Uferstraße", "Waldstraße", "Wiesengrund", "Ziegelgasse",
)  # fmt: skip

TOWNS: Final = (
    "Altfeld", "Birkenau", "Brückthal", "Eichstett", "Falkenried", "Grünbach", "Hohenau",
    "Kaltbrunn", "Lindenau", "Mühlhofen", "Neuweiler", "Oberfeld", "Rautal", "Rosenthal",
    "Schönbrunn", "Seedorf", "Steinach", "Talheim", "Unterau", "Waldkirch",
)  # fmt: skip


class Line(NamedTuple):
    """What one category sells; prices in cents."""

    category: str
    motif: str
    cheapest: int
    dearest: int
    description: str
    products: tuple[str, ...]


LINES: Final = (
    Line(
        "Cups",
        "cup",
        900,
        3200,
        "Thrown and glazed by hand. Safe in the dishwasher.",
        ("Morning Mug", "Espresso Cup", "Tall Mug", "Soup Mug", "Tea Cup", "Camp Mug"),
    ),
    Line(
        "Vases",
        "vase",
        1800,
        7900,
        "Stoneware with a matt glaze, watertight.",
        ("Bud Vase", "Bottle Vase", "Round Vase", "Garden Vase", "Slim Vase", "Meadow Vase"),
    ),
    Line(
        "Plants",
        "plant",
        700,
        4500,
        "Grown without peat, sent in its own pot.",
        ("Rubber Fig", "Peace Lily", "Mint", "Snake Plant", "Sage", "Window Palm"),
    ),
    Line(
        "Lamps",
        "lamp",
        3900,
        18900,
        "A warm light on a solid foot, with a linen cable.",
        ("Desk Lamp", "Reading Lamp", "Bedside Lamp", "Hall Lamp", "Loft Lamp", "Little Lamp"),
    ),
    Line(
        "Books",
        "book",
        600,
        2900,
        "Thread-stitched, 160 pages of paper that ink does not bleed through.",
        ("Notebook", "Sketchbook", "Cook's Diary", "Travel Log", "Guest Book", "Garden Journal"),
    ),
    Line(
        "Bags",
        "bag",
        1900,
        12900,
        "Waxed canvas with long handles, made to be mended.",
        ("Market Bag", "Day Bag", "Weekender", "Book Bag", "Picnic Bag", "Bread Bag"),
    ),
    Line(
        "Candles",
        "candle",
        400,
        2400,
        "Rapeseed wax and a cotton wick. Burns for a long evening.",
        (
            "Pillar Candle",
            "Stub Candle",
            "Garden Candle",
            "Winter Candle",
            "Fig Candle",
            "Tall Candle",
        ),
    ),
    Line(
        "Clocks",
        "clock",
        2900,
        14900,
        "A silent movement behind a printed face.",
        (
            "Kitchen Clock",
            "Studio Clock",
            "Station Clock",
            "Night Clock",
            "Sun Clock",
            "Alarm Clock",
        ),
    ),
)
