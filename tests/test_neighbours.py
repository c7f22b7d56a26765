"""What accounts have in common."""

import datetime as dt
from typing import Any

import polars as pl
import pytest

from detector import tables
from detector.neighbours import Neighbours, meet

DAY = dt.date(2025, 6, 30)


def _meet(*visits: dict[str, Any], titles: tuple[dict[str, Any], ...] = ()) -> Neighbours:
    def frame(rows: tuple[dict[str, Any], ...], table: type[tables.Visits] | type[tables.TitleDays]) -> pl.LazyFrame:
        return tables.shape(pl.LazyFrame([{"plays": 1, "day": DAY} | row for row in rows] or None), table)

    return meet(frame(visits, tables.Visits), frame(titles, tables.TitleDays) if titles else _no_titles())


def _no_titles() -> pl.LazyFrame:
    return pl.LazyFrame(schema=tables.columns(tables.TitleDays))


def _days(n: int, **visit: Any) -> list[dict[str, Any]]:
    return [visit | {"day": DAY - dt.timedelta(days=ago)} for ago in range(n)]


def _ring(met: Neighbours) -> dict[int, int]:
    return dict(met.accounts.select("account", "ring_accounts").iter_rows())


def test_a_shared_device_ties_accounts_also_through_others() -> None:
    """1 and 2 share a device, 2 and 3 another: all three are one ring; 4 stands alone and has no row."""
    met = _meet(
        {"account": 1, "device": 10}, {"account": 2, "device": 10}, {"account": 2, "device": 20},
        {"account": 3, "device": 20}, {"account": 4, "device": 40},
    )  # fmt: skip
    assert _ring(met) == {1: 3, 2: 3, 3: 3}
    assert met.accounts["device_accounts"].to_list() == [1, 1, 1]


def test_a_device_is_in_several_hands_only_where_they_are_on_it_beside_one_another() -> None:
    """Two accounts play on one screen for days; a guest was on it for two, and who had it before is gone."""
    before = [visit | {"day": visit["day"] - dt.timedelta(days=20)} for visit in _days(5, account=4, device=10)]
    met = _meet(
        *_days(9, account=1, device=10), *_days(9, account=2, device=10), *_days(2, account=3, device=10), *before
    )
    by_account = met.accounts.select("account", "device_accounts", "device_accounts_beside").rows()
    assert by_account == [(1, 3, 1), (2, 3, 1), (3, 3, 0), (4, 3, 0)]


def test_a_line_that_goes_from_home_to_home_ties_each_of_them_alone() -> None:
    """Two accounts had it for two weeks, two others since: two rings of two. A guest of an evening ties nobody."""
    before = [
        visit | {"day": visit["day"] - dt.timedelta(days=15)}
        for account in (1, 2)
        for visit in _days(12, account=account, address=7)
    ]
    later = [visit for account in (3, 4) for visit in _days(12, account=account, address=7)]
    assert _ring(_meet(*before, *later)) == {1: 2, 2: 2, 3: 2, 4: 2}
    guest = _days(1, account=5, address=7)[0] | {"day": DAY - dt.timedelta(days=20)}
    alone = [visit for visit in before if visit["account"] == 1]
    assert _ring(_meet(*alone, guest, *later)) == {3: 2, 4: 2}


def test_a_guest_at_a_hotels_screen_has_no_other_on_a_device_for_having_a_flatmate() -> None:
    """Facts of one device do not depend on what another device shows."""
    guests = [
        visit | {"day": visit["day"] - dt.timedelta(days=2 * account)}
        for account in range(1, 10)
        for visit in _days(2, account=account, device=10) + [visit | {"day": visit["day"] - dt.timedelta(days=40 + n)}
        for n in range(9) for visit in _days(1, account=account, device=100 + account)]
    ]  # fmt: skip
    flat = [visit for account in (1, 20) for visit in _days(9, account=account, device=50)]
    met = _meet(*guests, *flat)
    assert met.accounts.select("account", "device_accounts").rows() == [(1, 1), (20, 1)]


def test_a_host_is_beside_each_guest_and_these_beside_nobody_else() -> None:
    """The screen of a holiday flat: who lives there is on it all month, four guests one after the other."""
    guests = [
        visit | {"day": visit["day"] - dt.timedelta(days=6 * account)}
        for account in range(1, 5)
        for visit in _days(4, account=account, device=10)
    ]
    met = _meet(*_days(28, account=9, device=10), *guests)
    beside = dict(met.accounts.select("account", "device_accounts_beside").iter_rows())
    assert beside == {1: 1, 2: 1, 3: 1, 4: 1, 9: 4}


def test_a_guest_of_an_evening_makes_nobody_there_beside_another() -> None:
    """A hotel's screen again: while each of two was on it, one after the other, somebody else was for an evening."""
    visits = [
        visit | {"day": visit["day"] - dt.timedelta(days=ago)}
        for account, n, ago in ((1, 4, 0), (2, 4, 10), (3, 1, 2), (4, 1, 12))
        for visit in _days(n, account=account, device=10)
    ]
    at_home = [visit for account in range(1, 5) for visit in _days(20, account=account, device=account)]
    assert _ring(_meet(*visits, *at_home)) == {}


