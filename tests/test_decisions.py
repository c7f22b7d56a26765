"""Scores + capacity → flags."""

import datetime as dt

import polars as pl
from support import at

from detector import config, decisions, tables
from detector.decisions import Chosen
from detector.features import CATALOGUE

POLICY = config.load().settings.decision.model_copy(update={"capacity_share": 0.1, "unexplained_share": 0.5})
NOBODY = pl.Series([], dtype=pl.UInt64)


def _night(n: int = 20) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores that fall with the account, from n to 1, and kinds: account 1 shares, all others are unclear."""
    account = pl.int_range(n, dtype=pl.UInt64, eager=True).alias("account")
    scores = pl.DataFrame({"account": account}).with_columns(
        score=n - pl.col("account").cast(pl.Float64),
        rank=(pl.col("account") + 1).cast(pl.UInt32),
        p_value=(pl.col("account") + 1) / (n + 1),
        score_groups=pl.lit(1.0),
    )
    sharing = pl.when(pl.col("account") == 1).then(pl.lit("household sharing")).otherwise(pl.lit("unclear"))
    return scores, pl.DataFrame({"account": account}).with_columns(kind=sharing)


def _chosen(**changes: object) -> Chosen:
    scores, kinds = _night()
    asked: dict[str, object] = {"resting": NOBODY, "promised": False, "settings": POLICY} | changes
    return decisions.put_before_reviewers(scores, kinds, **asked)  # type: ignore[arg-type]


def test_of_whom_too_little_was_seen_the_row_is_kept_without_a_score() -> None:
    """How long an account is known counts its first day and the night."""
    day = dt.date(2025, 6, 30)
    account = pl.Series([1, 2, 3], dtype=pl.UInt64)
    scored = pl.DataFrame({"account": account, "score": 9.0, "p_value": 0.1, "score_groups": 3.0})
    first = [day - dt.timedelta(days=ago) for ago in (60, 3, 60)]
    year = pl.DataFrame({"account": account, "first_day": first, "plays": [99, 99, 1]})
    known = config.load().settings.window
    found = decisions.decide(scored, year, day=day, model_version="1", settings=known)
    assert found.select("status", "history_days", "score", "rank").rows() == [
        ("scored", 61, 9.0, 1), ("short history", 4, None, None), ("few playbacks", 61, None, None),
    ]  # fmt: skip


def test_what_is_kept_back_gives_its_place_to_the_next() -> None:
    """By policy, or after a verdict: counted, and not put before reviewers."""
    found = _chosen(resting=pl.Series([0], dtype=pl.UInt64))
    assert found.accounts["account"].to_list() == [2, 3]
    assert found.kept_back == {"decided lately": 1, "household sharing": 1}


def test_kept_back_are_all_that_score_as_high_as_the_last_that_has_a_place() -> None:
    """Two places, and the first three are friends who share: the places go to the next two, and three are told."""
    scores, kinds = _night()
    sharing = pl.when(pl.col("account") < 3).then(pl.lit("household sharing")).otherwise("kind")
    found = decisions.put_before_reviewers(
        scores, kinds.with_columns(kind=sharing), resting=NOBODY, promised=False, settings=POLICY
    )
    assert found.accounts["account"].to_list() == [3, 4]
    assert found.kept_back == {"household sharing": 3}


def test_a_promise_keeps_back_what_is_beyond_it() -> None:
    """With 20 accounts against 20 nothing is rare enough for a promise of one in ten. Counted are those that would have
    had a place without it, also where who scores higher was decided lately."""
    found = _chosen(promised=True)
    assert found.accounts.is_empty()
    assert found.kept_back == {"beyond the promised error rate": 2, "household sharing": 1}
    rested = _chosen(promised=True, resting=pl.Series(range(10), dtype=pl.UInt64))
    assert rested.kept_back["beyond the promised error rate"] == 2


def test_below_its_line_an_account_would_have_had_no_place() -> None:
    """The line is that of who waits next, and takes what was learned of both into account; null where nobody waits."""
    found = _chosen()
    assert found.accounts.select("account", "line").rows() == [(0, 17.0), (2, 17.0)]  # 3 waits, with 17
    scores, kinds = _night()
    for score, stays in ((17.5, True), (16.5, False)):
        moved = scores.with_columns(score=pl.when(pl.col("account") == 2).then(score).otherwise("score"))
        ranked = moved.with_columns(rank=pl.col("score").rank("ordinal", descending=True).cast(pl.UInt32))
        again = decisions.put_before_reviewers(ranked, kinds, resting=NOBODY, promised=False, settings=POLICY)
        assert (2 in again.accounts["account"]) == stays
    learned = pl.when(pl.col("account") == 2).then(3.0).otherwise(0.0)
    priority = scores.select("account", priority=pl.col("score") + learned)
    assert _chosen(priority=priority).accounts.select("account", "line").rows() == [(2, 14.0), (0, 17.0)]
    everybody = POLICY.model_copy(update={"capacity_share": 1.0})
    assert _chosen(settings=everybody).accounts["line"].null_count() == 19


def test_verdicts_order_what_is_shown_and_leave_places_for_the_unexplained() -> None:
    """Half of the places here go by what was learned, the other half by the score alone."""
    account = pl.int_range(20, dtype=pl.UInt64, eager=True).alias("account")
    priority = pl.DataFrame({"account": account}).with_columns(priority=pl.col("account").cast(pl.Float64))
    found = _chosen(priority=priority)
    assert found.accounts.select("account", "unexplained").rows() == [(19, False), (0, True)]
    assert found.accounts["q_value"].null_count() == 0


def test_a_home_of_one_account_is_not_flagged_for_being_first() -> None:
    """Where the capacity is less than one account, it takes a rare score."""
    scores, kinds = _night(2)
    usual = decisions.put_before_reviewers(scores, kinds, resting=NOBODY, promised=False, settings=POLICY)
    assert usual.accounts.is_empty()
    rare = scores.with_columns(p_value=pl.lit(0.05))
    flagged = decisions.put_before_reviewers(rare, kinds, resting=NOBODY, promised=False, settings=POLICY)
    assert flagged.accounts["account"].to_list() == [0]


def _explained(*lines: tuple[str, float, float, float]) -> pl.DataFrame:
    """What a model says of one account: feature, value, typical, percentile."""
    columns = ("account", "feature", "value", "typical", "percentile", "surprise", "peer")
    rows = [(1, *line, 1.0, None) for line in lines]
    return pl.DataFrame(rows, schema=columns, orient="row").cast({"account": pl.UInt64, "peer": pl.String})


def test_what_reads_like_what_is_typical_is_no_reason() -> None:
    """Two minutes of three streams are 0.0 hours, and most accounts have 0.0."""
    reasons = decisions.reasons_of(_explained(("three_streams_h", 0.03, 0.0, 99.0)), CATALOGUE)["reasons"]
    assert reasons.list.len().to_list() == [0]


def test_what_another_reason_says_and_more_is_no_reason_beside_it() -> None:
    """Every day of a year says every day of the window; a longer run with gaps is news, and so is half of it abroad."""
    for lines, told in (
        ({"longest_streak_365d": 365, "longest_streak": 28, "longest_streak_1_missed_365d": 365}, {0}),
        ({"longest_streak_365d": 28, "longest_streak": 28, "longest_streak_1_missed_365d": 347}, {0, 2}),
        ({"longest_streak_365d": 365, "longest_noon_streak_365d": 365}, {0}),
        ({"longest_noon_streak_365d": 365, "longest_streak_365d": 365}, {1}),
        ({"longest_noon_streak_365d": 364, "longest_streak_365d": 139, "longest_streak_1_missed_365d": 306}, {0}),
        ({"newcomer_abroad_share": 0.3, "newcomers_staying_share": 0.6, "newcomer_share": 0.6}, {0, 1}),
        ({"newcomers_staying_share": 0.6}, {0}),
    ):
        explained = _explained(*((name, float(value), 0.0, 99.0) for name, value in lines.items()))
        [reasons] = decisions.reasons_of(explained, CATALOGUE)["reasons"].to_list()
        assert {reason["feature"] for reason in reasons} == {[*lines][nth] for nth in told}


def test_what_is_ordinary_is_said_in_short_and_of_what_can_be_read_alone() -> None:
    """No name is lowered, nothing is defined, and nothing leans on a feature that is not there."""
    ordinary = [
        (name, 0.0, 1.0, 10.0) for name in ("lockstep_share", "effective_people_365d", "joined_365d_elsewhere_share")
    ]
    told = decisions.reasons_of(_explained(*ordinary), CATALOGUE)["counter_evidence"].explode().to_list()
    assert all(sentence.startswith("no more than in most accounts: ") for sentence in told)
    assert not [sentence for sentence in told if "such" in sentence or "the same groups" in sentence]


def test_evidence_shows_the_device_and_the_title_that_the_reason_is_of() -> None:
    """A channel that runs all day is one play, beside which a phone plays five clips; a title begun at any time on
    fourteen days is not the one begun at ten past three on nine; a minute before eight and eight are one time."""
    day = [at(f"2025-06-{n:02} 00:00") for n in range(1, 15)]
    of_box = [{"device": 1, "started_at": d, "seconds": 85_800} for d in day]
    of_phone = [{"device": 2, "started_at": d, "seconds": 120} for d in day for _ in range(5)]
    irregular = [{"title": 7, "started_at": d + dt.timedelta(minutes=37 * n)} for n, d in enumerate(day)]
    sharp = [{"title": 8, "started_at": d + dt.timedelta(hours=3, minutes=10)} for d in day[:9]]
    late = [{"title": 7, "started_at": d + dt.timedelta(hours=20, minutes=-(n % 2))} for n, d in enumerate(day[:6])]
    morning = [{"title": 8, "started_at": d + dt.timedelta(hours=10, minutes=n)} for n, d in enumerate(day[:4])]
    for feature, rows, column, shown in (
        ("punctual_days", [*late, *morning], "title", {7}),
        ("unresting_days", [*of_box, *of_phone], "device", {1}),
        ("punctual_days", [*irregular, *sharp], "title", {8}),
    ):
        schema = tables.columns(tables.Playbacks)
        fill: dict[str, object] = dict.fromkeys(schema) | {"account": 1, "is_view": True, "utc_offset_s": 0}
        full = [fill | {"playback": n} | row for n, row in enumerate(rows)]
        playbacks = pl.DataFrame(full, schema=schema).with_columns(day=pl.col("started_at").dt.date())
        reasons = decisions.reasons_of(_explained((feature, 14.0, 0.0, 99.0)), CATALOGUE)
        [evidence] = decisions.evidence_of(playbacks, reasons, CATALOGUE)["evidence"].to_list()
        assert set(playbacks.filter(pl.col("playback").is_in(evidence))[column]) == shown


def test_a_streak_that_ended_before_the_window_is_shown_by_no_other_title() -> None:
    """Sixty days in spring, of which the window has none; a film on three evenings in June is no proof of them."""
    schema = tables.columns(tables.Playbacks)
    fill: dict[str, object] = dict.fromkeys(schema) | {"account": 1, "is_view": True, "utc_offset_s": 0, "title": 7}
    for evenings, value, shown in ((3, 60.0, 0), (3, 3.0, 3), (14, 365.0, 14)):
        days = [at(f"2025-06-{n:02} 20:00") for n in range(1, evenings + 1)]
        full = [fill | {"playback": n, "started_at": day} for n, day in enumerate(days)]
        playbacks = pl.DataFrame(full, schema=schema).with_columns(day=pl.col("started_at").dt.date())
        reasons = decisions.reasons_of(_explained(("longest_streak_365d", value, 0.0, 99.0)), CATALOGUE)
        evidence = decisions.evidence_of(playbacks, reasons, CATALOGUE)["evidence"].explode().drop_nulls()
        assert len(evidence) == shown


def test_an_account_of_which_nothing_stands_out_has_no_reason() -> None:
    """The least ordinary of ordinary features is none, even if it is all that there is; the others still are."""
    columns = ("feature", "value", "typical", "percentile", "surprise", "peer")
    explained = pl.DataFrame(
        [(1, "longest_streak", 2.0, 2.0, 60.0, 0.5, None), (2, "longest_streak", 9.0, 2.0, 99.0, 5.0, None)],
        schema=["account", *columns],
        orient="row",
    ).cast({"account": pl.UInt64, "peer": pl.String})
    nothing = pl.DataFrame(schema=tables.columns(tables.Playbacks))
    argued = decisions.argue(explained, nothing, CATALOGUE)
    assert [len(reasons) for reasons in argued["reasons"]] == [0, 1]


def test_evidence_of_newcomers_is_theirs_though_they_play_more() -> None:
    """A reason says which share of the plays is theirs. They play little; most of all on a line of their own; or most
    of all on ever other lines. On how many days both were there is shown by either."""
    schema = tables.columns(tables.Playbacks)
    for feature, value, owner, theirs, shown in (
        ("joined_365d_share", 0.2, [1] * 8, [2, 2], {2}),
        ("newcomer_share", 0.8, [1] * 2, [2] * 8, {2}),
        ("newcomer_share", 0.8, [1] * 2, list(range(2, 10)), set(range(2, 10))),
        ("joined_365d_beside_days", 5.0, [1] * 2, [2] * 8, {1, 2}),
    ):
        start = at("2025-06-01 20:00")
        rows: list[dict[str, object]] = [
            dict.fromkeys(schema) | {"account": 1, "playback": n, "address": line, "started_at": start}
            for n, line in enumerate([*owner, *theirs])
        ]
        playbacks = pl.DataFrame(rows, schema=schema)
        reasons = decisions.reasons_of(_explained((feature, value, 0.0, 99.0)), CATALOGUE)
        [evidence] = decisions.evidence_of(playbacks, reasons, CATALOGUE)["evidence"].to_list()
        assert set(playbacks.filter(pl.col("playback").is_in(evidence))["address"]) == shown
