"""Review in the terminal: the queue, a case with its evidence, what came of the cases."""

# ruff: noqa: PLC0415
import shutil
import sys
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli._common import Json, allowed, app, looking, now, opened, show, typed_id
from detector.cli.reading import explained, write_table
from detector.errors import SettingsError

if TYPE_CHECKING:
    import datetime as dt

    from detector.cases import Case
    from detector.runs import Doors
    from detector.typed import Meant

review_app = typer.Typer(help="The cases put before reviewers, and their verdicts.", no_args_is_help=True)
app.add_typer(review_app, name="review")

Account = Annotated[str, typer.Argument(help="16 hex digits, or the number of a case.", show_default=False)]
OwnId = Annotated[
    str | None, typer.Option("--id", metavar="-", help="- reads the service's own id from standard input.")
]
_WIDTH = 80
_VERDICTS = "with one of the verdicts: confirmed, false-alarm, undecided"


def account_of(account: str, own_id: str | None, doors: "Doors", meant: "Meant" = "any") -> str:
    """The account (16 hex digits) that was typed, by these digits or a case that is `meant` (see `typed.account_of`),
    or whose own id stands on standard input; SettingsError where it is neither."""
    from detector import identity, typed

    if (own_id is None) == (not account) or own_id not in (None, "-"):
        raise SettingsError("expected ACCOUNT, or --id - with the id on standard input; give one of them")
    if account:
        return typed.account_of(doors, account, meant)
    return f"{identity.pseudonym_of(typed_id(), doors.keys):016x}"