def test_a_hotels_screen_ties_none_of_its_guests() -> None:
    """Each was on it for some days, one after the other, and played at home on most."""
    visits = [
        *_days(20, account=1, device=1), *_days(20, account=2, device=2), *_days(4, account=1, device=10),
        *(visit | {"day": visit["day"] - dt.timedelta(days=10)} for visit in _days(4, account=2, device=10)),
    ]  # fmt: skip
    assert _ring(_meet(*visits)) == {}


@pytest.mark.parametrize(("days", "tied"), [(3, True), (2, False)])
def test_a_home_address_ties_only_who_is_there_for_days(days: int, tied: bool) -> None:
    """A visit, or a lease that goes from one home to the next, ties nobody."""
    met = _meet(*_days(5, account=1, address=7), *_days(days, account=2, address=7))
    assert _ring(met) == ({1: 2, 2: 2} if tied else {})


def test_a_lease_that_goes_from_home_to_home_ties_nobody() -> None:
    """One account had the address in the first days, another after it."""
    visits = [visit | {"account": 2 if nth < 4 else 1} for nth, visit in enumerate(_days(9, address=7))]
    assert _ring(_meet(*visits)) == {}


def test_one_of_many_addresses_ties_nobody() -> None:
    """A provider that hands out another address each day gives the same one to many, a day each."""
    visits = [
        visit | {"address": 7 if nth % 9 == account else 100 * account + nth}
        for account in (1, 2)
        for nth, visit in enumerate(_days(28, account=account))
    ]
    assert _ring(_meet(*visits)) == {}


@pytest.mark.parametrize("kind", ["mobile", "vpn", "hotel", "education"])
def test_where_strangers_meet_nobody_is_tied(kind: str) -> None:
    """An address of a carrier, an exit, a hotel or a campus says nothing."""
    visits = [visit for account in (1, 2) for visit in _days(5, account=account, address=7, network_kind=kind)]
    assert _ring(_meet(*visits)) == {}


def test_a_shared_machine_room_ties() -> None:
    """In a data centre nobody meets by chance."""
    visits = [visit for account in (1, 2) for visit in _days(5, account=account, address=7, network_kind="hosting")]
    assert _ring(_meet(*visits)) == {1: 2, 2: 2}


def test_an_address_of_many_is_a_hub_and_ties_nobody() -> None:
    """What a crowd uses is nobody's home, whatever it is called; a few accounts are no crowd."""
    crowd = [visit for account in range(1, 31) for visit in _days(4, account=account, address=7)]
    few = [visit for account in (1, 2) for visit in _days(4, account=account, address=8)]
    met = _meet(*crowd, *few)
    assert met.hubs.to_list() == [7]
    assert _ring(met) == {1: 2, 2: 2}


@pytest.mark.parametrize("accounts", [2, 30])
def test_the_network_that_a_server_stands_in_ties_nobody_and_is_no_hub(accounts: int) -> None:
    """Whoever is on it is at home there."""
    met = _meet(*(visit for n in range(accounts) for visit in _days(4, account=n, address=tables.LAN)))
    assert (met.hubs.to_list(), _ring(met)) == ([], {})


def test_an_id_that_everybody_shows_is_no_device() -> None:
    """A release that gives all of them the same id must not make a ring of the whole service."""
    assert _ring(_meet(*({"account": account, "device": 10} for account in range(1, 200)))) == {}


def test_unknown_devices_are_never_equal() -> None:
    """Null ties nobody."""
    assert _ring(_meet({"account": 1}, {"account": 2})) == {}


def test_lockstep_is_the_share_of_titles_played_by_the_ring_on_the_same_day() -> None:
    """Two of three titles of 1 were played by 2 on that day; the same title by a stranger or on another day is none."""
    titles = tuple(
        {"account": account, "title": title, "day": DAY - dt.timedelta(days=ago)}
        for account, title, ago in [(1, 5, 0), (1, 6, 0), (1, 7, 0), (2, 5, 0), (2, 6, 0), (2, 7, 1), (9, 7, 0)]
    )
    met = _meet({"account": 1, "device": 10}, {"account": 2, "device": 10}, titles=titles)
    assert met.accounts["lockstep_share"].to_list() == pytest.approx([2 / 3, 2 / 3])


def test_the_order_of_visits_changes_nothing() -> None:
    """Rows shuffled, the same rings."""
    visits = [
        visit for account in range(20) for visit in _days(4, account=account, address=account // 2, device=account % 7)
    ]
    one, other = _meet(*visits), _meet(*reversed(visits))
    assert one.accounts.equals(other.accounts)
    assert one.hubs.equals(other.hubs)
