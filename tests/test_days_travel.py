"""How fast an account would have had to travel, from play to play and from day to day."""

import pytest
from digests import NEW_YORK, PARIS, TOKYO, digested, one, play


def test_travel_goes_on_from_the_day_before() -> None:
    """Paris in the evening and New York the next morning: their distance over the hours between the starts."""
    rows = [
        play("2025-06-10 20:00", place=PARIS, device_id="1"),
        play("2025-06-11 06:00", place=NEW_YORK, device_id="2"),
    ]
    made = digested(rows, "2025-06-10", "2025-06-11")
    first, second = (day.account_days["fastest_kmh"][0] for day in made.values())
    assert first is None
    assert second == pytest.approx(5_837 / 10, rel=0.01)


def test_travel_is_in_order_of_time_whatever_the_local_clocks_say() -> None:
    """Tokyo an hour and a half after New York's morning, on another local day, and New York again in its evening."""
    rows = [
        play(start, device_id=zone, timezone=zone, place=place)
        for start, zone, place in (
            ("2025-06-10 14:00", "America/New_York", NEW_YORK),
            ("2025-06-10 15:30", "Asia/Tokyo", TOKYO),
            ("2025-06-11 00:00", "America/New_York", NEW_YORK),
        )
    ]
    made = digested(rows, "2025-06-09", "2025-06-11")
    assert [day.account_days["fastest_kmh"].max() for day in made.values()] == [
        None,
        pytest.approx(10_850 / 1.5, rel=0.01),
        pytest.approx(10_850 / 8.5, rel=0.01),
    ]


def test_over_the_date_line_the_day_before_may_end_later() -> None:
    """From Auckland, where it is the tenth already, to Los Angeles, where it is still the ninth: sixteen hours."""
    rows = [
        play("2025-06-09 12:10", place=(-36.85, 174.76), timezone="Pacific/Auckland"),
        play("2025-06-10 04:00", place=(34.05, -118.24), timezone="America/Los_Angeles"),
    ]
    made = digested(rows, "2025-06-09", "2025-06-10")
    assert [day.account_days["fastest_kmh"].max() for day in made.values()] == [
        None,
        pytest.approx(10_480 / (15 + 50 / 60), rel=0.01),
    ]


def test_short_ways_and_servers_are_no_travel() -> None:
    """Two places under 100 km apart may be one; a VPN says where a server stands."""
    near = [play("2025-06-10 08:00", place=PARIS), play("2025-06-10 12:00", place=(48.9, 2.5))]
    assert one(near, "2025-06-10")["fastest_kmh"] == 0
    server = [play("2025-06-10 08:00", place=PARIS), play("2025-06-10 12:00", place=TOKYO, network_kind="vpn")]
    assert one(server, "2025-06-10")["fastest_kmh"] is None


def test_what_a_place_may_be_off_is_no_way() -> None:
    """Paris to Tokyo, each known to a few thousand kilometres: only what is surely between them counts."""
    exact = [play("2025-06-10 08:00", place=PARIS), play("2025-06-10 12:00", place=TOKYO)]
    vague = [row | {"accuracy_km": 4_000} for row in exact]
    assert one(vague, "2025-06-10")["fastest_kmh"] == pytest.approx((9_712 - 8_000) / 4, rel=0.01)
    assert one([row | {"accuracy_km": 6_000} for row in exact], "2025-06-10")["fastest_kmh"] == 0


def test_two_places_at_one_moment_are_a_finite_speed() -> None:
    """Starts closer than a quarter of an hour are judged as if that far apart."""
    rows = [
        play("2025-06-10 08:00", place=PARIS, device_id="1"),
        play("2025-06-10 08:00", place=TOKYO, device_id="2"),
    ]
    assert one(rows, "2025-06-10")["fastest_kmh"] == pytest.approx(4 * 9_712, rel=0.01)
