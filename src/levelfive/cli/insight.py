"""`levelfive status`, `report` and `check`: what is live, how it does, and whether a use case can work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from levelfive.cli.options import EXIT_REFUSED, AsOf, Landing, open_app, out, shared, wide
from levelfive.config import parse_time
from levelfive.core.texts import counted
from levelfive.core.windows import iso

if TYPE_CHECKING:
    from levelfive.reporting.status import Status


def check(
    rows: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many rows of each source, the first of its files.")
    ] = 5_000,
    landing: Landing = None,
) -> None:
    """Try the use case on the first rows of its landing files, from headers to a fitted model; write nothing."""
    from levelfive.trial import trial
    from levelfive.usecase.features import owner_of

    app = open_app(landing)
    if any(owner_of(lookup.table) for lookup in app.use_case.model.lookups):
        findings = trial.run(app.tables.spark, app.use_case, app.landing, limit=rows, read_shared=app.tables.read)
    else:
        with app.platform.scratch(app.settings) as spark:
            findings = trial.run(spark, app.use_case, app.landing, limit=rows)
    table = Table("looked at", "rows", "of them")
    for part in findings.parts:
        table.add_row(part.what, f"{part.rows:,}", part.message)
    wide.print(table)
    for note in findings.notes:
        out.print(f"note: {note}")
    for fault in findings.faults:
        out.print(f"fault: {fault}")
    if findings.faults:
        raise typer.Exit(EXIT_REFUSED)
    out.print(f"No fault was found in {app.use_case.name!r}. Nothing was written.")


def report(
    as_of: AsOf,
    to: Annotated[
        Path | None, typer.Option(help="The HTML file to write; default report-<use case>.html, in this folder.")
    ] = None,
) -> None:
    """Write one HTML file, with plots and without a network: is the model fine, and why."""
    from levelfive.reporting.collect import collect
    from levelfive.reporting.page import render

    moment, app = parse_time(as_of), open_app()
    to = to or Path(f"report-{app.context.use_case.name}.html")
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(render(collect(app.context, app.registry, as_of=moment)), encoding="utf-8")
    out.print(f"Report: {to}")


def status(as_of: AsOf) -> None:
    """Say what is live, since when, why, and how it does."""
    from levelfive.registry.store import CHAMPION
    from levelfive.reporting.status import status_of
    from levelfive.usecase.sharing import describe_sharing

    moment, app = parse_time(as_of), open_app()
    state = status_of(app.context, app.registry, moment)
    for line in state.alerts:
        out.print(line, style="bold")
    if state.live is None:
        out.print(f"No champion of {app.registry.name} as of {iso(moment)}.")
    else:
        out.print(f"{app.registry.name}: version {state.live.version} is live since {iso(state.live.promoted_at)}")
        out.print(f"why: {state.live.reason}")
    for endpoint, record in state.answering.items():
        out.print(f"{endpoint}: version {record.version} answers since {iso(record.deployed_at)}")
        if state.live is not None and record.version != state.live.version:
            deploy = shared().to_be_pasted(f"serving deploy --as-of {iso(moment)}")
            out.print(f"the champion, version {state.live.version}, is not deployed there: `{deploy}`", style="bold")
    if state.served is not None:
        window, versions = state.served
        out.print(f"single requests of {window} were answered by version {versions}")
    if state.alias != state.newest:
        repair = shared().to_be_pasted(f"registry promote {state.newest} --as-of {iso(moment)}")
        out.print(
            f"the registry's alias {CHAMPION!r} points at {state.alias}, promotions say {state.newest}: "
            f"repair it with `{repair}`",
            style="bold",
        )
    for line in describe_sharing(app.context.use_case):
        out.print(line)
    if state.online is not None:
        most = app.context.use_case.serving.max_staleness
        publish = shared().to_be_pasted(f"features publish --as-of {iso(moment)}")
        late = f", more than the {most} of its policy: run `{publish}`" if state.online.by > most else ""
        out.print(f"the online store reaches to {iso(state.online.reaches_to)}, {state.online.by} behind{late}")
    if state.live is not None:
        _say_how_it_does(state)


def _say_how_it_does(state: Status) -> None:
    from levelfive.monitoring.evidence import STATEMENTS

    if state.verdict is not None:
        reasons = {of.title.lower(): of.said_in(state.verdict) for of in STATEMENTS if not of.of_columns}
        text = "; ".join(f"{title}: {'; '.join(texts) or 'no'}" for title, texts in reasons.items())
        out.print(f"latest window {state.verdict.window}: {text}")
        if state.verdict.acknowledgement:
            out.print(f"which is {state.verdict.acknowledgement}")
    for source, (rows, deletions) in state.corrections.items():
        out.print(f"{source}: {counted(rows, 'row')} corrected since then, of which {deletions:,} deleted")
    if state.performance is None:
        out.print("no live predictions with mature labels yet")
        return
    for name, estimate in state.performance.evaluation.estimates.items() if state.performance.evaluation else ():
        out.print(f"{name}: {estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]")
    out.print(f"on {state.performance.mature:,} mature rows of {state.performance.scored:,} scored since then")
