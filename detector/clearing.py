"""The fewest features that would clear an account: a counterfactual (Wachter, Mittelstadt and Russell 2018)."""

import numpy as np
import polars as pl

from detector.forests import Matrix
from detector.model import AccountModel, matrix

_CANDIDATES, _STEPS = 6, 4  # the most surprising features of an account, and how many of them may be needed


def cleared_by(
    model: AccountModel, features: pl.DataFrame, explained: pl.DataFrame, *, lines: pl.DataFrame
) -> pl.DataFrame:
    """`account, cleared_by`: the features that, set to what is typical of the peers, bring the score below the `line`
    that `lines` has for each account (null: there is none, and nothing clears it).

    Found one after the other, each the one that lowers the score most, among the most surprising ones. An empty list
    where the score is below its line as it is, null where four features are not enough. `explained` is what
    `model.explain` says of the same accounts.
    """
    features = features.sort("account")
    accounts, position = features["account"].to_list(), {name: n for n, name in enumerate(model.names)}
    row_of = {account: row for row, account in enumerate(accounts)}
    x = matrix(model, features)
    unusual = explained.filter(pl.col("value") > pl.col("typical")).sort(
        "account", "surprise", "feature", descending=[False, True, False]
    )
    tries = [
        (row_of[account], position[feature], typical)
        for account, feature, typical in unusual.group_by("account", maintain_order=True)
        .head(_CANDIDATES)
        .select("account", "feature", "typical")
        .iter_rows()
    ]
    found: list[list[str] | None] = [[] for _ in accounts]
    score = model.predict(x) if accounts else np.zeros(0)
    own = features.select("account").join(lines, on="account", how="left", maintain_order="left")["line"]
    line = own.fill_null(-np.inf).to_numpy()
    left = set(np.flatnonzero(score >= line).tolist())
    for _ in range(_STEPS):
        open_tries = [(row, column, typical) for row, column, typical in tries if row in left]
        if not open_tries:
            break
        lowered = model.predict(_with(x, open_tries))
        best: dict[int, tuple[float, int, float]] = {}
        for (row, column, typical), after in zip(open_tries, lowered.tolist(), strict=True):
            best[row] = min(best.get(row, (np.inf, 0, 0.0)), (after, column, typical))
        for row, (after, column, typical) in best.items():
            x[row, column] = typical
            found[row] = [*(found[row] or []), model.names[column]]
            if after < line[row]:
                left.discard(row)
        tries = [(row, column, typical) for row, column, typical in tries if best.get(row, (0, -1, 0))[1] != column]
    for row in left:
        found[row] = None
    return pl.DataFrame(
        {"account": accounts, "cleared_by": found}, schema={"account": pl.UInt64, "cleared_by": pl.List(pl.String)}
    )


def _with(x: Matrix, tries: list[tuple[int, int, float]]) -> Matrix:
    """A row for each try: the account's own, with one feature set to what is typical."""
    rows = x[[row for row, _, _ in tries]]
    rows[np.arange(len(tries)), [column for _, column, _ in tries]] = [typical for _, _, typical in tries]
    return np.ascontiguousarray(rows)
