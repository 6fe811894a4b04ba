"""`levelfive monitoring`: judge a window, acknowledge one that called a person, mute an alert, triage."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Annotated

import typer

from levelfive.cli.options import (
    AsOf,
    AsOfUnlessSubcommand,
    Begin,
    End,
    OnBehalfOf,
    open_app,
    out,
    shared,
    time_or_now,
    time_unless_subcommand,
    who_says,
)
from levelfive.config import parse_time, parse_window
from levelfive.core.windows import iso
from levelfive.monitoring.left_out import LeftOut

SHOWN_COLUMNS = 10

monitoring_cli = typer.Typer(invoke_without_command=True)


@monitoring_cli.callback()
def monitoring(
    context: typer.Context,
    as_of: AsOfUnlessSubcommand = None,
    begin: Begin = None,
    end: End = None,
) -> None:
    """Compare a window's live predictions with the training baseline and with the labels known, and judge."""
    moment = time_unless_subcommand(context, as_of, to="monitor")
    if moment is None:
        return
    from levelfive.monitoring import job as monitoring_job
    from levelfive.scoring import requests

    window, app = parse_window(begin, end, moment), open_app()
    answers = requests.run(app.context, app.registry, landing=app.landing, as_of=moment)
    if answers is not None:
        out.print(f"request log: {answers.in_words}")
    result = monitoring_job.run(app.context, app.registry, window=window, as_of=moment, destinations=app.destinations)
    if result.nothing:
        out.print(f"nothing to monitor: {result.nothing}")
    for version, verdict in result.verdicts.items():
        out.print(f"version {version} in {result.window}:")
        out.print(f"  outside the training's range: {_columns(verdict.outside)}")
        out.print(f"  unusual, which by itself is no harm: {_columns(verdict.unusual)}")
        out.print(f"  drift: {verdict.drift or 'no alarm is open'}")
        out.print(f"  harmful: {'; '.join(verdict.harmful) or 'no'}")
        out.print(f"  broken data: {'; '.join(verdict.broken) or 'no'}")
        out.print(f"  real time: {'; '.join(verdict.serving) or 'no'}")
    for performance in result.performance:
        for name, estimate in performance.evaluation.estimates.items() if performance.evaluation else ():
            out.print(f"{performance.window} {name}: {estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]")
        young = (
            f", provisional: {performance.share_known:.1%} of the outcomes are known" if performance.provisional else ""
        )
        out.print(f"{performance.window}: {performance.mature:,} mature rows of {performance.scored:,} scored{young}")


@monitoring_cli.command()
def acknowledge(
    *,
    begin: Annotated[
        str, typer.Option("--from", help="The first prediction time of the window, or how long it is, such as P7D.")
    ],
    end: Annotated[str, typer.Option("--to", help="The end of the window, not included.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    by: OnBehalfOf = None,
    leave_out: Annotated[
        LeftOut,
        typer.Option(
            help="What trainings leave out of the window: the days of broken deliveries that are flagged, nothing, or "
            "the whole window."
        ),
    ] = LeftOut.FLAGGED,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="From when on it counts, in ISO 8601, UTC without an offset; by default, from now on: for decisions "
            "about data of another time, name theirs."
        ),
    ] = None,
) -> None:
    """Write down that a person has looked at a window that called one: it does not keep back retraining any more."""
    from levelfive.monitoring.acknowledged import acknowledge as write
    from levelfive.monitoring.acknowledged import in_words

    moment = time_or_now(as_of)
    window = parse_window(begin, end, moment)
    app = open_app()
    who = who_says(app, by)
    model = app.registry.name
    word = write(app.context, model, window, by=who, reason=reason, left_out=leave_out, as_of=moment)
    out.print(f"{window} is {in_words(word)}.")
    retrain = shared().to_be_pasted(f"retraining --as-of {iso(moment)}")
    out.print(f"It counts for decisions as of {iso(moment)} and later: run `{retrain}`, or as of a later time.")


@monitoring_cli.command()
def mute(
    alert: Annotated[
        str, typer.Argument(help="The alert's id, as status and triage print it, or an alert's name: all of that name.")
    ],
    *,
    reason: Annotated[str, typer.Option(help="Why.")],
    until: Annotated[str, typer.Option(help="From when on it is told again, in ISO 8601, UTC without an offset.")],
    by: OnBehalfOf = None,
    as_of: Annotated[str | None, typer.Option(help="From when on it counts; by default, from now on.")] = None,
) -> None:
    """Let an alert be told to nobody for a time; it is kept, and shown, as before."""
    from levelfive.monitoring.muted import mute as write

    moment, end = time_or_now(as_of), parse_time(until)
    app = open_app()
    word = write(app.context, app.registry.name, alert, by=who_says(app, by), reason=reason, until=end, as_of=moment)
    out.print(f"{alert} is {word}, until {iso(end)}.")


@monitoring_cli.command()
def note(
    *,
    begin: Annotated[str, typer.Option("--from", help="When it began, or how long it took, such as P1D.")],
    end: Annotated[str, typer.Option("--to", help="When it ended, or will end.")],
    event: Annotated[str, typer.Option(help="What it was, in a few words, such as Thanksgiving.")],
    by: OnBehalfOf = None,
    as_of: Annotated[str | None, typer.Option(help="From when on it is known; by default, from now on.")] = None,
) -> None:
    """Note an event that people know of, such as a holiday or a strike: it stands beside the alarms of its time."""
    from levelfive.monitoring.noted import note as write

    moment = time_or_now(as_of)
    window = parse_window(begin, end, moment)
    app = open_app()
    word = write(app.context, app.registry.name, window, event=event, by=who_says(app, by), as_of=moment)
    out.print(f"{window}: {word}.")


@monitoring_cli.command()
def triage(
    as_of: AsOf,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Answer what an operator asks, in the order of asking, with the numbers and the next command."""
    from levelfive.reporting.triage import collect_triage
    from levelfive.reporting.triage import triage as answers_of

    moment, app = parse_time(as_of), open_app()
    facts = collect_triage(app.context, app.registry, as_of=moment)
    answers = [
        replace(one, command=shared().to_be_pasted(one.command) if one.command else "") for one in answers_of(facts)
    ]
    if as_json:
        out.print_json(json.dumps([asdict(one) for one in answers]))
        return
    for place, one in enumerate(answers, 1):
        out.print(f"{place}. {one.question} {one.outcome}", style="bold" if one.outcome == "look" else None)
        for line in one.lines:
            out.print(f"   {line}")
        if one.command:
            out.print(f"   next: {one.command}")


def _columns(names: tuple[str, ...]) -> str:
    first = ", ".join(names[:SHOWN_COLUMNS]) + (", ..." if len(names) > SHOWN_COLUMNS else "")
    return f"{len(names)} columns ({first})" if names else "none"
