"""How people of a service live on average: a set of customs for each variant; the last is for evaluation only."""

from dataclasses import dataclass

import numpy as np

from detector.simulate.world import CITIES, WEIGHT_OF_CITY, Array

Span = tuple[int, int]


@dataclass(frozen=True)
class Customs:
    """Numbers of everyday life; what comes in threes is by role: adult, teenager, child. Minutes are of the day."""

    weight_of_city: Array
    popularity: float  # how steeply the catalogue falls from its first title; 0: not at all
    size_shares: tuple[float, ...]  # households of one, two, ... people
    wake: tuple[Span, Span, Span]  # the earliest and latest habit
    bed: tuple[Span, Span, Span]
    busy_from: tuple[Span, Span, Span]
    busy_to: tuple[Span, Span, Span]
    tv_share: tuple[float, float, float]
    out_share: tuple[float, float, float]
    film_share: tuple[float, float, float]
    pace: tuple[float, float, float]
    liveliness: tuple[float, float, float]  # sittings a day of a typical household; their logarithm's mean and spread
    laptop_share: float
    lease_days: dict[int, float]  # days that an address at home lasts (0: for good), and how common that is
    dual_stack_share: float  # homes that have IPv6 beside IPv4
    misplaced_share: float  # addresses that a look-up puts into a neighbouring city


USUAL = Customs(
    weight_of_city=WEIGHT_OF_CITY,
    popularity=0.4,
    size_shares=(0.27, 0.31, 0.17, 0.15, 0.07, 0.03),
    wake=((375, 510), (390, 510), (370, 460)),
    bed=((1320, 1490), (1290, 1410), (1150, 1250)),
    busy_from=((480, 560), (470, 490), (500, 530)),
    busy_to=((990, 1110), (900, 960), (870, 930)),
    tv_share=(0.6, 0.35, 0.5),
    out_share=(0.08, 0.1, 0.0),
    film_share=(0.47, 0.41, 0.34),
    pace=(1.0, 1.0, 0.8),
    liveliness=(0.5, -0.5, 1.0),
    laptop_share=0.5,
    lease_days={0: 0.5, 1: 0.1, 7: 0.08, 30: 0.14, 90: 0.18},
    dual_stack_share=0.4,
    misplaced_share=0.05,
)

# A younger, poorer, warmer service: later hours, phones before TVs, blockbusters, few films, addresses for a day.
_ELSEWHERE = {"BR": 3.0, "IN": 3.0, "NG": 3.0, "TR": 3.0, "ES": 1.5, "US": 0.5, "GB": 0.5, "DE": 0.5, "JP": 0.3}
_weight = np.array([city[6] * _ELSEWHERE.get(city[2], 1.0) for city in CITIES])
OTHER = Customs(
    weight_of_city=_weight / _weight.sum(),
    popularity=0.9,
    size_shares=(0.15, 0.22, 0.22, 0.2, 0.13, 0.08),
    wake=((420, 560), (400, 540), (390, 480)),
    bed=((1400, 1580), (1380, 1500), (1220, 1340)),
    busy_from=((540, 660), (450, 480), (480, 510)),
    busy_to=((1080, 1230), (780, 850), (760, 840)),
    tv_share=(0.38, 0.2, 0.35),
    out_share=(0.2, 0.22, 0.03),
    film_share=(0.25, 0.2, 0.3),
    pace=(1.0, 1.3, 1.1),
    liveliness=(0.55, -0.35, 0.85),
    laptop_share=0.25,
    lease_days={0: 0.25, 1: 0.4, 3: 0.15, 14: 0.2},
    dual_stack_share=0.65,
    misplaced_share=0.1,
)

# An older, richer, northern service: small homes and early hours, TVs before phones, a catalogue of much that is seen
# by few, addresses that last for months.
_UP_NORTH = {"DE": 3.0, "GB": 2.0, "FR": 2.0, "PL": 2.5, "CA": 2.5, "JP": 2.0, "US": 0.7, "BR": 0.3, "IN": 0.3}
_weight = np.array([city[6] * _UP_NORTH.get(city[2], 1.0) for city in CITIES])
HELD_OUT = Customs(
    weight_of_city=_weight / _weight.sum(),
    popularity=0.15,
    size_shares=(0.38, 0.36, 0.12, 0.1, 0.03, 0.01),
    wake=((330, 460), (380, 480), (350, 440)),
    bed=((1280, 1420), (1260, 1370), (1110, 1210)),
    busy_from=((440, 530), (455, 485), (470, 500)),
    busy_to=((930, 1050), (880, 950), (900, 1000)),
    tv_share=(0.72, 0.45, 0.65),
    out_share=(0.05, 0.08, 0.01),
    film_share=(0.58, 0.5, 0.45),
    pace=(1.0, 0.7, 0.9),
    liveliness=(0.6, -0.6, 1.1),
    laptop_share=0.65,
    lease_days={0: 0.2, 1: 0.15, 60: 0.25, 180: 0.4},
    dual_stack_share=0.25,
    misplaced_share=0.08,
)
