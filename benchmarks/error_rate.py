"""`python -m benchmarks.error_rate`: how many false alarms come of a promise, over stretches of 28 nights.

Each population lives for 28 nights after it was trained on. A case counts once, when it is first opened. Cold: nobody
has looked at the calibration accounts. Reviewed: somebody who is always right has looked at the highest 300. Accounts
that share beyond a household count neither way.
"""

import argparse
import datetime as dt
import statistics
from dataclasses import replace

import polars as pl

from benchmarks.services import Known, known
from detector import config, decisions, features, likeness, model
from detector.cases import Case

LAST = dt.date(2026, 6, 30)
NIGHTS = 28
NOMINAL = (0.05, 0.1, 0.2)


def main() -> None:
    """Print realised shares by nominal one, with 95 % intervals of the mean over populations."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--populations", type=int, default=20)
    parser.add_argument("--accounts", type=int, default=6_000)
    parser.add_argument("--abuse-share", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=820)
    asked = parser.parse_args()
    found: dict[tuple[bool, float], list[tuple[int, int, int]]] = {}
    for number in range(asked.populations):
        nights = [LAST - dt.timedelta(days=NIGHTS - n) for n in range(NIGHTS + 1)]
        service = known(
            nights, accounts=asked.accounts, days=60 + NIGHTS, seed=asked.seed + number, abuse_share=asked.abuse_share
        )
        for key, counts in _opened(service, nights).items():
            found.setdefault(key, []).append(counts)
        print(f"population {number + 1} of {asked.populations}", flush=True)
    for reviewed in (False, True):
        print(f"\n{'reviewed' if reviewed else 'cold'}: cases first opened in {NIGHTS} nights")
        print("nominal  realised (95 % of the mean)  opened  abusive among them, of all")
        for nominal in NOMINAL:
            print(_line(nominal, found[reviewed, nominal]))


def _opened(service: Known, nights: list[dt.date]) -> dict[tuple[bool, float], tuple[int, int, int]]:
    """By whether it was reviewed and nominal share: benign and abusive cases opened, and abusive accounts in all."""
    settings = config.load(environ={}).settings
    fitted = model.fit(service.features[nights[0]], features.CATALOGUE, settings.model)
    labels = dict(service.truth.select("account", "label").iter_rows())
    verdicts = [_decided(account, labels[account] != "benign") for account in fitted.highest_.tolist()]
    confirmed = [int(case.account, 16) for case in verdicts if case.outcome == "confirmed"]
    counts = {}
    for reviewed in (False, True):
        judge = fitted.without(confirmed) if reviewed else fitted
        scored = {night: _scored(judge, service.features[night]) for night in nights[1:]}
        looked_at = {int(case.account, 16) for case in verdicts} if reviewed else set()
        for nominal in NOMINAL:
            policy = settings.decision.model_copy(update={"false_discovery_share": nominal})
            opened: set[int] = set()
            for night in nights[1:]:
                chosen = decisions.put_before_reviewers(
                    scored[night],
                    likeness.kinds(scored[night], service.features[night]),
                    resting=pl.Series(sorted(looked_at | opened), dtype=pl.UInt64),
                    promised=True,
                    settings=policy,
                )
                opened |= set(chosen.accounts["account"].to_list())
            of_each = [labels[account] for account in opened]
            abusive = sum(label == "abuse" for account, label in labels.items() if account not in looked_at)
            counts[reviewed, nominal] = (of_each.count("benign"), of_each.count("abuse"), abusive)
    return counts


_CASE = Case(
    0, "0" * 16, "calibration", "decided", dt.datetime(2026, 6, 1, tzinfo=dt.UTC), LAST, LAST, 1, "", "unclear", None,
    "", None, None,
)  # fmt: skip


def _decided(account: int, guilty: bool) -> Case:
    return replace(_CASE, account=f"{account:016x}", outcome="confirmed" if guilty else "false alarm")


def _scored(fitted: model.AccountModel, night: pl.DataFrame) -> pl.DataFrame:
    scored = model.score(fitted, night)
    ranked = scored.sort("score", "account", descending=[True, False]).select("account").with_row_index("rank", 1)
    return scored.join(ranked, on="account", how="left", maintain_order="left")


def _line(nominal: float, counts: list[tuple[int, int, int]]) -> str:
    shares = [benign / (benign + abusive) if benign + abusive else 0.0 for benign, abusive, _ in counts]
    mean = statistics.fmean(shares)
    half = 1.96 * statistics.stdev(shares) / len(shares) ** 0.5 if len(shares) > 1 else float("nan")
    opened = statistics.fmean(benign + abusive for benign, abusive, _ in counts)
    power = sum(abusive for _, abusive, _ in counts) / max(1, sum(every for _, _, every in counts))
    verdict = "holds" if mean - half <= nominal else "FALLS SHORT"
    return f"{nominal:7.2f}  {mean:.3f} ({mean - half:.3f} to {mean + half:.3f})  {opened:6.1f}  {power:.2f}  {verdict}"


if __name__ == "__main__":
    main()
