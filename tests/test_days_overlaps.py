"""Streams of a day at once: peaks and seconds, of networks and of profiles."""

from digests import digested, one, play


def test_los_angeles_and_tokyo_at_the_same_moment_overlap() -> None:
    """Whatever their local days are called."""
    rows = [
        play("2025-06-10 22:30", timezone="America/Los_Angeles", device_id="1", ip="240.0.0.1"),
        play("2025-06-10 23:00", timezone="Asia/Tokyo", device_id="2", ip="241.0.0.1"),
    ]
    made = digested(rows, "2025-06-10", "2025-06-11")
    columns = ("peak_streams", "overlap2_s", "overlap2_networks_s")
    assert [made[day].account_days.select(columns).row(0) for day in made] == [(2, 3600, 3600), (2, 1800, 1800)]


def test_overlaps_count_streams_networks_and_profiles_apart() -> None:
    """Three streams: two of one profile on one network, a third elsewhere; the hours of each pairing are its own."""
    rows = [
        play("2025-06-10 10:00", 4, device_id="1", profile_id="p", ip="240.0.0.1"),
        play("2025-06-10 11:00", 2, device_id="2", profile_id="p", ip="240.0.0.2", title_id="other"),
        play("2025-06-10 12:00", 3, device_id="3", profile_id="q", ip="241.0.0.1"),
    ]
    found = one(rows, "2025-06-10")
    assert found["peak_streams"] == 3
    assert found["overlap2_s"] == 3 * 3600
    assert found["overlap3_s"] == 3600
    assert found["overlap2_networks_s"] == 2 * 3600
    assert found["overlap2_same_profile_s"] == 2 * 3600


def test_a_home_of_both_protocols_is_one_network() -> None:
    """A television that speaks the old one and a telephone that speaks the new one are no two places; others are."""
    television = play("2025-06-10 20:00", 2, device_id="tv", ip="240.0.0.1")
    telephone = play("2025-06-10 21:00", 2, device_id="phone", ip="2001:db8:1::1", title_id="other")
    elsewhere = [
        play("2025-06-10 21:30", 1, device_id="third", ip=ip, title_id="third") for ip in ("241.0.0.1", "2001:db8:2::1")
    ]
    assert one([television, telephone], "2025-06-10")["overlap2_networks_s"] == 0
    for third, shared_s in zip(elsewhere, (1800, 3600), strict=True):
        found = one([television, telephone, third], "2025-06-10")
        assert (found["overlap2_s"], found["overlap2_networks_s"]) == (5400, shared_s)


def test_one_screen_shows_one_thing_at_a_time() -> None:
    """Who zaps between channels, puts something else in between, or hears an album over and over, is one stream."""
    zapped = [
        play(f"2025-06-10 {20 + n // 6}:{n % 6}0", 1 / 6, title_id=f"channel {n % 3}", title_kind="live")
        for n in range(18)
    ]
    interrupted = [
        play("2025-06-10 20:00", 1 / 6, position_start_s=0, position_end_s=600, title_runtime_s=7200),
        play("2025-06-10 20:10", 1 / 4, title_id="other"),
        play("2025-06-10 20:25", 1, position_start_s=600, position_end_s=4200, title_runtime_s=7200),
    ]
    album = [
        play(f"2025-06-10 {8 + n // 20:02}:{n % 20 * 3:02}", 1 / 20, title_id=f"song {n % 8}", title_kind="track")
        for n in range(64)
    ]
    for rows in (zapped, interrupted, album):
        day = one(rows, "2025-06-10")
        assert [day[name] for name in ("peak_streams", "overlap2_s", "overlap3_s")] == [1, 0, 0]
    assert [one(rows, "2025-06-10")["plays"] for rows in (zapped, interrupted, album)] == [18, 2, 64]
    assert one(album, "2025-06-10")["repeats"] == 0


def test_who_takes_a_film_to_another_screen_and_back_is_one_stream() -> None:
    """The pause on the first screen is no watching, though the film is one playback there."""
    whole = {"profile_id": "p", "title_runtime_s": 7200}
    day = one(
        [
            play("2025-06-10 20:00", 1 / 3, position_start_s=0, position_end_s=1200, ip="240.0.0.1", **whole),
            play(
                "2025-06-10 20:20", 5 / 12, device_id="phone", position_start_s=1200, position_end_s=2700,
                ip="240.0.1.1", **whole,
            ),
            play("2025-06-10 20:45", 1, position_start_s=2700, position_end_s=6300, ip="240.0.0.1", **whole),
        ],
        "2025-06-10",
    )  # fmt: skip
    assert (day["plays"], day["peak_streams"]) == (2, 1)
    assert [day[f"overlap2_{of}s"] for of in ("", "networks_", "same_profile_")] == [0, 0, 0]


def test_what_fades_into_the_next_is_one_stream() -> None:
    """Of a player that is known by its name only, too; what runs on for a minute and more is a second one."""
    for over_s, peak in ((5, 1), (90, 2)):
        songs = [
            play(f"2025-06-10 20:{3 * n:02}", (180 + over_s) / 3600, title_id=f"{n}", device_id=None, device_name="app")
            for n in range(10)
        ]
        assert one(songs, "2025-06-10")["peak_streams"] == peak


def test_one_after_the_other_is_not_at_once() -> None:
    """A stream that starts as another ends makes no peak of two, and no overlap."""
    rows = [play("2025-06-10 10:00", device_id="1"), play("2025-06-10 12:00", device_id="2")]
    found = one(rows, "2025-06-10")
    assert (found["peak_streams"], found["overlap2_s"], found["seconds"]) == (1, 0, 4 * 3600)