@review_app.command("list")
def list_cases(
    context: typer.Context,
    status: Annotated[str, typer.Option(help="open, proposed, decided or withdrawn.")] = "open",
    kind: Annotated[str, typer.Option(help="Only cases that look like this.", show_default=False)] = "",
    origin: Annotated[str, typer.Option(help="Only flag, or only calibration.", show_default=False)] = "",
    family: Annotated[str, typer.Option(help="Only where its evidence is strongest.", show_default=False)] = "",
    least_score: Annotated[float | None, typer.Option(help="Only from this score on.", show_default=False)] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those in your hands.")] = False,
    free: Annotated[bool, typer.Option("--free", help="Only those in nobody's hands.")] = False,
    snoozed: Annotated[bool, typer.Option("--snoozed", help="Those too that sleep until some day.")] = False,
    view: Annotated[str, typer.Option(help="The filters you kept under this name.", show_default=False)] = "",
    save_view: Annotated[str, typer.Option(help="Keep these filters under a name.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, help="Rows shown of a table.")] = 20,
    skip: Annotated[int, typer.Option(min=0, help="Rows of the table left out before that.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write all of them to a .csv, .json or .parquet.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """The cases, in the order in which they are offered to you."""
    from detector import reviewing, typed
    from detector.views import Filters

    said = {
        "status": status, "kind": typed.kind_of(kind), "origin": origin or None, "family": family or None,
        "least_score": least_score, "mine": mine, "free": free, "snoozed": snoozed,
    }  # fmt: skip
    with opened(context) as (doors, _):
        me, moment = allowed(doors, "look"), now()
        filters = Filters.of(said)
        if view:
            kept = doors.ledger.views.of(me)
            if view not in kept:
                raise SettingsError(
                    f"expected a view of yours ({', '.join(kept) or 'there is none yet'}), found {view!r}; "
                    "keep one with --save-view"
                )
            filters = Filters.of(kept[view].said() | {name: said[name] for name in said if _typed(context, name)})
        all_of_them = json or out is not None
        page = reviewing.queue(
            doors, filters, reviewer=me, now=moment, limit=None if all_of_them else limit,
            offset=0 if all_of_them else skip,
        )  # fmt: skip
        if save_view:
            doors.ledger.views.keep(me, save_view, filters)
        if out is not None:
            write_table(reviewing.exported(page.cases), out)
            print(f"{page.total} cases written to {out}")
            return
        show([_plain(case) for case in page.cases], json, _listed(page.cases, page.total, skip, filters.status, moment))


def _typed(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name != "DEFAULT"


def _listed(found: "list[Case]", total: int, skip: int, status: str, moment: "dt.datetime") -> str:
    from detector import terminal

    if not found:
        return f"no {status} case"
    rows = [
        {
            "case": case.id,
            "account": case.account,
            "score": case.score,
            "kind": case.verdict_kind or case.kind,
            "age": f"{(moment - case.opened_at).days} d",
            "who": _hands(case, moment),
        }
        for case in found
    ]
    head, *lines = terminal.table(rows, list(rows[0])).split("\n")
    width = max(_WIDTH, shutil.get_terminal_size().columns if sys.stdout.isatty() else 0)
    text = [head]
    for case, line in zip(found, lines, strict=True):
        text += [line[:width], "  " + textwrap.shorten(_why(case), width - 2, placeholder=" ...")]
    if total > skip + len(found):
        text.append(f"... and {total - skip - len(found)} more; --limit, --skip, --out or --json shows them")
    return "\n".join(text)


def _why(case: "Case") -> str:
    origin = "calibration: " if case.origin == "calibration" else ""
    return origin + (case.reasons[0]["sentence"] if case.reasons else f"strongest in {case.family}")


def _hands(case: "Case", moment: "dt.datetime") -> str:
    if case.held_by and case.held_until and case.held_until > moment:
        return f"{case.held_by} looks"
    return case.seconded_by or case.decided_by or case.assignee or ""


@review_app.command("next")
def take_next(context: typer.Context, json: Json = False) -> None:
    """Take the next case into your hands, and show it."""
    from detector import identity, reviewing

    with opened(context) as (doors, loaded):
        me, moment = allowed(doors, "decide"), now()
        case = reviewing.take_next(doors, reviewer=me, now=moment)
        account = identity.from_hex(case.account)
        found = reviewing.show(doors, account, settings=loaded.settings, reviewer=me, purpose=None, now=moment)
        show(found, json, _case(found, me))


@review_app.command("show")
def show_case(
    context: typer.Context,
    account: Account = "",
    own_id: OwnId = None,
    unmask: Annotated[
        str | None, typer.Option(metavar="PURPOSE", help="Show names, for a purpose that goes on record.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Draw its year, hours, devices and streams.")] = False,
    json: Json = False,
) -> None:
    """A case: what was seen, what speaks against it, and what has been done."""
    from detector import identity, reviewing

    if unmask is not None and not unmask.strip():
        raise SettingsError("expected a purpose after --unmask, found none; say why names are needed")
    with opened(context) as (doors, loaded):
        me = allowed(doors, *looking(unmask))
        number = identity.from_hex(account_of(account, own_id, doors))
        found = reviewing.show(doors, number, settings=loaded.settings, reviewer=me, purpose=unmask, now=now())
        told = _case(found, me)
        if pictures and found["night"]:
            from detector import casefiles, explaining, published
            from detector.portrait import text

            run = published.run_of(doors, found["night"]["day"])
            case = doors.ledger.cases.numbered(found["case"]["id"])
            kept = None if case is None else casefiles.read(doors, case)
            drawn = explaining.portray(doors, run, number, loaded.settings, kept=kept)
            found["portrait"] = explaining.plain(drawn)
            told += f"\n\n{text.draw(drawn)}"
        show(found, json, told)


def _case(found: dict[str, Any], me: str) -> str:
    from detector import terminal

    case = found["case"]
    lines = [f"case {case['id']}, {standing(case)}"]
    if case["held_by"] not in (None, me):
        lines.append(f"{case['held_by']} is looking at it until {case['held_until']:%H:%M} UTC: nobody else can decide")
    lines.append(f"shown by {terminal.counted(case['nights'], 'night')} from {case['first_day']} to {case['last_day']}")
    if case["status"] == "open" and case["snoozed_until"] and case["snoozed_until"] > now().date():
        lines.append(f"out of the queue until {case['snoozed_until']}")
    if case["origin"] == "calibration":
        lines.append("not flagged: one of the highest held-out accounts, whose verdicts earn a stated error rate")
    if found["came"]:
        lines.append(f"what came of it: {found['came']}")
    if case["contest"]:
        by = f" by {case['contest_by']}" if case["contest_by"] else ""
        lines.append(f"contested by the holder, {case['contested_at']:%Y-%m-%d}: {case['contest']}{by}")
    for one in found["suppressed"]:
        what = " ".join(filter(None, (one["scope"], one["value"])))
        lines.append(f"does not count until {one['ends_on']}: {what} (suppression {one['id']} by {one['made_by']})")
    if found["on_file"]:
        held = found["on_file"]
        lines.append(f"on file: {held['days']} days and {held['playbacks']} playbacks up to {held['night']}")
    for act in found["acts"]:
        detail = ", ".join(f"{name}: {_said(name, value)}" for name, value in act["detail"].items() if value)
        said = f"{act['actor']}: {act['action']}{f' ({detail})' if detail else ''}"
        lines.append(f"  {act['at']:%Y-%m-%d %H:%M} {terminal.printable(said)}")
    for earlier in found["earlier"]:
        lines.append(f"  earlier case {earlier['id']}: {standing(earlier)}")
    lines += ["", explained(found["night"]) if found["night"] else "the night that showed it is no longer published"]
    if case["status"] == "open":
        lines += ["", f"next: detector review decide {case['account']} --verdict VERDICT", _VERDICTS]
    if case["status"] == "proposed":
        lines += ["", f"next, by somebody else: detector review agree {case['account']}", "or disagree"]
    return "\n".join(lines)


def _said(name: str, value: Any) -> str:
    """What an act says, in words: features as they are, of anything else what it was before and after."""
    if not isinstance(value, list):
        return str(value)
    if name.startswith("reasons_"):
        return ", ".join(map(str, value))
    return " to ".join(f"{one:.2f}" if isinstance(one, float) else str(one) for one in value)


def standing(case: dict[str, Any]) -> str:
    """Where a case stands, on one line."""
    if case["outcome"] is None:
        return str(case["status"]) + (f", in the hands of {case['assignee']}" if case["assignee"] else "")
    what = case["verdict_kind"] or case["cause"]
    action = f", action: {case['response']}" if case["response"] not in (None, "none") else ""
    second = f" with {case['seconded_by']}" if case["seconded_by"] else ""
    waits = ", waits for a second person" if case["status"] == "proposed" else ""
    overturned = ", overturned after a contest" if case["contest"] == "overturned" else ""
    return (
        f"{case['outcome']}{f' ({what})' if what else ''}{action} by {case['decided_by']}{second}, "
        f"{case['decided_at']:%Y-%m-%d}{waits}{overturned}"
    )


def _plain(case: "Case") -> dict[str, Any]:
    """A case of a list, as plain data: what was measured is asked for case by case."""
    return {name: value for name, value in asdict(case).items() if name != "measured"}


@review_app.command()
def stats(context: typer.Context, json: Json = False) -> None:
    """What came of the cases: verdicts by kind, false alarms against what was promised, and how the desk works."""
    from detector import tallying, terminal

    with opened(context) as (doors, _):
        allowed(doors, "stats")
        found = tallying.tally(doors)
        lines = [", ".join(f"{count} {status}" for status, count in found["cases"].items()) or "no case yet"]
        if found["verdicts"]:
            lines += ["", terminal.table(found["verdicts"], list(found["verdicts"][0]))]
        lines.append("")
        lines += [
            f"flagged under a promise of at most {one['promised_share']:.0%} false alarms and decided: "
            f"{one['decided']}; false alarms: {one['false_alarm_share']:.0%} "
            f"({one['low_share']:.0%} to {one['high_share']:.0%}, 95 %)"
            for one in found["promised"]
        ] or ["no error rate has been promised yet, or none of what was flagged under it is decided"]
        if found["verdicts"]:
            lines += ["", _shares(found)]
        show(found, json, "\n".join(lines))


def _shares(found: dict[str, Any]) -> str:
    from detector import terminal

    names = {
        "false_alarms": "false alarms among the verdicts",
        "stopped": "the pattern stopped, where that can be told",
        "overridden": "another kind confirmed than proposed",
        "agreed": "second persons who agreed",
        "overturned": "contests that overturned the verdict",
    }
    rows = []
    for name, words in names.items():
        one = found[name]
        interval = f"{one['low_share']:.0%} to {one['high_share']:.0%}" if one["of"] else None
        share = f"{one['share']:.0%}" if one["of"] else None
        rows.append({"share of": words, "": share, "95 %": interval, "count": one["count"], "of": one["of"]})
    hours = found["median_hours_to_decide"]
    return terminal.table(rows, list(rows[0])) + f"\nmedian time from opening to verdict: {hours:g} h"
