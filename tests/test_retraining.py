"""Retraining with verdicts, and which model comes into use."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from support import TRAINED_UNTIL, clock

from detector import comparison, config, digesting, registry, retraining, store, tables, training
from detector.cases import Verdict
from detector.errors import GateError, InputError, IntegrityError
from detector.model import AccountModel
from detector.nightly import night
from detector.registry import CHALLENGER, CHAMPION
from detector.runs import Doors, open_doors


@pytest.fixture
def ticking() -> Callable[[], dt.datetime]:
    """A clock that goes on a minute each time it is read, so that runs have an order."""
    minutes = itertools.count()
    return lambda: clock() + dt.timedelta(minutes=next(minutes))


@pytest.fixture
def doors(home: Path, settings: config.Settings) -> Iterator[Doors]:
    """A home with a published night."""
    with open_doors(home, settings) as doors:
        night(doors, TRAINED_UNTIL, settings=settings, clock=clock)
        yield doors


def test_who_was_seen_too_little_teaches_nothing(settings: config.Settings) -> None:
    """New accounts and silent ones."""
    account = pl.Series([1, 2, 3, 4], dtype=pl.UInt64)
    first = [TRAINED_UNTIL - dt.timedelta(days=ago) for ago in (60, 3, 60)]
    year = pl.DataFrame({"account": account.head(3), "first_day": first, "plays": [99, 99, 1]})
    taught = training.learn_from(pl.DataFrame({"account": account}), year, TRAINED_UNTIL, settings.window)
    assert taught["account"].to_list() == [1]


def test_retraining_leaves_confirmed_accounts_out_and_compares(
    doors: Doors, settings: config.Settings, ticking: Callable[[], dt.datetime]
) -> None:
    """False alarms stay among those learned from; the comparison lies beside the model; promotion and way back."""
    first, second, *_ = doors.ledger.cases.queue()
    verdicts = [(first.account, Verdict("confirmed")), (second.account, Verdict("false alarm"))]
    doors.ledger.cases.decide(verdicts, actor="ana", now=ticking())
    before = doors.registry().with_alias(CHAMPION)
    assert before is not None
    strict = settings.model_copy(
        update={
            "model": settings.model.model_copy(update={"seed": 1}),  # other forests, so that some flags differ
            "decision": settings.decision.model_copy(update={"capacity_share": 0.2}),
            "promotion": settings.promotion.model_copy(update={"lost_share": 0.0}),
        }
    )
    trained = retraining.retrain(doors, TRAINED_UNTIL, settings=strict, clock=ticking)
    assert trained.record["confirmed_left_out"] == 1
    assert trained.record["own_accounts"] == before.record["own_accounts"] - 1
    assert trained.compared is not None
    assert trained.compared.nights["day"].to_list() == [TRAINED_UNTIL]
    run = doors.ledger.runs(1)[0]
    assert (run.command, run.status) == ("retrain", "finished")
    assert run.record["comparison"]["verdicts"][0]["confirmed"] == 1
    files = doors.registry().attached(trained.version)
    assert files["comparison.md"].startswith(f"# Model {trained.version} against".encode())
    assert files["comparison.png"].startswith(b"\x89PNG")

    with pytest.raises(GateError, match="--override"):
        retraining.promote(doors, "", override="", actor="ana", settings=strict, clock=ticking)
    assert doors.registry().with_alias(CHAMPION) == before
    assert doors.ledger.runs(1)[0].status == "refused"
    promoted = retraining.promote(doors, "", override="a new catalogue", actor="ana", settings=strict, clock=ticking)
    assert promoted.version == trained.version
    assert doors.ledger.runs(1)[0].record["override"] == "a new catalogue"
    assert doors.registry().with_alias(CHALLENGER) is None
    # Rolling back is one command, and asks nothing.
    back = retraining.promote(doors, before.version, override="", actor="ana", settings=strict, clock=ticking)
    assert back.not_compared is None
    assert doors.registry().with_alias(CHAMPION) == doors.registry().version(before.version)


def test_a_champion_that_can_be_used_no_more_holds_back_no_other(
    doors: Doors, settings: config.Settings, ticking: Callable[[], dt.datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update that reads its file no longer, training again and promoting is the way out. That nothing was
    compared is said and goes on record."""
    before = doors.registry().with_alias(CHAMPION)
    assert before is not None
    load = registry.Registry.load

    def refusing(models: registry.Registry, one: registry.Registered) -> AccountModel:
        if one.version == before.version:
            raise IntegrityError("train again and promote")
        return load(models, one)

    monkeypatch.setattr(registry.Registry, "load", refusing)
    trained = retraining.retrain(doors, TRAINED_UNTIL, settings=settings, clock=ticking)
    assert trained.compared is None
    why = f"model {before.version}, which is in use, can be used no more: train again and promote"
    records = {run.command: run.record for run in doors.ledger.runs(9)}
    assert trained.not_compared == records["retrain"]["not_compared"] == why
    strict = settings.model_copy(update={"promotion": settings.promotion.model_copy(update={"lost_share": 0.0})})
    promoted = retraining.promote(doors, "", override="", actor="ana", settings=strict, clock=ticking)
    assert promoted == retraining.Promoted(trained.version, why)
    assert doors.ledger.runs(1)[0].record["not_compared"] == why


