"""Commands that read: what was found, why, how good it is, and by which features."""

# ruff: noqa: PLC0415
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.cli._common import Day, Json, allowed, app, audit, day_of, looking, now, opened, show, typed_id
from detector.errors import IntegrityError, SettingsError


@app.command()
def models(context: typer.Context, json: Json = False) -> None:
    """List the models, newest first."""
    from detector import terminal, verifying

    with opened(context) as (doors, _):
        rows = [
            {
                "version": one.version,
                "role": ", ".join(one.aliases) or None,
                "made": one.created_at,
                "window to": one.record["day"],
                "accounts": one.record["own_accounts"],
                "invented": one.record["invented_accounts"],
            }
            for one in doors.registry().versions()
        ]
        if not rows:
            for sentence in verifying.lost_models(doors):
                raise IntegrityError(sentence)
        show(rows, json, terminal.table(rows, list(rows[0])) if rows else "no model yet; run `detector train`")


@app.command()
def scores(
    context: typer.Context,
    day: Day = None,
    asked: Annotated[
        Path | None, typer.Option("--for", help="Parquet or CSV with account_id: answer for these.", show_default=False)
    ] = None,
    features: Annotated[bool, typer.Option("--features", help="With the feature columns.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write .parquet or .csv instead.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown of a table.")] = 20,
    json: Json = False,
) -> None:
    """Read the scores of a published night, highest first."""
    from detector import published, terminal

    if features and out is None and not json:
        raise SettingsError(
            "expected --out FILE or --json beside --features, found neither; they are too many for lines"
        )
    with opened(context) as (doors, _):
        run = published.run_of(doors, day_of(day))
        if asked is None:
            audit(doors, "scores", None, None, {"run": run.id, "features": features}, rights=["look"])
            frame = published.scores(doors, run, with_features=features)
        else:
            ids = read_table(asked, "a table with the column account_id")
            audit(doors, "scores --for", None, None, {"asked": ids.height}, rights=["look"])
            frame = published.scores_for(doors, run, ids, with_features=features)
            seen = frame.filter(frame["status"] != "not seen")["account"].unique().sort()
            doors.ledger.write_looks(
                seen, actor=allowed(doors), action="scores --for", detail={"run": run.id}, now=now()
            )
        if out is not None:
            write_table(frame, out)
            print(f"{terminal.counted(frame.height, 'account')} of {run.day} written to {out}")
            return
        columns = [c for c in frame.columns if c in ("account_id", "account", "rank", "score", "p_value", "status")]
        shown = frame.head(limit).select(*columns, "flagged", "kind").to_dicts()
        text = "no account"
        if shown:
            text = f"{run.day}: {terminal.counted(frame.height, 'account')}\n{terminal.table(shown, list(shown[0]))}"
        if frame.height > limit:
            text += f"\n... and {frame.height - limit} more; --out FILE or --json gives all"
        flagged = [row["flagged"] for row in shown]
        if asked is None and flagged != sorted(flagged, reverse=True):
            text += "\nwhy one is not flagged that scores higher than one that is: `detector explain ACCOUNT`"
        show(frame, json, text)


def read_table(path: Path, what: str) -> Any:
    """A frame from Parquet, from JSON (a list of objects), or from CSV as text; `what` was expected, says the
    refusal."""
    import polars as pl

    from detector import sources

    with sources.reading(path, what):
        if path.suffix == ".json":
            return pl.read_json(path, infer_schema_length=None)
        return pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)


def write_table(frame: Any, out: Path) -> None:
    """A frame as the file that the suffix of its name asks for."""
    from detector import exports, store

    store.write_atomically(out, exports.as_bytes(frame, out))


