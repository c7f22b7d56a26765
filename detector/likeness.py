"""What kind of case an account looks like, by rules that a person can read."""

import polars as pl

_RARE, _SELDOM = 2.0, 1.3  # evidence: one account in 100, one in 20
_ANY = 1e-9  # a share that is not nought
_TIRELESS_H = 18.0  # a day: people sleep
_UNRESTING_DAYS = 4  # in four weeks: a stream left open once or twice is no machine
_UNTOUCHED_H = 24.0  # on one start: a person would have pressed something
_LOCKSTEP = 0.5  # share of the plays
# Groups of people: more than two or three households that share. Two that last may be seen as four, for a tablet that
# is never at home on the same day as the others stands alone; where strangers come and go, some are new.
_CROWD, _CROWD_THAT_LASTS = 4, 3
# Of two or more of any of these, some live apart.
_SEVERAL = ("returning_groups", "lasting_strangers", "homes_365d", "lived_in_homes_365d", "people_365d")
# By kind, the families of features whose evidence speaks for it.
_SPEAKING = {
    "loop or automated playback": ("repetition", "unresting"),
    "ring": ("rings", "hands", "repetition"),
    "restreaming": ("unresting", "rhythm", "concurrency"),
    "resale": ("groups", "profiles", "residents", "places", "taste"),
    "account takeover": ("change", "joined", "taste"),
    "household sharing": ("groups", "profiles", "residents", "taste"),
}


def kinds(scores: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """`account, kind, kind_share`: what the case looks like, for the reviewer to confirm, and how sure that is.

    `scores` hold the families' evidence, `features` what was measured; what is not known speaks for no kind. The share
    is that of the kind's strongest evidence in it and the strongest of anything else together: above a half, nothing
    speaks as loudly for another side of the account's life. It is no probability, and null where the kind is unclear.
    """
    known = scores.join(features, on="account", how="left", maintain_order="left")
    columns = set(known.columns)
    families = [name for name in scores.columns if name.startswith("score_") and name != "score_overall"]

    def evidence(family: str) -> pl.Expr:
        return pl.col(f"score_{family}") if f"score_{family}" in columns else pl.lit(0.0)

    def value(feature: str, least: float) -> pl.Expr:
        return (pl.col(feature) >= least).fill_null(False) if feature in columns else pl.lit(False)

    # A machine that plays the same again and again shows in both: neither speaks against the other.
    strongest = pl.max_horizontal(pl.lit(0.0), *(name for name in families if name != "score_unresting"))
    machine = (evidence("unresting") >= _RARE) & (evidence("unresting") >= strongest)
    lockstep = (evidence("rings") >= _RARE) & value("ring_accounts", 3) & value("lockstep_share", _LOCKSTEP)
    again = value("repeat_share", _LOCKSTEP) | value("views_per_title", 3)
    untouched = value("hours_per_start", _UNTOUCHED_H) & ~again
    counted = again | value("bare_view_share", _LOCKSTEP) | (evidence("repetition") >= _RARE)
    tireless = value("hours_per_active_day", _TIRELESS_H) & value("active_hours", _TIRELESS_H)
    strangers = value("lasting_groups", _CROWD_THAT_LASTS) | value("newcomer_share", _ANY)
    # In four weeks one home may look like two; who has been known for longer is told by the year.
    of_the_year = value("joined_365d_share", 0)
    crowd = ((value("returning_groups", _CROWD) & strangers) | value("lasting_strangers", _CROWD)) & ~of_the_year
    # Where the year knows several homes, they are the households: a phone that is never at home is one of theirs.
    crowd |= value("homes_365d", _CROWD) | (value("people_365d", _CROWD) & ~value("homes_365d", 2))
    # Who comes and goes within two weeks is not counted by the year; friends who moved house long ago are no newcomers.
    passing = value("returning_groups", _CROWD) | value("homes_365d", _CROWD_THAT_LASTS)
    crowd |= passing & value("newcomer_share", _ANY)
    newcomers = pl.max_horizontal(evidence("change"), evidence("joined"))
    # Who shares with friends has two homes, for long. Where the year knows of one alone, those who are apart within the
    # window have come lately, however plainly they are apart.
    one_home = value("homes_365d", 0) & ~value("homes_365d", 2)
    apart = pl.when(one_home).then(0.0).otherwise(evidence("groups"))
    # Friends share for long; who came lately, to another country than the old life goes on in, is no friend's household
    # for being apart from it.
    abroad = value("newcomer_abroad_share", _ANY)
    several = [value(name, 2) for name in _SEVERAL]
    # Without addresses nobody knows who belongs together: then places, and devices or streams beside them, must do.
    elsewhere = evidence("places") >= _SELDOM
    by_others = pl.max_horizontal(evidence("concurrency"), evidence("devices")) >= _SELDOM
    named = known.select(
        "account",
        *families,
        kind=pl.when(lockstep)
        .then(pl.lit("ring"))
        .when(untouched)
        .then(pl.lit("restreaming"))
        .when((evidence("repetition") >= _RARE) & (evidence("repetition") >= strongest))
        .then(pl.lit("loop or automated playback"))
        .when(machine & counted)
        .then(pl.lit("loop or automated playback"))
        .when((evidence("rings") >= _RARE) & value("ring_accounts", 3))
        .then(pl.lit("ring"))
        .when(tireless | (machine & value("unresting_days", _UNRESTING_DAYS)))
        .then(pl.lit("restreaming"))
        .when(crowd)
        .then(pl.lit("resale"))
        .when((newcomers >= _SELDOM) & (abroad | (newcomers >= pl.max_horizontal(apart, evidence("residents")))))
        .then(pl.lit("account takeover"))
        .when(pl.any_horizontal(several))
        .then(pl.lit("household sharing"))
        .when(elsewhere & by_others & ~value("returning_groups", 0))
        .then(pl.lit("resale"))
        .otherwise(pl.lit("unclear")),
    )
    shares = [
        pl.when(pl.col("kind") == kind).then(_share_of([f"score_{one}" for one in speaking], families))
        for kind, speaking in _SPEAKING.items()
    ]
    return named.select("account", "kind", kind_share=pl.coalesce(*shares))


def _share_of(speaking: list[str], families: list[str]) -> pl.Expr:
    own = [name for name in families if name in speaking]
    others = [name for name in families if name not in speaking]
    strongest, other = (pl.max_horizontal(pl.lit(0.0), *names) for names in (own, others))
    return pl.when(strongest > 0).then((strongest / (strongest + other)).round(3))
