"""`levelfive data`: ingest what landed, say on which days rows are missing, acknowledge such days, forget a person."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from levelfive.cli.options import (
    EXIT_REFUSED,
    AsOfUnlessSubcommand,
    Landing,
    OnBehalfOf,
    open_app,
    out,
    shared,
    time_or_now,
    time_unless_subcommand,
    who_says,
)
from levelfive.config import parse_day
from levelfive.core.texts import counted

if TYPE_CHECKING:
    from levelfive.app import App
    from levelfive.data.job import DataResult
    from levelfive.data.missing import Hole
    from levelfive.erasure.forget import Erasure

data_cli = typer.Typer(invoke_without_command=True)


@data_cli.callback()
def data(
    context: typer.Context,
    as_of: AsOfUnlessSubcommand = None,
    landing: Landing = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Afterwards, let Great Expectations judge all rows that landed; its results go to this folder."
        ),
    ] = None,
) -> None:
    """Ingest the landing files that are new; rows that break a contract go to quarantine."""
    moment = time_unless_subcommand(context, as_of, to="ingest")
    if moment is None:
        return
    from levelfive.data import job as data_job

    app = open_app(landing)
    result = data_job.run(app.context, landing=app.landing, as_of=moment)
    if result.files:
        _print_files(result)
    elif not result.left:
        out.print("Nothing new: all landing files were ingested before.")
    if result.left:
        out.print(f"Left to a later --as-of, since they begin after this one: {', '.join(result.left)}.")
    if result.too_few_days:
        few = ", ".join(f"{source} ({days})" for source, days in result.too_few_days.items())
        out.print(f"Too few days have rows to tell whether some are missing: {few}.")
    print_missing(result.missing, "Before the newest rows, there are")
    if report is not None:
        _write_quality_report(app, report)


@data_cli.command()
def acknowledge(
    *,
    source: Annotated[str, typer.Option(help="The source whose days are without rows.")],
    begin: Annotated[str, typer.Option("--from", help="The first of the days: 2013-05-01.")],
    end: Annotated[str, typer.Option("--to", help="The last of the days, included.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    by: OnBehalfOf = None,
    as_of: Annotated[
        str | None, typer.Option(help="When it is acknowledged, in ISO 8601, UTC without an offset; by default, now.")
    ] = None,
) -> None:
    """Write down that days are known to be without rows: they are no longer said to be missing."""
    from levelfive.data.missing import Hole, check_hole
    from levelfive.data.missing import acknowledge as write

    moment = time_or_now(as_of)
    hole = Hole(source, parse_day(begin), parse_day(end))
    app = open_app()
    check_hole(app.use_case, hole)  # refused before anything is started
    who = who_says(app, by)
    holes = write(app.context, hole, by=who, reason=reason, as_of=moment)
    out.print(f"Acknowledged by {who}: {hole}.")
    print_missing(holes, "There are still")


@data_cli.command()
def forget(
    *,
    keys: Annotated[
        list[str],
        typer.Option(
            "--key", help="COLUMN=VALUE of the person's rows; repeatable: a row is meant that has all of the values."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why; without the value of the key, which would stay in the record.")],
    by: OnBehalfOf = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the rows by place, and change nothing.")] = False,
    landing: Landing = None,
    as_of: Annotated[
        str | None, typer.Option(help="When, in ISO 8601, UTC without an offset; by default, now.")
    ] = None,
) -> None:
    """Remove a person's rows from all tables with their old versions, files, stores and model packages."""
    from levelfive.erasure import forget as erasure
    from levelfive.erasure.person import parse_keys, plan
    from levelfive.platforms.workspace import on_databricks

    moment, key_values = time_or_now(as_of), parse_keys(keys)
    app = open_app(landing)
    plan(app.use_case, key_values)  # refused before anything is started
    has_no_store = on_databricks() and app.settings.online_store is None
    stores = erasure.Stores(app.landing, app.registry, app.tracking, None if has_no_store else app.online_store)
    if dry_run:
        outcome = erasure.count(app.context, stores, key_values)
    else:
        who = who_says(app, by)
        outcome = erasure.forget(app.context, stores, key_values, by=who, reason=reason, as_of=moment)
    _print_erasure(outcome, is_done=not dry_run)
    if outcome.left:
        raise typer.Exit(EXIT_REFUSED)


def print_missing(holes: Iterable[Hole], what: str) -> None:
    """Say on which days rows are missing, if there are any, and what to do about it."""
    acknowledge = "data acknowledge --source SOURCE --from DAY --to DAY --reason WHY"
    days = [f"{hole} ({counted(hole.days, 'day')})" for hole in holes]
    if days:
        out.print(
            f"{what} days on which rows are missing: {'; '.join(days)}. Deliver the files, or acknowledge the days "
            f"by `{shared().to_be_pasted(acknowledge)}`.",
            style="bold",
        )


def _print_files(result: DataResult) -> None:
    table = Table("source", "file", "rows in", "accepted", "quarantined", "duplicates")
    for file in result.files:
        counts = (file.rows_in, file.accepted, file.quarantined, file.duplicates)
        table.add_row(file.source, file.source_file, *(f"{count:,}" for count in counts))
    out.print(table)


def _print_erasure(outcome: Erasure, *, is_done: bool) -> None:
    table = Table("place", "rows removed" if is_done else "rows that would be removed")
    for place, rows in outcome.rows.items():
        table.add_row(place, f"{rows:,}")
    out.print(table)
    for what, phrases in (
        ("Cannot be made again since" if is_done else "Could not be made again", outcome.consequences),
        ("Outside its reach", outcome.beyond),
        ("Still there", outcome.left),
    ):
        if phrases:
            out.print(f"{what}:", style="bold")
        for phrase in phrases:
            out.print(f"  - {phrase}")


def _write_quality_report(app: App, folder: Path) -> None:
    from levelfive.data import quality_report

    table = Table("source", "column", "expectation", "rows", "unexpected")
    reports = quality_report.report(app.context, app.landing)
    folder.mkdir(parents=True, exist_ok=True)
    for report in reports:
        (folder / f"{report.source}.json").write_text(report.result_json)
        for one in report.judgements:
            table.add_row(report.source, one.column, one.kind, f"{one.element_count:,}", f"{one.unexpected_count:,}")
    out.print(table)
    out.print(f"Results of Great Expectations: {folder}")
