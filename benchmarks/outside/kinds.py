"""The kinds of accounts, the innocent first, and a service of them all."""

import datetime as dt
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from benchmarks.outside.service import CHRISTMAS, DAY_S, DAYS, FARM, HOTELS, SHOWS, START, UTC_OFFSET_S, Service


@dataclass(frozen=True)
class Kind:
    """A way to use an account: its label, its share of the accounts in per cent or so, and how one is played."""

    label: str
    share: float
    play: Callable[[Service, str], None]


KINDS: dict[str, Kind] = {}


def _kind(label: str, share: float) -> Callable[[Callable[[Service, str], None]], None]:
    def keep(play: Callable[[Service, str], None]) -> None:
        KINDS[play.__name__.strip("_")] = Kind(label, share, play)

    return keep


@_kind("benign", 62)
def _ordinary_household(s: Service, account: str) -> None:
    s.live(account, s.household())


@_kind("benign", 3)
def _big_family(s: Service, account: str) -> None:
    s.live(account, s.household((6, 7, 8)))


@_kind("benign", 3)
def _traveller(s: Service, account: str) -> None:
    people, stays = s.household(), s.stays((2, 10), 1 << 16)
    people[0].tv, people[0].where = None, lambda day: HOTELS + stays[day] if day in stays else None
    s.live(account, people)


@_kind("benign", 2)
def _hotel_guest(s: Service, account: str) -> None:
    people, stays = s.household((1, 2)), s.stays((2, 14), 30)
    guest = people[0]
    guest.where = lambda day: HOTELS + (1 << 16) + stays[day] if day in stays else None
    guest.renewals.append(
        lambda day, device: s.hotel_tvs[stays[day]] if day in stays and device == guest.tv else device
    )
    s.live(account, people)


@_kind("benign", 2)
def _carrier_only(s: Service, account: str) -> None:
    people = s.family((1, 2))
    for person in people:
        person.where = lambda day: s.mobile(people[0].carrier)
    s.live(account, people)


@_kind("benign", 2)
def _vpn_user(s: Service, account: str) -> None:
    people, exits = s.household(), s.random.choice(s.exits)
    people[0].where = lambda day: s.random.choice(exits) if s.random.random() < 0.7 else None
    s.live(account, people)


@_kind("benign", 2)
def _child_loop(s: Service, account: str) -> None:
    people, tablet, film = s.household((3, 4, 5)), s.device(), s.film()
    s.live(account, people[:-1])
    for day in range(s.random.randrange(30), DAYS):
        second = day * DAY_S + int(s.random.gauss(16, 1) * 3_600)
        for _ in range(s.poisson(1.4)):
            duration_s = int(s.runtime_s(film) * s.random.choice((1, 1, 0.9, s.random.random())))
            s.play(account, tablet, film, second, duration_s, s.address(people[0].home, day))
            second += duration_s + s.random.randint(60, 3_600)


@_kind("benign", 2)
def _sleeper(s: Service, account: str) -> None:
    people, show, episode = s.household((1, 2, 3)), s.popular(SHOWS), 0
    s.live(account, people)
    device = people[0].tv or people[0].phone or s.device()
    for day in range(DAYS):
        second = s.free(device, day * DAY_S + int(s.random.gauss(22.7, 0.5) * 3_600))
        for _ in range(s.random.randint(2, 9) if s.random.random() < 0.8 else 0):
            episode = (episode + 1) % 24
            title = ("show", show, episode)
            s.play(account, device, title, second, s.runtime_s(title), s.address(people[0].home, day))
            second += s.runtime_s(title) + 8


@_kind("benign", 2)
def _private_browser(s: Service, account: str) -> None:
    people = s.household((1, 2))
    people[0].tv = None
    people[0].renewals = [lambda day, device: f"w{s.fixed(account, device, day):08x}"]
    s.live(account, people)


@_kind("benign", 1.5)
def _mover(s: Service, account: str) -> None:
    people, new, moved = s.household(), s.home(), s.random.randint(10, 55)
    for person in people:
        person.where = lambda day: s.address(new, day) if day >= moved and s.random.random() > 0.1 else None
    s.live(account, people)


@_kind("benign", 2)
def _student(s: Service, account: str) -> None:
    people, flat, days = s.household((3, 4)), s.home(), s.random.choice((5, 7, 7))
    people[-1].tv = s.device() if s.random.random() < 0.3 else None
    people[-1].where = lambda day: (
        None if CHRISTMAS - 2 < day < CHRISTMAS + 10 or day % 7 >= days else s.address(flat, day)
    )
    s.live(account, people)


