"""Who lives where, and what is played of an evening."""

import datetime as dt
import math
import random
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

LAST, DAYS = dt.date(2026, 1, 14), 60
START = LAST - dt.timedelta(days=DAYS - 1)
CHRISTMAS = (dt.date(2025, 12, 24) - START).days
DAY_S, UTC_OFFSET_S = 86_400, 3_600
SHOWS, _FILMS = 1_500, 3_000
_PROVIDERS = [(0x50000000 + (n << 19), 1 << bits) for n, bits in enumerate((18, 17, 17, 16, 15, 15))]  # first, size
_CARRIERS = [(0x60000000 + (n << 16), size) for n, size in enumerate((400, 250, 120))]
HOTELS, FARM = 0x71000000, 0x73000000

Title = tuple[str, int, int]  # "film" or "show", which, episode


@dataclass
class Home:
    """A line at home; `lease` says how long it keeps an address: static, weeks, daily, or one of many shared ones."""

    number: int
    pool: tuple[int, int]
    lease: str
    phase_days: float


@dataclass
class Person:
    """Somebody who plays from day `first` until before `last`, at home unless `where` gives another address."""

    home: Home
    tv: str | None
    phone: str | None
    other: str | None
    rate: float  # sessions on a working day
    carrier: tuple[int, int]
    peak_h: float
    outdoors_share: float  # of the sessions on the telephone
    filmy: float
    first: int = 0
    last: int = DAYS
    where: Callable[[int], int | None] = lambda day: None
    renewals: list[Callable[[int, str], str]] = field(default_factory=list)
    following: list[list[int]] = field(default_factory=list)  # show and episode, the newest first


