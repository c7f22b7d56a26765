"""Commands that judge accounts and learn to: scoring, training, the model in use."""

# ruff: noqa: PLC0415
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli._common import Day, Json, allowed, app, day_of, now, opened, show
from detector.errors import SettingsError

if TYPE_CHECKING:
    from detector.config import Loaded


@app.command()
def nightly(
    context: typer.Context,
    day: Day = None,
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of a back-fill.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day of a back-fill.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    json: Json = False,
) -> None:
    """Run the batch for a local day (default: the last one that is over everywhere), or for several."""
    from detector import days, terminal

    if (first is None) != (last is None) or (day is not None and first is not None):
        raise SettingsError("expected --day, or both --from and --to, found another mix; give one of these")
    with opened(context, takes_in=not dry_run) as (doors, loaded):
        from detector import nightly as batch

        until = day_of(last) or day_of(day) or days.last_closed_day(now(), loaded.settings.days)
        since = day_of(first) or until
        still_open = _still_open(until, loaded)
        if since > until:
            raise SettingsError(f"expected --from before --to, found {since} and {until}; swap them")
        wanted = [since + dt.timedelta(days=n) for n in range((until - since).days + 1)]
        if dry_run:
            plans = [batch.plan(doors, one, loaded.settings) for one in wanted]
            show(plans, json, terminal.table(plans, list(plans[0])))
            return
        nights = []
        with terminal.progress() as progress:
            for one in wanted:
                night = batch.night(
                    doors, one, settings=loaded.settings, clock=now, rebuild_since=since if first else None,
                    progress=progress,
                )  # fmt: skip
                nights.append({"day": night.day, "run": night.run_id, "unchanged": night.unchanged, **night.record})
        show(nights, json, "\n".join(_night_line(night) for night in nights) + still_open)
        if not json:
            print(f"next: `detector scores --day {until}`, or `detector explain ACCOUNT` with one of its accounts")


def _still_open(day: dt.date, loaded: "Loaded") -> str:
    """What is to be known of a day that is not over everywhere, as a further line; "" where it is.

    Raises:
        SettingsError: it has not come yet.
    """
    from detector import days

    last = days.last_closed_day(now(), loaded.settings.days)
    if day > now().date():
        raise SettingsError(f"expected a day that has been, found {day}; name {last}, the last that is over everywhere")
    if day <= last:
        return ""
    return (
        f"\nwarning: {day} is not over everywhere, what comes of it later is late; the last that is over is {last} "
        "([days] westernmost_zone and closing_h say where and when)"
    )


def _night_line(night: dict[str, Any]) -> str:
    from detector import terminal

    text = f"{night['day']}: {terminal.counted(night['accounts'], 'account')}, {night['flags']} flagged"
    if night["kinds"]:
        text += " (" + ", ".join(f"{n} {kind}" for kind, n in night["kinds"].items()) + ")"
    if night["unchanged"]:
        text += "; published before, nothing has changed"
    if kept_back := night.get("kept_back"):
        text += "\n  scored as high and kept back: " + ", ".join(f"{n} {why}" for why, n in kept_back.items())
    if "error_rate_promised" in night:
        text += f"\n  {_error_rate(night)}"
    later = {
        what: night[name]
        for what, name in (("verdicts on", "later_verdicts"), ("what is suppressed for", "later_suppressions"))
        if night.get(name)
    }
    if later:
        text += "\n  not counted, for it came after that day (UTC): " + ", ".join(
            f"{what} {terminal.counted(n, 'account')}" for what, n in later.items()
        )
    if moved := night.get("moved_since_training"):
        text += f"\n  warning: {moved[0]}" + (f" (and {len(moved) - 1} more)" if len(moved) > 1 else "")
    return text + _about_days(night, str(night["day"]))


def _error_rate(night: Mapping[str, Any]) -> str:
    """What a published night can promise of its flags, and what is to be done for more."""
    from detector import terminal
    from detector.decisions import BEYOND_PROMISE

    if night["error_rate_promised"]:
        more = (
            "; a larger `[decision] false_discovery_share` shows more" if BEYOND_PROMISE in night["kept_back"] else ""
        )
        return f"flagged under the promised share of false alarms; `detector review stats` has what came of it{more}"
    if night["capacity"] >= 1:
        flagged = "as many as reviewers can take are flagged"
    else:
        flagged = (
            "of so few accounts reviewers take less than one (`[decision] capacity_share`): the first is flagged "
            "only if no larger share of the accounts it is compared with scores as high"
        )
    cases = terminal.counted(night["calibration_cases_open"], "calibration case")
    if not night["calibration_cases_open"]:
        todo = "the accounts that this model compares with are invented or gone, so none of them can be reviewed"
    elif night["later_verdicts"]:
        todo = f"{cases} had no verdict by then; the flagged are in `detector review list --origin flag`"
    else:
        todo = (
            f"{cases} to be reviewed first (`detector review next`); the flagged are in "
            "`detector review list --origin flag`"
        )
    return f"no error rate can be promised yet: {flagged}; {todo}"