def test_a_model_that_can_not_be_loaded_does_not_come_into_use(
    doors: Doors, home: Path, settings: config.Settings, ticking: Callable[[], dt.datetime]
) -> None:
    """Nor back into use: every night after would end with it. The one in use stays."""
    first = doors.registry().with_alias(CHAMPION)
    assert first is not None
    trained = retraining.train(doors, TRAINED_UNTIL, settings=settings, clock=ticking)
    retraining.promote(doors, trained.version, override="a test", actor="ana", settings=settings, clock=ticking)
    (file,) = (path for path in home.rglob("model.skops") if store.sha256(path.read_bytes()) == first.sha256)
    changed = bytearray(file.read_bytes())
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)
    with pytest.raises(IntegrityError):
        retraining.promote(doors, first.version, override="", actor="ana", settings=settings, clock=ticking)
    in_use = doors.registry().with_alias(CHAMPION)
    assert in_use is not None
    assert in_use.version == trained.version


def test_without_a_challenger_nothing_is_promoted(doors: Doors, settings: config.Settings) -> None:
    """Nor is a version that there is not."""
    for version, said in (("", "challenger"), ("99", "99")):
        with pytest.raises(InputError, match=said):
            retraining.promote(doors, version, override="", actor="ana", settings=settings, clock=clock)


def test_nights_that_a_model_can_not_read_are_left_out(doors: Doors, settings: config.Settings) -> None:
    """Without a published night there is nothing to compare, and a challenger may come into use."""
    champion = doors.registry().with_alias(CHAMPION)
    assert champion is not None
    longer = settings.model_copy(update={"promotion": settings.promotion.model_copy(update={"nights": 1})})
    later = TRAINED_UNTIL - dt.timedelta(days=1)
    night(doors, later, settings=settings, clock=clock)
    found = retraining.compare(doors, champion, champion, longer)
    assert isinstance(found, comparison.Comparison)
    assert found.nights["day"].to_list() == [TRAINED_UNTIL]
    assert found.lost_share == 0


def test_the_model_card_counts_verdicts_by_kind_and_cause(
    doors: Doors, settings: config.Settings, ticking: Callable[[], dt.datetime]
) -> None:
    """Before any verdict it says so; then a row for each kind that was confirmed and each innocent cause."""
    before = doors.registry().with_alias(CHAMPION)
    assert before is not None
    assert "| none yet |" in doors.registry().attached(before.version)["card.md"].decode()
    first, second, third, *_ = doors.ledger.cases.queue()
    verdicts = [
        (first.account, Verdict("confirmed", kind="ring")),
        (second.account, Verdict("false alarm", cause="a big family")),
        (third.account, Verdict("undecided")),
    ]
    doors.ledger.cases.decide(verdicts, actor="ana", now=ticking())
    trained = retraining.retrain(doors, TRAINED_UNTIL, settings=settings, clock=ticking)
    card = doors.registry().attached(trained.version)["card.md"].decode()
    assert "| confirmed | ring | 1 | " in card
    assert "| false alarm | a big family | 1 | " in card
    assert "none yet" not in card


def test_what_a_log_never_says_is_named_as_the_input_table_does() -> None:
    """Or the invented households of a small home would go on saying it, as titles once did."""
    maybe = [name for name, column in tables.CheckedRows.columns().items() if column.nullable]
    assert {training._SAID_AS.get(name, name) for name in maybe} <= set(tables.columns(tables.RawRows))


def test_a_window_without_playbacks_is_refused_before_it_is_digested(doors: Doors, settings: config.Settings) -> None:
    """The years between are not gone through first, and the refusal names the day to give."""
    last = doors.home.partitions("playbacks")[-1]
    before = doors.home.partitions(digesting.DAYS)
    with pytest.raises(InputError, match=f"try --day {last}"):
        retraining.train(doors, last + dt.timedelta(days=400), settings=settings, clock=clock)
    assert doors.home.partitions(digesting.DAYS) == before


def test_a_log_that_names_networks_and_no_addresses_is_compared_with_one_that_does() -> None:
    """The invented households keep their networks, and have no addresses."""
    identity_settings = config.load().settings.identity
    invented = pl.DataFrame({"ip": ["240.0.0.1", "240.0.0.2", "240.0.1.1", None], "city": ["here"] * 4})
    logged = training._as_logged(invented, {"address", "city"}, identity_settings)
    assert logged["ip"].null_count() == logged["city"].null_count() == 4
    assert logged["network"].to_list() == ["4:15728640/24", "4:15728640/24", "4:15728641/24", None]
    assert training._as_logged(invented, {"address", "network"}, identity_settings).columns == ["ip", "city"]
