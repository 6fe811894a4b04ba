"""`levelfive monitoring`: judge a window, and acknowledge one that called a person."""

from __future__ import annotations

from typing import Annotated

import typer

from levelfive.cli.options import (
    AsOfUnlessSubcommand,
    Begin,
    End,
    OnBehalfOf,
    open_app,
    out,
    time_or_now,
    time_unless_subcommand,
    who_says,
)
from levelfive.config import parse_window
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

    app = open_app()
    answers = requests.run(app.context, app.registry, landing=app.landing, as_of=moment)
    if answers is not None:
        out.print(f"request log: {answers.in_words}")
    result = monitoring_job.run(app.context, app.registry, window=parse_window(begin, end, moment), as_of=moment)
    if result.nothing:
        out.print(f"nothing to monitor: {result.nothing}")
    for version, verdict in result.verdicts.items():
        out.print(f"version {version} in {result.window}:")
        out.print(f"  outside the training's range: {_columns(verdict.outside)}")
        out.print(f"  unusual, which by itself is no harm: {_columns(verdict.unusual)}")
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
    out.print(f"It counts for decisions as of {iso(moment)} and later: run `levelfive retraining` as of such a time.")


def _columns(names: tuple[str, ...]) -> str:
    first = ", ".join(names[:SHOWN_COLUMNS]) + (", ..." if len(names) > SHOWN_COLUMNS else "")
    return f"{len(names)} columns ({first})" if names else "none"
