"""What it is watched on."""

import datetime as dt

import polars as pl

from detector.features._feature import MANY_PEOPLE, Family, Feature, Window
from detector.spans import days_of

_MISSING = "no playback of the window says its device"
_SETTLING = dt.timedelta(days=7)  # in its first week every device of an account is new


class Devices(Family):
    """What it is watched on."""

    cause, weight = MANY_PEOPLE

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """Devices of the window, those of them that joined in it, and the weeks in which one could join."""
        used = (
            window.contexts.lazy()
            .filter(pl.col("device").is_not_null())
            .group_by("account", "device")
            .agg(pl.col("days").bitwise_or(), device_days=days_of())
            .group_by("account")
            .agg(pl.col("device_days").sum(), devices=pl.len(), device_known_days=days_of())
        )
        begin = pl.max_horizontal(pl.col("first_day") + _SETTLING, pl.lit(window.first_day))
        since = window.year.accounts.lazy().select("account", begin=begin)
        joined = (
            window.year.devices.lazy()
            .filter(pl.col("first_day") >= window.first_day)
            .join(since, on="account")
            .filter(pl.col("first_day") >= pl.col("begin"))
            .group_by("account")
            .agg(new_devices=pl.len())
        )
        return (
            used.join(since, on="account", how="left")
            .join(joined, on="account", how="left")
            .select(
                pl.exclude("begin", "new_devices"),
                pl.col("new_devices").fill_null(0),
                weeks=(pl.lit(window.day) - pl.col("begin")).dt.total_days().add(1) / 7,
            )
            .collect()
        )

    devices = Feature(
        says="Distinct devices.",
        unit="devices",
        expr=pl.col("devices"),
        missing=_MISSING,
        when_high="played on {value:device}; most accounts use {typical:.0f}",
        innocent=("a big family", "a browser that forgets its cookie", "an app that was installed anew"),
        examples=[
            ([{"visits": [{"device": 1}, {"device": 2}]}, {"ago": 3, "visits": [{"device": 1}]}], 2),
            ([{"visits": [{}]}], None),
        ],
        shown_by=pl.col("device").is_not_null() & (pl.col("device").is_first_distinct()),
    )
    new_devices_per_week = Feature(
        says="Devices not seen before in the year, for each week of the window; the account's first week aside.",
        unit="devices",
        expr=pl.when(pl.col("weeks") >= 1).then(pl.col("new_devices") / pl.col("weeks")),
        missing=f"{_MISSING}, or the account is under two weeks old",
        when_high="{value:.2f} new devices joined a week; most accounts have {typical:.2f}",
        innocent=("presents and holidays", "a browser that forgets its cookie", "guests"),
        examples=[
            (
                [
                    {"ago": 90, "visits": [{"device": 1}]},
                    {"ago": 3, "visits": [{"device": 1}, {"device": 2}, {"device": 3}]},
                ],
                0.5,
            ),
            ([{"ago": 10, "visits": [{"device": 1}]}], None),
        ],
        shown_by=pl.col("device").is_not_null() & (pl.col("device").is_first_distinct()),
    )
    devices_per_active_day = Feature(
        says="Distinct devices on a day with plays, on average.",
        unit="devices",
        expr=pl.col("device_days") / pl.col("device_known_days"),
        missing=_MISSING,
        when_high="{value:.1f} devices played on a usual day; most accounts have {typical:.1f}",
        innocent=("a big family",),
        examples=[
            ([{"visits": [{"device": 1}, {"device": 2}]}, {"ago": 3, "visits": [{"device": 1}]}], 1.5),
            ([{"visits": [{"address": 1}]}], None),
        ],
        shown_by=pl.col("device").is_not_null() & (pl.col("device").is_first_distinct()),
    )
