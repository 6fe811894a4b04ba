"""The commands of the stages that have no commands of their own: features, training, scoring, retraining."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from levelfive.cli.data import print_missing
from levelfive.cli.options import (
    AS_OF_HELP,
    EXIT_GATE_REFUSED,
    EXIT_REFUSED,
    AsOf,
    AsOfUnlessSubcommand,
    Begin,
    End,
    open_app,
    out,
    shared,
    time_unless_subcommand,
    wide,
)
from levelfive.config import Approval, parse_length, parse_time, parse_window
from levelfive.core.texts import counted
from levelfive.core.windows import Window, iso
from levelfive.errors import ConfigError

if TYPE_CHECKING:
    from levelfive.app import App


features_cli = typer.Typer(invoke_without_command=True)


@features_cli.callback()
def features(
    context: typer.Context,
    as_of: AsOfUnlessSubcommand = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Compute from this time on, at the latest from where the last run ended, which is the default."
        ),
    ] = None,
) -> None:
    """Compute the feature tables and the labels that became known, up to --as-of."""
    moment = time_unless_subcommand(context, as_of, to="compute features")
    if moment is None:
        return
    from levelfive.features import job as features_job

    begin = None if since is None else parse_time(since)
    result = features_job.run(open_app().context, as_of=moment, since=begin)
    out.print(f"Computed {', '.join(sorted(result.versions))} for {result.window}.")
    print_missing(result.missing, "These features were computed over")


@features_cli.command()
def publish(
    as_of: AsOf,
    anew: Annotated[
        bool, typer.Option("--anew", help="Publish each table as a whole, whatever the online store has.")
    ] = False,
) -> None:
    """Publish to the online store what single requests look up, as far as it was computed by --as-of."""
    from levelfive.online import job as online_job

    moment, app = parse_time(as_of), open_app()
    result = online_job.run(app.context, app.registry, app.online_store, as_of=moment, anew=anew)
    for name, rows in sorted(result.rows.items()):
        out.print(f"{name}: {counted(rows, 'row')}, version {result.states[name].version}")
    reaches_to = "" if result.reaches_to is None else f" It reaches to {iso(result.reaches_to)}."
    what = (
        f"Published {counted(len(result.rows), 'table')}." if result.rows else "The online store has all of it already."
    )
    out.print(what + reaches_to)


def training(
    as_of: AsOf,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave out a feature group, such as aircraft; repeatable.")
    ] = None,
) -> None:
    """Train a candidate, judge it on the newest days, and register it refitted if the gate passes it."""
    from levelfive.monitoring.acknowledged import not_learned_from
    from levelfive.training import job as training_job

    moment, app = parse_time(as_of), open_app()
    result = training_job.run(
        app.context,
        app.tracking,
        app.registry,
        as_of=moment,
        without=tuple(without or ()),
        code_revision=app.code_revision,
        trained_by=app.starter,
        exclusions=not_learned_from(app.context, app.registry.name, as_of=moment),
    )
    for name, estimate in result.evaluation.estimates.items():
        out.print(
            f"holdout {name}: {estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}] over {estimate.days} days"
        )
    out.print(f"gate: {result.verdict.kind}")
    for reason in result.verdict.reasons:
        out.print(f"  - {reason}")
    if result.version is None:
        raise typer.Exit(EXIT_GATE_REFUSED)
    out.print(f"candidate is version {result.candidate_version}, refitted on all labels as version {result.version}.")
    out.print(f"Make it the champion: {shared().how_to_promote(app.settings.approval, result.version, moment)}")


def scoring(
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            help=f"{AS_OF_HELP} Without it, --from and --to name a range that is scored window by window, each as of "
            "its own end."
        ),
    ] = None,
    begin: Begin = None,
    end: End = None,
    version: Annotated[
        str | None, typer.Option(help="Score with this version; unless champion, the rows are backfill.")
    ] = None,
    each: Annotated[str, typer.Option(help="Without --as-of: the length of a window.")] = "P1D",
    at_once: Annotated[
        int, typer.Option(min=1, max=4, help="Without --as-of: how many windows are scored at a time.")
    ] = 2,
    min_rows: Annotated[
        int, typer.Option(min=0, help="With --as-of: refuse if the window has fewer rows to score.")
    ] = 0,
) -> None:
    """Score the rows whose prediction time lies in a window, with the champion of --as-of, and check the batch."""
    from levelfive.scoring import checking
    from levelfive.scoring import job as scoring_job

    if as_of is None:
        within, length = _range(begin, end, version), parse_length(each)
        _score_range(open_app(), within, length, at_once)
        return
    moment = parse_time(as_of)
    app = open_app()
    window = parse_window(begin, end, moment)
    result = scoring_job.run(app.context, app.registry, window=window, as_of=moment, version=version)
    out.print(
        f"Batch {result.batch_id}: {result.rows:,} new predictions for {window} by version {result.model_version} "
        f"({result.role})."
    )
    print_missing(result.missing, "These predictions rest on")
    check = checking.run(app.context, result, as_of=moment, min_rows=min_rows)
    out.print(f"Checked: each of {check.rows:,} rows has one prediction.")


def _range(begin: str | None, end: str | None, version: str | None) -> Window:
    if begin is None or end is None:
        raise ConfigError("give --as-of, or both --from and --to: then each day between them is scored as of its end")
    if version is not None:
        raise ConfigError("--version needs --as-of: without it, the champion of each day scores that day")
    return parse_window(begin, end, parse_time(end))


def _score_range(app: App, within: Window, each: timedelta, at_once: int) -> None:
    from levelfive.scoring import backfill
    from levelfive.scoring.job import ScoringResult

    parts = backfill.run(app.context, app.registry, within=within, each=each, at_once=at_once)
    table = Table("window", "batch", "version", "new predictions")
    for part in parts:
        outcome = part.outcome
        if isinstance(outcome, ScoringResult):
            table.add_row(str(part.window), outcome.batch_id, outcome.model_version, f"{outcome.rows:,}")
        else:
            table.add_row(str(part.window), "", "", shared().all_to_be_pasted(f"refused: {outcome}"))
    wide.print(table)
    results = (part.outcome for part in parts if isinstance(part.outcome, ScoringResult))
    print_missing(sorted({hole for one in results for hole in one.missing}), "Predictions among these rest on")
    refusals = sum(not isinstance(part.outcome, ScoringResult) for part in parts)
    if refusals:
        out.print(f"{refusals} of {len(parts)} windows were refused; the others are scored.")
        raise typer.Exit(EXIT_REFUSED)


def retraining(
    as_of: AsOf,
    approval: Annotated[
        Approval | None,
        typer.Option(
            help="Whether what passes the gate goes live by itself; default by settings, which may be stricter."
        ),
    ] = None,
) -> None:
    """Decide by the policy whether to train again; do so once, and promote what the gate passes."""
    from levelfive.retraining import job as retraining_job

    moment, app = parse_time(as_of), open_app()
    if app.settings.approval is Approval.MANUAL and approval is Approval.AUTO:
        raise ConfigError(
            "approval is manual by the settings, and --approval can only be stricter than they are: leave it out, and "
            "approve what passes by `levelfive registry approve VERSION --as-of TIME --reason WHY`"
        )
    result = retraining_job.run(app.context, app.stores, as_of=moment, approval=approval or app.settings.approval)
    out.print(f"decision: {result.decision.action}")
    for reason in result.decision.reasons:
        out.print(f"  - {reason}")
    out.print("what would have changed it:")
    for change in result.decision.counterfactuals:
        out.print(f"  - {change}")
    if result.retraining is not None:
        out.print(f"gate: {result.retraining.verdict}: {'; '.join(result.retraining.reasons)}")
    if result.promotion is not None:
        out.print(f"Version {result.promotion.version} is the champion since {iso(result.promotion.promoted_at)}.")
    elif result.retraining is not None and result.retraining.version is not None:
        version = result.retraining.version
        out.print(f"It waits for you: {shared().how_to_promote(app.settings.approval, version, moment)}")


def maintenance(as_of: AsOf) -> None:
    """Compact and cluster the tables, and remove files that only versions older than `keep_versions` need."""
    from levelfive.maintenance import job as maintenance_job

    moment, app = parse_time(as_of), open_app()
    result = maintenance_job.run(app.context, as_of=moment, keep_versions=app.settings.keep_versions)
    table = Table("table", "files before", "files now", "clustered by")
    for one in result.tables:
        table.add_row(one.table, f"{one.files_before:,}", f"{one.files_after:,}", ", ".join(one.clustered_by))
    out.print(table)
    out.print(f"Earlier versions can be read for {app.settings.keep_versions.days} days.")
    if result.overtaken:
        out.print(f"Written by another job meanwhile, and left to the next run: {', '.join(result.overtaken)}.")
