"""Invented services with known answers: who lives how, what they play, and which accounts are not what they seem.

Nothing here is fitted to real viewers. A service is settled kind by kind (`kinds`), lives its days (`sittings`,
`playing`) and is written out as the playback table that a real service would hand over.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from detector.errors import InputError, SettingsError
from detector.simulate.customs import HELD_OUT, OTHER, USUAL
from detector.simulate.kinds import INTENSITIES, KINDS, LOOPER, STORY, Kind, apportion
from detector.simulate.living import STORY_DAYS
from detector.simulate.playing import Stretches, play
from detector.simulate.town import DEVICE_TYPES, Town
from detector.simulate.world import CITIES, SLOTS, ZONES, addresses, located
from detector.tables import NETWORK_KINDS, STARTED_BY, TITLE_KINDS

STORY_ACCOUNTS = 53
MOST_DAYS = 3_660
VARIANTS = {"usual": USUAL, "other": OTHER, "held-out": HELD_OUT}
MIXED = "mixed"
_COUNTRIES = sorted({city[2] for city in CITIES})
_PRIVATE_ASN = 4_200_000_000


@dataclass(frozen=True)
class Service:
    """`playbacks`: the input table, sorted by `started_at`; `truth`: one row per account with its kind and label, the
    intensity of kinds that have one, and the number of `households` that use it on its days (null: no people do)."""

    playbacks: pl.DataFrame
    truth: pl.DataFrame


def simulate(
    *,
    accounts: int,
    days: int,
    end: dt.date,
    seed: int,
    abuse_share: float = 0.01,
    story: bool = False,
    intensity: str = MIXED,
    variant: str = "usual",
) -> Service:
    """A service of so many accounts on so many local days, the last of which is `end`; equal arguments, equal frames.

    `abuse_share` of the accounts are abusive. With `story` there are exactly 53 members who viewed one film on each
    of the last 18 days, and exactly one who viewed another film on each of the last 365. `intensity` is how plainly
    the abusive live as they do: faint, middle, blatant, or mixed, which is drawn account by account. In the variant
    "other" every kind lives by other means and everybody by other customs; in "held-out" by yet others. "usual" and
    "other" are for development; "held-out" tells whether a detector has learned more than those two, and so is never
    used to choose a feature, a threshold or a setting; nor are seeds from 9000 on.

    Raises:
        SettingsError: an argument asks for something that cannot be.
    """
    _check(accounts, days, end, seed, abuse_share)
    _check_words(intensity, variant)
    rng = np.random.default_rng(seed)
    town, kind_of = _settle(rng, _census(accounts, days, abuse_share, story), days, end, intensity, variant)
    ids = _random_ids(rng, accounts)
    graded = pl.Series([kind.label == "abuse" for kind in kind_of])
    truth = pl.DataFrame(
        {
            "account_id": ids,
            "kind": [kind.name for kind in kind_of],
            "label": [kind.label for kind in kind_of],
            "intensity": pl.Series(INTENSITIES).gather(town.intensity).zip_with(graded, pl.Series([None] * accounts)),
            "households": _households(town),
        },
        schema_overrides={"intensity": pl.String},
    )
    return Service(_table(town, play(town), ids), truth.sort("account_id"))


def _settle(
    rng: np.random.Generator, census: list[tuple[Kind, int]], days: int, end: dt.date, intensity: str, variant: str
) -> tuple[Town, list[Kind]]:
    """A town in which everybody lives, and the kind of each account."""
    kind_of = [kind for kind, n in census for _ in range(n)]
    drawn = rng.integers(0, len(INTENSITIES), len(kind_of))
    plain = drawn if intensity == MIXED else np.full_like(drawn, INTENSITIES.index(intensity))
    town = Town(rng, len(kind_of), end - dt.timedelta(days - 1), days, VARIANTS[variant], plain)
    first = 0
    for kind, n in census:
        members = np.arange(first, first + n)
        # Those who act in groups have one intensity: like stands beside like.
        town.intensity[members] = np.sort(town.intensity[members])
        kind.lives(variant)(town, members)
        first += n
    return town, kind_of


def _households(town: Town) -> pl.Series:
    """By account, in how many homes its people live: who travels apart, or stays with others, has no home for it."""
    people = pl.DataFrame({"account": town.viewers["account"], "home": town.parties["home"][town.viewers["party"]]})
    counted = people.group_by("account").agg(households=pl.col("home").n_unique())
    everyone = pl.DataFrame({"account": np.arange(len(town.plan_streams))})
    return everyone.join(counted, on="account", how="left", maintain_order="left")["households"]


def write(service: Service, out: Path) -> None:
    """`out/playbacks/<UTC date of started_at>.parquet`, one file per date, and `out/truth.parquet`.

    Raises:
        SettingsError: the folder holds days of another service, which would mix with this one.
        InputError: the folder can not be written.
    """
    folder = out / "playbacks"
    date = service.playbacks["started_at"].dt.date()
    first = np.flatnonzero((date != date.shift(1)).fill_null(True).to_numpy())
    rows = np.diff(first, append=len(date))
    names = [f"{date[int(at)]}.parquet" for at in first]
    if strange := sorted({path.name for path in folder.glob("*.parquet")} - set(names)):
        raise SettingsError(
            f"expected no playbacks of another service in {folder}, found {strange[0]}; choose an empty folder"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, at, n in zip(names, first.tolist(), rows.tolist(), strict=True):
            service.playbacks.slice(at, n).write_parquet(folder / name)
        service.truth.write_parquet(out / "truth.parquet")
    except (OSError, pl.exceptions.ComputeError) as error:  # as Polars says that the disk is full
        raise InputError(f"expected to write to {out}, found: {error}; free or unlock that place") from None


def _check(accounts: int, days: int, end: dt.date, seed: int, abuse_share: float) -> None:
    if accounts < 1:
        raise SettingsError(f"expected at least 1 account, found {accounts}; ask for more")
    if not 1 <= days <= MOST_DAYS:
        raise SettingsError(f"expected 1 to {MOST_DAYS} days, found {days}; choose a number between")
    if not 1980 <= end.year <= 2100:
        raise SettingsError(f"expected a last day in the years 1980 to 2100, found {end}; choose one between")
    if seed < 0:
        raise SettingsError(f"expected a seed of 0 or more, found {seed}; drop the sign")
    if not 0 <= abuse_share <= 1:
        raise SettingsError(
            f"expected a share of abusive accounts from 0 to 1, found {abuse_share}; choose one between"
        )


def _check_words(intensity: str, variant: str) -> None:
    if intensity not in (*INTENSITIES, MIXED):
        known = ", ".join((*INTENSITIES, MIXED))
        raise SettingsError(f"expected an intensity among {known}, found {intensity!r}; choose one")
    if variant not in VARIANTS:
        raise SettingsError(f"expected a variant among {', '.join(VARIANTS)}, found {variant!r}; choose one")


def _census(accounts: int, days: int, abuse_share: float, story: bool) -> list[tuple[Kind, int]]:
    """How many accounts there are of each kind that there is."""
    abusive = max(round(accounts * abuse_share), int(story))
    told = {LOOPER: 1, STORY: STORY_ACCOUNTS} if story else {}
    if story and (days < STORY_DAYS or accounts - abusive < STORY_ACCOUNTS):
        raise SettingsError(
            f"expected {STORY_DAYS} days and {STORY_ACCOUNTS} accounts that are not abusive for the story, "
            f"found {days} and {accounts - abusive}; ask for more or leave the story out"
        )
    census = []
    for bad, n in ((False, accounts - abusive), (True, abusive)):
        there = [kind for kind in KINDS if (kind.label == "abuse") == bad]
        by_share = [kind for kind in there if kind.share and kind not in told]
        given = sum(told.get(kind, 0) for kind in there)
        counts = told | dict(zip(by_share, apportion(n - given, [kind.share for kind in by_share]), strict=True))
        census += [(kind, counts[kind]) for kind in there if counts.get(kind)]
    return census


def _random_ids(rng: np.random.Generator, n: int) -> pl.Series:
    """Distinct ids that tell neither kind nor order: 12 hex digits."""
    return pl.Series([f"{number:012x}" for number in rng.choice(2**48, n, replace=False).tolist()], dtype=pl.String)


def _table(town: Town, played: Stretches, account_ids: pl.Series) -> pl.DataFrame:
    """The stretches in the words of the playback table."""
    order = np.lexsort((played.account, played.start_ms))
    account, device, place, title = (
        column[order] for column in (played.account, played.device, played.place, played.title)
    )
    start, seconds, position = (column[order] for column in (played.start_ms, played.seconds, played.position_s))
    lines, line = np.unique(place * SLOTS + played.slot[order], return_inverse=True)
    ips = addresses(town.places["city"], town.places["kind"], lines // SLOTS, lines % SLOTS)
    timed = pl.when(pl.col("position_start_s") >= 0)
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "account_id": account_ids.gather(account),
                    "profile_id": pl.Series([f"p{n + 1}" for n in range(100)]).gather(played.profile[order]),
                    "device_id": _random_ids(town.rng, len(town.devices)).gather(device),
                    "device_type": pl.Series(DEVICE_TYPES).gather(town.devices["type"][device]),
                }
            ),
            _titles(town)[title],
            pl.DataFrame(
                {
                    "started_at": pl.Series(start).cast(pl.Datetime("ms", "UTC")),
                    "ended_at": pl.Series(start + seconds * 1000).cast(pl.Datetime("ms", "UTC")),
                    "position_start_s": position,
                    "position_end_s": position + seconds,
                    "ip": ips.gather(line),
                }
            ).with_columns(timed.then("position_start_s"), timed.then("position_end_s")),
            _places(town, lines // SLOTS, lines % SLOTS)[line],
            pl.DataFrame(
                {
                    "timezone": pl.Series(ZONES).gather(played.zone[order]),
                    "interaction": pl.Series([*STARTED_BY, None]).gather(played.by[order] % (len(STARTED_BY) + 1)),
                    "plan_streams": town.plan_streams[account],
                }
            ),
        ],
        how="horizontal",
    )


def _titles(town: Town) -> pl.DataFrame:
    """What the log says of each title."""
    catalogue = town.catalogue
    runtime = pl.Series(catalogue.runtime_s)
    return pl.DataFrame(
        {
            "title_id": [f"title-{number:04}" for number in range(len(runtime))],
            "title_name": catalogue.names,
            "title_kind": pl.Series(TITLE_KINDS).gather(catalogue.kind),
            "title_runtime_s": runtime.set(runtime == 0, None),
        }
    )


def _places(town: Town, place: np.ndarray, slot: np.ndarray) -> pl.DataFrame:
    """What the log says of where each address is: what a look-up says."""
    country = np.array([_COUNTRIES.index(city[2]) for city in CITIES])
    names = ("city", "region", "country", "timezone", "latitude", "longitude")
    cities = pl.DataFrame([city[:6] for city in CITIES], schema=names, orient="row")
    city, kind, operator = (town.places[name][place] for name in ("city", "kind", "operator"))
    said = located(city, kind, place, slot, town.customs.misplaced_share)
    return cities[said].select(
        "country",
        "region",
        "city",
        "latitude",
        "longitude",
        network_kind=pl.Series(NETWORK_KINDS).gather(kind),
        asn=_PRIVATE_ASN + pl.Series(country[city] * 100 + kind * 10 + operator),
    )