class Service:
    """A national video service in UTC+1; a row is one playback: account, device, title, second, its length, address."""

    def __init__(self, seed: int) -> None:
        self.random, self.seed, self.made = random.Random(seed), seed, 0
        self.rows: list[tuple[str, str, str, int, int, int]] = []
        self.busy: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self.exits = [[0x70000000 + (n << 10) + self.random.randrange(1024) for _ in range(60)] for n in range(3)]
        self.hotel_tvs = [self.device() for _ in range(30)]
        self.farmed: list[Title] = [("film", self.random.randrange(1_000, _FILMS), 0) for _ in range(3)]
        self.rings = [([self.device() for _ in range(4)], self.home("static")) for _ in range(3)]
        self.waiting: list[list[Person]] = []  # homes whose second account is to come

    def fixed(self, *what: object) -> int:
        """A number that is always the same for the same thing."""
        return zlib.crc32(repr((self.seed, what)).encode())

    def device(self) -> str:
        self.made += 1
        return f"d{self.made:x}-{self.random.getrandbits(24):06x}"

    def popular(self, of: int) -> int:
        """One of so many titles, mostly one of the popular."""
        return int(of ** self.random.random()) - 1 if self.random.random() < 0.85 else self.random.randrange(of)

    def film(self) -> Title:
        return "film", self.popular(_FILMS), 0

    def runtime_s(self, title: Title) -> int:
        of_show, of_film = (22, 42, 48, 55)[self.fixed("show", title[1]) % 4] * 60, self.fixed("film", title[1]) % 4_200
        return of_show if title[0] == "show" else 80 * 60 + of_film

    def poisson(self, mean: float) -> int:
        count, product = 0, self.random.random()
        while product > math.exp(-mean):
            count, product = count + 1, product * self.random.random()
        return count

    def home(self, lease: str | None = None) -> Home:
        self.made += 1
        kept = self.random.choices(("static", "weeks", "daily", "shared"), (40, 38, 15, 7))[0]
        pool = self.random.choices(_PROVIDERS, (5, 4, 3, 2, 2, 1))[0]
        return Home(self.made, pool, lease or kept, self.random.random() * 30)

    def address(self, home: Home, day: int) -> int:
        first, size = home.pool
        if home.lease == "shared":
            return first + self.fixed("shared", home.number % 50, day) % 300
        lease = {"static": 0, "weeks": int((day + home.phase_days) / 23), "daily": day}[home.lease]
        return first + self.fixed("address", home.number, lease) % size

    def mobile(self, carrier: tuple[int, int]) -> int:
        return carrier[0] + self.random.randrange(carrier[1])

    def person(self, home: Home, tv: str | None = None, rate: float | None = None) -> Person:
        r = self.random
        phone, other = (self.device() if r.random() < share else None for share in (0.8, 0.35))
        rate = r.lognormvariate(-0.9, 0.7) if rate is None else rate
        return Person(
            home, tv, phone, other, rate, r.choice(_CARRIERS), r.gauss(20.3, 1.6), r.random() ** 2 * 0.5, r.random()
        )

    def family(self, sizes: Iterable[int] = (), rates: tuple[float, float] | None = None) -> list[Person]:
        """A new home and who lives there, as many as one of the `sizes`."""
        home, first_tv, second_tv = self.home(), self.device() if self.random.random() < 0.85 else None, self.device()
        size = self.random.choice(list(sizes) or [1] * 30 + [2] * 32 + [3] * 16 + [4] * 15 + [5] * 7)
        rate = self.random.uniform(*rates) if rates else None
        return [
            self.person(home, first_tv if n < 3 or self.random.random() < 0.5 else second_tv, rate) for n in range(size)
        ]

    def household(self, sizes: Iterable[int] = ()) -> list[Person]:
        """A family, of which some get a new set and telephone at Christmas or new ids from a release of the app."""
        people = self.family(sizes)
        if self.random.random() < 0.4:
            new = {people[0].tv: self.device(), self.random.choice(people).phone: self.device()}
            for person in people:
                person.renewals.append(lambda day, device: new.get(device, device) if day > CHRISTMAS else device)
        if self.random.random() < 0.1:
            again: dict[str, str] = {}
            release = 35 + self.random.randrange(3)
            for person in people:
                person.renewals.append(
                    lambda day, device: again.setdefault(device, self.device()) if day >= release else device
                )
        return people

    def title(self, person: Person) -> Title:
        if self.random.random() < 0.3 * person.filmy:
            return self.film()
        if not person.following or self.random.random() < 0.06:
            person.following = [[self.popular(SHOWS), 0], *person.following][:3]
        show = self.random.choice(person.following[:2])
        show[1] += 1
        if show[1] > 8 + self.fixed("episodes", show[0]) % 40:
            person.following.remove(show)
        return "show", show[0], show[1]

    def play(self, account: str, device: str, title: Title, second: int, duration_s: int, address: int) -> None:
        if 0 <= second < DAYS * DAY_S:
            self.busy.setdefault((device, second // DAY_S), []).append((second, second + duration_s))
            self.rows.append((account, device, "{}-{}-{}".format(*title), second, duration_s, address))

    def free(self, device: str, second: int) -> int:
        """The first second from this one on when nobody plays on the device."""
        for begin, end in sorted(self.busy.get((device, second // DAY_S), ())):
            if begin - 1_800 <= second < end:
                second = end + 20
        return second

    def live(self, account: str, people: Iterable[Person], titles: tuple[int, int] = (1, 3)) -> None:
        """Let them play all their days, so many titles in a session."""
        for person in people:
            for day in range(max(0, person.first), min(DAYS, person.last)):
                weekend = (START + dt.timedelta(days=day)).weekday() >= 4
                for _ in range(self.poisson(person.rate * (1.5 if weekend else 1))):
                    self.session(account, person, day, self.random.randint(*titles))

    def session(self, account: str, person: Person, day: int, titles: int) -> None:
        r = self.random
        hour = person.peak_h + r.gauss(0, 2) if r.random() < 0.75 else r.uniform(8, 24)
        screens = {person.tv: 6, person.phone: 2, person.other: 2}
        device = r.choices(list(screens), [weight if name else 0.001 for name, weight in screens.items()])[0]
        if device is None:
            device = person.phone = person.phone or self.device()
        address = person.where(day)
        if address is None and device == person.phone and r.random() < person.outdoors_share:
            address = self.mobile(person.carrier)
        for renew in person.renewals:
            device = renew(day, device)
        second = self.free(device, day * DAY_S + int(hour * 3_600) % DAY_S)
        for _ in range(titles):
            title = self.title(person)
            share = r.choice((1, 0.97, 0.99, 0.95, max(0.02, r.random())))
            duration_s = int(self.runtime_s(title) * share)
            self.play(
                account,
                device,
                title,
                second,
                duration_s,
                self.address(person.home, day) if address is None else address,
            )
            second += duration_s + r.randint(3, 90)
            if share < 0.5 or r.random() < 0.3:
                break

    def stays(self, gaps_days: tuple[int, int], of: int) -> dict[int, int]:
        """By day away which of so many hotels somebody is in."""
        stays, day = {}, self.random.randrange(6)
        while day < DAYS:
            nights, hotel = self.random.randint(1, 4), self.random.randrange(of)
            stays.update(dict.fromkeys(range(day, day + nights), hotel))
            day += nights + self.random.randint(*gaps_days)
        return stays