@_kind("benign", 2)
def _weekend_house(s: Service, account: str) -> None:
    people, house, set_there = s.household(), s.home("static"), s.device()
    away = {
        day
        for day in range(DAYS)
        if (START + dt.timedelta(days=day)).weekday() > 4 and s.fixed(account, day // 7) % 5 < 3
    }
    tvs = {person.tv for person in people}
    for person in people:
        person.where = lambda day: s.address(house, day) if day in away else None
        person.renewals.insert(0, lambda day, device: set_there if day in away and device in tvs else device)
    s.live(account, people)


@_kind("benign", 2)
def _holiday_guests(s: Service, account: str) -> None:
    people, come = s.household(), s.random.randint(CHRISTMAS - 4, CHRISTMAS + 3)
    guests = [s.person(people[0].home, rate=0.7) for _ in range(s.random.randint(2, 4))]
    for guest in guests:
        guest.first, guest.last = come, come + s.random.randint(3, 12)
    s.live(account, people + guests)


@_kind("benign", 2)
def _binge(s: Service, account: str) -> None:
    people, first = s.household((1, 2)), s.random.randint(5, 58)
    s.live(account, people)
    people[0].first, people[0].last = first, first + s.random.randint(2, 5)
    people[0].rate *= 2
    s.live(account, people[:1], (5, 14))


@_kind("benign", 1.5)
def _night_shift(s: Service, account: str) -> None:
    people = s.household((1, 2))
    people[0].peak_h = s.random.gauss(3, 1.5)
    s.live(account, people)


@_kind("benign", 1.5)
def _abroad_three_weeks(s: Service, account: str) -> None:
    people, first = s.household(), s.random.randint(5, 55)
    hotels = [HOTELS + s.random.randrange(1 << 16) for _ in range(3)]
    for person in people:
        person.where = lambda day: hotels[(day - first) // 7] if first <= day < first + 21 else None
    s.live(account, people)


@_kind("benign", 3)
def _new_account(s: Service, account: str) -> None:
    people, first = s.household(), DAYS - s.random.randint(3, 30)
    for person in people:
        person.first = first
    s.live(account, people)


@_kind("benign", 1.5)
def _dormant_back(s: Service, account: str) -> None:
    people, back = s.household(), DAYS - s.random.randint(5, 20)
    for person in people:
        person.last = s.random.randint(4, 12)
    s.live(account, people)
    for person in people:
        person.first, person.last, person.phone = back, DAYS, s.device()
    s.live(account, people)


@_kind("benign", 1.5)
def _two_accounts_one_home(s: Service, account: str) -> None:
    if s.waiting:
        first = s.waiting.pop()[0]
        s.live(account, [s.person(first.home, first.tv, s.random.uniform(0.3, 0.9))])
    else:
        s.waiting.append(s.family((2, 3)))
        s.live(account, s.waiting[0])


@_kind("benign", 2)
def _dorm(s: Service, account: str) -> None:
    people, dorm = s.family((1,)), 0x72000000 + s.random.randrange(4) * 256
    people[0].where = lambda day: dorm + s.random.randrange(2) if s.random.random() < 0.85 else None
    s.live(account, people)


@_kind("sharing", 3.5)
def _friends(s: Service, account: str) -> None:
    s.live(account, s.household())
    for _ in range(s.random.choice((1, 1, 1, 2))):
        s.live(account, s.family((1, 2)))


@_kind("abuse", 0.25)
def _resale(s: Service, account: str) -> None:
    if s.random.random() < 0.5:
        s.live(account, s.household((1, 2)))
    for _ in range(s.random.randint(10, 30)):
        tv = s.device() if s.random.random() < 0.4 else None
        buyer = s.person(s.home(), tv, s.random.uniform(0.2, 0.9))
        buyer.first = s.random.randint(-20, DAYS - 2)
        buyer.last = buyer.first + int(s.random.expovariate(1 / 20)) + 2
        s.live(account, [buyer])


@_kind("abuse", 0.3)
def _rented(s: Service, account: str) -> None:
    s.live(account, s.household((1, 2, 3)))
    for _ in range(s.random.randint(2, 4)):
        s.live(account, s.family((1, 1, 2), (0.3, 0.8)))


@_kind("abuse", 0.2)
def _restream(s: Service, account: str) -> None:
    home = s.home("static")
    for _ in range(s.random.randint(1, 3)):
        device, second, show, episode = s.device(), s.random.randint(0, 20) * DAY_S, s.popular(SHOWS), 0
        while second < DAYS * DAY_S:
            show, episode = (show, episode + 1) if episode < 30 else (s.popular(SHOWS), 1)
            title = ("show", show, episode)
            s.play(account, device, title, second, s.runtime_s(title), s.address(home, 0))
            rest_s = s.random.randint(3_600, 40_000) if s.random.random() < 0.004 else s.random.randint(2, 30)
            second += s.runtime_s(title) + rest_s


@_kind("abuse", 0.25)
def _loop_farm(s: Service, account: str) -> None:
    device, second = s.device(), s.random.randint(0, 30) * DAY_S
    while second < DAYS * DAY_S:
        title = s.random.choice(s.farmed)
        duration_s = int(s.runtime_s(title) * s.random.uniform(0.72, 1))
        s.play(account, device, title, second, duration_s, FARM + s.random.randrange(4))
        rest_s = s.random.randint(5, 9) * 3_600 if s.random.random() < 0.08 else s.random.randint(5, 60)
        second += duration_s + rest_s


@_kind("abuse", 0.15)
def _looper(s: Service, account: str) -> None:
    people, film = s.household((1,)), s.film()
    s.live(account, people)
    device = people[0].tv or people[0].phone or s.device()
    for day in range(DAYS):
        if s.random.random() < 0.985:
            second = day * DAY_S + int(s.random.gauss(19, 2) * 3_600)
            s.play(account, device, film, second, s.runtime_s(film), s.address(people[0].home, day))


def _takeover(s: Service, account: str, *, silent: bool) -> None:
    people, taken = s.household(), DAYS - s.random.randint(5, 28)
    thieves = s.family((1, 1, 2), (0.5, 1.2))
    for person in people:
        person.last = taken + s.random.randint(0, 4) if silent else DAYS
    for thief in thieves:
        thief.first = taken
    s.live(account, people + thieves)


@_kind("abuse", 0.25)
def _takeover_silent(s: Service, account: str) -> None:
    _takeover(s, account, silent=True)


@_kind("abuse", 0.25)
def _takeover_beside(s: Service, account: str) -> None:
    _takeover(s, account, silent=False)


@_kind("abuse", 0.4)
def _ring(s: Service, account: str) -> None:
    devices, home = s.random.choice(s.rings)
    if s.random.random() < 0.5:
        s.live(account, s.household((1, 2)))
    member = s.person(home, devices[0], 1)
    member.renewals = [lambda day, device: s.random.choice(devices)]
    s.live(account, [member])


@_kind("abuse", 0.25)
def _bought_and_sold(s: Service, account: str) -> None:
    s.live(account, s.household((1, 2, 3)))
    for day in range(DAYS - s.random.randint(8, 28), DAYS):
        for _ in range(s.poisson(s.random.uniform(0.5, 1.5))):
            buyer = s.person(s.home(), rate=1.5)
            buyer.first, buyer.last = day, day + s.random.choice((1, 1, 2, 3))
            s.live(account, [buyer])


def service(accounts: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Playbacks as a minimal log says them, and the truth: `account_id, kind, label`."""
    made, truth = Service(seed), []
    for n in range(accounts):
        name = made.random.choices(list(KINDS), [kind.share for kind in KINDS.values()])[0]
        account = f"u{made.fixed('account', n):08x}{n}"
        KINDS[name].play(made, account)
        truth.append((account, name.replace("_", " "), KINDS[name].label))
    midnight = dt.datetime.combine(START, dt.time(), dt.UTC) - dt.timedelta(seconds=UTC_OFFSET_S)
    rows = [
        (
            account,
            device,
            title,
            midnight + dt.timedelta(seconds=second),
            duration_s,
            str(ipaddress.ip_address(address)),
        )
        for account, device, title, second, duration_s, address in made.rows
    ]
    columns = ["account_id", "device_id", "title_id", "started_at", "duration_s", "ip"]
    playbacks = pl.DataFrame(rows, schema=columns, orient="row").sort("started_at", "account_id", "device_id")
    return playbacks, pl.DataFrame(truth, schema=["account_id", "kind", "label"], orient="row")
