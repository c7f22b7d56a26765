"""Which titles go together: those that the same screens show, over all accounts.

Titles are neighbours in the sense of item-based collaborative filtering (Sarwar, Karypis, Konstan and Riedl 2001), by
the phi coefficient of being shown on the same screens. Vectors of few dimensions say what genre a title is of; they do
not say whether somebody goes on with what somebody else began, which is what people of one household do: told from
neighbours, that is told apart better (docs/combinations.md). It is made anew each night, and no model holds it.
"""

import numpy as np
import polars as pl
from scipy.sparse import csr_array

_ROWS = 1_000_000  # title-days that are looked at; of more, those of an even share of the accounts
_SCREENS = 5  # a title that fewer show is not known well enough
_SAME_SCREENS = 3  # two titles that fewer show both go together by chance
_MOST_TITLES = 200  # a screen that shows more says little about each
_NEIGHBOURS = 10
_SCHEMA = {"title": pl.UInt64, "goes_with": pl.UInt64}


def none_alike() -> pl.DataFrame:
    """Of no title it is known what goes with it."""
    return pl.DataFrame(schema=_SCHEMA)


def alike(titles: pl.LazyFrame) -> pl.DataFrame:
    """From the titles (`tables.TitleDays`) of all accounts in the window: `title, goes_with`, sorted, both ways.

    A title goes with itself and with its nearest neighbours; one that too few screens show has no row. A screen is a
    device of one account, so that what an account's own people see side by side does not make them alike.

    >>> seen = [{"account": n, "device": 1, "title": t, "plays": 1} for n in range(20) for t in (1 + n % 2, 3 + n % 2)]
    >>> alike(pl.LazyFrame(seen, dict.fromkeys(("account", "device", "title", "plays"), pl.UInt64))).rows()[:3]
    [(1, 1), (1, 3), (2, 2)]
    """
    rows = int(titles.select(pl.len()).collect().item())
    # Pseudonyms are spread evenly and files sorted by them: this is a fair sample, and the rest is hardly read.
    sampled = pl.col("account") <= pl.lit((2**64 - 1) // max(1, -(-rows // _ROWS)), pl.UInt64)
    screen = ["account", "device"]
    shown = (
        titles.filter(sampled & (pl.col("plays") > 0) & pl.col("device").is_not_null())
        .select(*screen, "title")
        .unique()
        .filter(pl.len().over(screen) <= _MOST_TITLES)
        .filter(pl.len().over("title") >= _SCREENS)
        .sort(*screen, "title")
        .collect()
    )
    titles_known = shown["title"].unique().sort()
    column = shown["title"].replace_strict(
        titles_known, pl.int_range(len(titles_known), eager=True), return_dtype=pl.Int64
    )
    row = shown.select(pl.struct(screen).rle_id()).to_series()
    screens = row.n_unique()
    on_screens = csr_array(
        (np.ones(len(row), np.int64), (row.to_numpy(), column.to_numpy())), shape=(screens, len(titles_known))
    )
    both = (on_screens.T @ on_screens).tocoo()
    of_each = on_screens.sum(axis=0)
    at = {"title": both.row, "goes_with": both.col}
    n_title, n_other = (of_each[ids] for ids in at.values())
    beyond_chance = (both.data - n_title * n_other / max(screens, 1)) / np.sqrt(n_title * n_other)
    there = (
        pl.DataFrame({name: titles_known.gather(ids.astype(np.uint32)) for name, ids in at.items()})
        .with_columns(phi=pl.Series(beyond_chance, dtype=pl.Float64), both=pl.Series(both.data, dtype=pl.Int64))
        .filter((pl.col("title") != pl.col("goes_with")) & (pl.col("both") >= _SAME_SCREENS) & (pl.col("phi") > 0))
        .sort("title", "phi", "goes_with", descending=[False, True, False])
        .group_by("title", maintain_order=True)
        .head(_NEIGHBOURS)
        .select("title", "goes_with")
    )
    back = there.select(title="goes_with", goes_with="title")
    itself = pl.DataFrame({"title": titles_known, "goes_with": titles_known})
    return pl.concat([there, back, itself]).unique().sort("title", "goes_with")