def _about_days(record: Mapping[str, Any], until: str) -> str:
    """What is to be known of the files and days that a run took in, or did not."""
    from detector import terminal

    text = "".join(f"\n  warning: {warning}" for warning in record.get("warnings", []))
    if replaced := record.get("ingested", {}).get("replaced"):
        text += f"\n  {terminal.counted(replaced, 'playback')} not counted: other files have replaced the days"
    if left_out := record.get("conflict_days"):
        text += (
            f"\n  {record['conflicts']} rows say different things of one playback and were left out, from "
            f"{left_out[0]} on; to say which are right: "
            f"`detector ingest FILE --replace {left_out[0]}`"
        )
    if held := record.get("held_days"):
        text += (
            f"\n  later rows or other settings would change {terminal.counted(len(held), 'published day')} from "
            f"{held[0]}; to use them: `detector nightly --from {held[0]} --to {until}`"
        )
    return text


@app.command()
def train(context: typer.Context, day: Day = None, json: Json = False) -> None:
    """Fit a model on the window up to a day; the first one comes into use at once."""
    _fit(context, day, json, retrains=False)


@app.command()
def retrain(context: typer.Context, day: Day = None, json: Json = False) -> None:
    """Fit anew without the accounts that reviewers confirmed, and compare with the model in use on past nights."""
    _fit(context, day, json, retrains=True)


def _fit(context: typer.Context, day: str | None, json: bool, *, retrains: bool) -> None:
    from detector import days, terminal

    with opened(context, takes_in=True) as (doors, loaded):
        from detector import retraining

        fit = retraining.retrain if retrains else retraining.train
        until = day_of(day) or days.last_closed_day(now(), loaded.settings.days)
        still_open = _still_open(until, loaded)
        with terminal.progress() as progress:
            trained = fit(doors, until, settings=loaded.settings, clock=now, progress=progress)
        plain = {"version": trained.version, "champion": trained.champion, **trained.record}
        if trained.compared is not None:
            plain["comparison"] = trained.compared.summary()
        if trained.not_compared is not None:
            plain["not_compared"] = trained.not_compared
        show(plain, json, _trained(trained, until) + still_open)


def _trained(trained: Any, until: dt.date) -> str:
    from detector import terminal

    record = trained.record
    role = "champion: it is in use" if trained.champion else "challenger: `detector promote` brings it into use"
    text = f"model {trained.version}, {role}\nlearned from "
    text += f"{terminal.counted(record['own_accounts'], 'account')} on {until}"
    if record["confirmed_left_out"]:
        text += f", without {record['confirmed_left_out']} that reviewers confirmed"
    if record["invented_accounts"]:
        text += f", beside {record['invented_accounts']} of an invented service"
    if record["features_left_out"]:
        text += f"\nleft out, for the log does not say: {', '.join(record['features_left_out'])}"
    if trained.compared is not None:
        nights, verdicts = trained.compared.nights, trained.compared.verdicts
        text += f"\n\nagainst the model in use, on {nights.height} published nights:\n"
        text += terminal.table(nights.to_dicts(), nights.columns)
        text += f"\n\n{terminal.table(verdicts.to_dicts(), verdicts.columns)}"
        text += f"\n\nnew cases for reviewers: {terminal.counted(trained.compared.cases_gained, 'account')}"
    if trained.not_compared is not None:
        text += f"\nnot compared with the model in use: {trained.not_compared}"
    return text + _about_days(record, str(until))


@app.command()
def promote(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="Version; default: the challenger.", show_default=False)] = "",
    override: Annotated[
        str, typer.Option(metavar="WHY", help="Bring it into use though it does worse; goes on record.")
    ] = "",
) -> None:
    """Bring a model into use; one that was in use before comes back the same way."""
    from detector import retraining

    with opened(context) as (doors, loaded):
        me = allowed(doors, "promote")
        promoted = retraining.promote(doors, version, override=override, actor=me, settings=loaded.settings, clock=now)
        print(f"model {promoted.version} is in use")
        if promoted.not_compared is not None:
            print(f"not compared with the one before: {promoted.not_compared}")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Folder of the demo, made anew.")] = Path("detector-demo"),
) -> None:
    """A simulated service with known answers, from playbacks to flagged accounts, in about a minute."""
    from detector import demo as show

    show.run(folder, now=now(), clock=now)