@app.command()
def evaluate(
    context: typer.Context,
    truth: Annotated[
        Path, typer.Option(help="Parquet or CSV with account_id, kind and label, as `simulate` writes it.")
    ],
    day: Day = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it too, as .png.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """How good a published night is against known answers, by kind, beside a plain forest and the usual rules."""
    from detector import published, store

    if picture is not None and picture.suffix != ".png":
        raise SettingsError(f"expected --picture to end in .png, found {picture.name!r}; rename it")
    with opened(context) as (doors, loaded):
        run = published.run_of(doors, day_of(day))
        answers = read_table(truth, "a table with account_id, kind and label")
        audit(doors, "evaluate", None, None, {"asked": answers.height, "run": run.id}, rights=["look"])
        found = published.evaluate(doors, run, answers, loaded.settings)
        if picture is not None:
            from detector import pictures

            store.write_atomically(picture, pictures.draw(found))
        plain = {"day": run.day, "accounts": found.accounts.to_dicts(), "measures": found.measures.to_dicts()}
        plain["naming"] = found.naming.to_dicts()
        show(plain, json, _evaluated(found, run.day) + (f"\n\ndrawn: {picture}" if picture else ""))


def _evaluated(found: Any, day: Any) -> str:
    from detector import evaluation, terminal

    def tables(measures: Any, side_by_side: Any) -> list[str]:
        shown = [side_by_side(measure) for measure in measures]
        return [line for rows in shown for line in ("", terminal.table(rows, list(rows[0])))]

    lines = [f"{day}, in per cent with 95 % intervals; those labelled sharing count neither way", ""]
    lines.append(terminal.table(found.accounts.to_dicts(), found.accounts.columns))
    lines += tables(found.measures["measure"].unique(maintain_order=True), found.side_by_side)
    if evaluation.LEARNED in found.measures["method"]:
        lines += ["", "the order that the verdicts of today teach; who has one is placed by those on others"]
        lines += tables(evaluation.OF_ORDER, found.learned_side_by_side)
    lines += tables(found.naming["measure"].unique(maintain_order=True), found.names_side_by_side)
    return "\n".join(lines)


@app.command()
def explain(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="16 hex digits.", show_default=False)] = "",
    own_id: Annotated[
        str | None, typer.Option("--id", metavar="-", help="- reads the service's own id from standard input.")
    ] = None,
    day: Day = None,
    unmask: Annotated[
        str | None, typer.Option(metavar="PURPOSE", help="Show names, for a purpose that goes on record.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Draw its year, hours, devices and streams.")] = False,
    json: Json = False,
) -> None:
    """Why an account stands where it stands, what speaks against it, and the playbacks that show it."""
    from detector import explaining, identity, published

    if (own_id is None) == (not account) or own_id not in (None, "-"):
        raise SettingsError("expected ACCOUNT, or --id - with the id on standard input; give one of them")
    if unmask is not None and not unmask.strip():
        raise SettingsError("expected a purpose after --unmask, found none; say why names are needed")
    with opened(context) as (doors, loaded):
        number = identity.from_hex(account) if account else identity.pseudonym_of(typed_id(), doors.keys)
        run = published.run_of(doors, day_of(day))
        action = "unmask" if unmask else "explain"
        audit(doors, action, f"{number:016x}", unmask, {"run": run.id}, rights=looking(unmask))
        found = explaining.explain(doors, run, number, settings=loaded.settings, names=unmask is not None)
        told = explained(found)
        if pictures:
            from detector.portrait import text

            drawn = explaining.portray(doors, run, number, loaded.settings)
            found["portrait"] = explaining.plain(drawn)
            told += f"\n\n{text.draw(drawn)}"
        show(found, json, told)


_UNUSUAL = 75  # percentile
_PLAYBACKS, _TITLE = 30, 24  # at most so many in text, and characters of a title


def explained(found: dict[str, Any]) -> str:
    """Why an account stands where it stands, as text."""
    from detector import terminal

    name = f" ({found['account_id']})" if found.get("account_id") else ""
    lines = [f"account {found['account']}{name}, {found['day']}"]
    if found["score"] is None:
        lines.append(f"no score: {found['status']} ({found['history_days']} days since first seen)")
    else:
        kept_back = f", kept back: {found['kept_back']}" if found.get("kept_back") else ""
        flagged = f"flagged, looks like: {_kind(found)}" if found["flagged"] else f"not flagged{kept_back}"
        lines += [
            flagged,
            f"score {found['score']:.2f}, rank {found['rank']}; "
            f"at most {found['p_value']:.2%} of held-out accounts score as high",
        ]
        if found.get("since"):
            lines.append(f"each weekly look back as far as {found['since']} would have flagged it")
    lines += ["", "what speaks for it"]
    reasons = [reason["sentence"] for reason in found["reasons"]] or ["nothing stands out by itself"]
    lines += [terminal.wrapped(sentence, "  - ") for sentence in reasons]
    lines += ["", "what speaks against it"]
    lines += [terminal.wrapped(sentence, "  - ") for sentence in found["counter_evidence"]]
    if found.get("cleared_by"):
        lines += ["", f"would not be flagged if as in most accounts: {', '.join(found['cleared_by'])}"]
    unusual = [row for row in found["features"] if row["percentile"] >= _UNUSUAL]
    unusual.sort(key=lambda row: -row["percentile"])
    lines += ["", "what was measured, most unusual first"]
    lines.append(_indented(terminal.table(unusual, ["feature", "value", "typical", "percentile"])))
    lines.append(f"  and {len(found['features']) - len(unusual)} features as in most accounts (--json has them)")
    if found["evidence"]:
        named = "title_name" if "title_name" in found["evidence"][0] else "title"
        columns = ["started_at", "seconds", named, "profile", "device", "network"]
        latest = found["evidence"][-_PLAYBACKS:]
        shown = [row | {c: row[c][:8] for c in ("profile", "device", "network") if row[c]} for row in latest]
        shown = [row | {named: row[named] and row[named][:_TITLE]} for row in shown]
        which = f", the latest {len(shown)}" if len(shown) < len(found["evidence"]) else ""
        show_it = "that shows it" if len(found["evidence"]) == 1 else "that show it"
        count = terminal.counted(len(found["evidence"]), "playback")
        lines += ["", f"{count} {show_it}{which} (times in UTC, ids cut to 8 digits)"]
        lines.append(_indented(terminal.table(shown, columns)))
    return "\n".join(lines)


def _kind(found: dict[str, Any]) -> str:
    share = found["kind_share"]
    return str(found["kind"]) + (f" ({share:.0%} of its strongest evidence)" if share is not None else "")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


@app.command()
def features(json: Json = False) -> None:
    """The catalogue: what each feature is, in which unit, and what null means."""
    from detector.features import CATALOGUE

    rows = [
        {
            "name": one.name,
            "family": one.family,
            "unit": one.unit,
            "says": one.says,
            "missing": one.missing,
            "innocent": list(one.innocent),
            "telling_alone": one.telling is not None,
        }
        for one in CATALOGUE.values()
    ]
    lines = []
    for row in rows:
        lines.append(f"{row['name']} ({row['family']}, {row['unit']})\n    {row['says']}\n    null: {row['missing']}")
    show(rows, json, "\n".join(lines))
