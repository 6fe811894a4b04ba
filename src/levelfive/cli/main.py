"""The `levelfive` command: every room's job by hand, with the parameters that the jobs have."""

from __future__ import annotations

import os
import sys
import time
import traceback
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from levelfive.cli.data import data_cli, print_missing
from levelfive.cli.monitoring import monitoring_cli
from levelfive.cli.options import (
    EXIT_GATE_REFUSED,
    EXIT_REFUSED,
    EXIT_UNFORESEEN,
    AsOf,
    Begin,
    Config,
    End,
    Given,
    Home,
    Landing,
    UseCaseName,
    how_to_promote,
    open_app,
    out,
    to_be_pasted,
    wide,
)
from levelfive.cli.registry import registry_cli
from levelfive.config import DEFAULT_HOME, Approval, parse_length, parse_time, parse_window
from levelfive.core.telemetry import configure_logging
from levelfive.core.windows import Window, iso
from levelfive.demo import plan as replay_plan
from levelfive.errors import ConfigError, LevelfiveError, unusable

if TYPE_CHECKING:
    from levelfive.app import App

# The rooms are imported by the commands that need them: help and refusals shall not wait for Spark and MLflow.

cli = typer.Typer(
    name="levelfive",
    help="MLOps for Azure Databricks that runs on a laptop: from landing files to a model that retrains itself.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.add_typer(data_cli, name="data")
cli.add_typer(monitoring_cli, name="monitoring")
cli.add_typer(registry_cli, name="registry")

PROJECT_FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@cli.callback()
def _options(
    log_level: Annotated[
        str, typer.Option(help="Log events to standard error: debug, info, warning, error.")
    ] = "warning",
) -> None:
    configure_logging(log_level)


@cli.command()
def check(
    rows: Annotated[int, typer.Option(min=1, help="How many rows of each source, the first of its files.")] = 5_000,
    home: Home = DEFAULT_HOME,
    config: Config = None,
    use_case: UseCaseName = None,
    landing: Landing = None,
) -> None:
    """Try the use case on the first rows of its landing files, from headers to a fitted model; write nothing."""
    from levelfive.trial import trial

    app = open_app(home, config, use_case, landing)
    with app.platform.scratch(app.settings) as spark:
        found = trial.run(spark, app.use_case, app.landing, limit=rows)
    table = Table("looked at", "rows", "of them")
    for part in found.parts:
        table.add_row(part.what, f"{part.rows:,}", part.said)
    wide.print(table)
    for note in found.notes:
        out.print(f"note: {note}")
    for fault in found.faults:
        out.print(f"fault: {fault}")
    if found.faults:
        raise typer.Exit(EXIT_REFUSED)
    out.print(f"No fault was found in {app.use_case.name!r}. Nothing was written.")


@cli.command()
def features(
    as_of: AsOf,
    since: Annotated[
        str | None, typer.Option(help="Compute from this time on; default where the last run ended.")
    ] = None,
    home: Home = DEFAULT_HOME,
    config: Config = None,
    use_case: UseCaseName = None,
) -> None:
    """Compute the feature tables and the labels that became known, up to --as-of."""
    from levelfive.features import job as features_job

    moment, begin = parse_time(as_of), None if since is None else parse_time(since)
    result = features_job.run(open_app(home, config, use_case).context, as_of=moment, since=begin)
    out.print(f"Computed {', '.join(sorted(result.versions))} for {result.window}.")
    print_missing(result.missing, "These features were computed over")


@cli.command()
def training(
    as_of: AsOf,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave out a feature group, such as aircraft; repeatable.")
    ] = None,
    home: Home = DEFAULT_HOME,
    config: Config = None,
    use_case: UseCaseName = None,
) -> None:
    """Train a candidate, judge it on the newest days, and register it refitted if the gate passes it."""
    from levelfive.monitoring.acknowledged import not_learned_from
    from levelfive.training import job as training_job

    moment, app = parse_time(as_of), open_app(home, config, use_case)
    result = training_job.run(
        app.context,
        app.tracking,
        app.registry,
        as_of=moment,
        without=tuple(without or ()),
        code_revision=app.code_revision,
        trained_by=app.starter,
        excluded=not_learned_from(app.context, app.registry.name, as_of=moment),
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
    given = Given(home=home, config=config, use_case=use_case)
    out.print(f"candidate is version {result.candidate_version}, refitted on all labels as version {result.version}.")
    out.print(f"Make it the champion: {how_to_promote(app.settings.approval, result.version, moment, **given)}")


@cli.command()
def scoring(
    as_of: Annotated[
        str | None,
        typer.Option(
            help="The logical now, in ISO 8601, UTC without an offset: 2013-04-01T06:00Z. Nothing known later is read. "
            "Without it, --from and --to name a range that is scored window by window, each as of its own end."
        ),
    ] = None,
    begin: Begin = None,
    end: End = None,
    version: Annotated[
        str | None, typer.Option(help="Score with this version; unless champion, the rows are backfill.")
    ] = None,
    each: Annotated[str, typer.Option(help="Without --as-of: the length of a window.")] = "P1D",
    at_once: Annotated[int, typer.Option(help="Without --as-of: how many windows are scored at a time, 1 to 4.")] = 2,
    min_rows: Annotated[
        int, typer.Option(min=0, help="With --as-of: refuse if the window has fewer rows to score.")
    ] = 0,
    home: Home = DEFAULT_HOME,
    config: Config = None,
    use_case: UseCaseName = None,
) -> None:
    """Score the rows whose prediction time lies in a window, with the champion of --as-of, and check the batch."""
    from levelfive.scoring import checking
    from levelfive.scoring import job as scoring_job

    if as_of is None:
        within, length = _range(begin, end, version), parse_length(each)
        _score_range(open_app(home, config, use_case), within, length, at_once)
        return
    moment = parse_time(as_of)
    app = open_app(home, config, use_case)
    window = parse_window(begin, end, moment)
    result = scoring_job.run(app.context, app.registry, window=window, as_of=moment, version=version)
    out.print(
        f"Batch {result.batch_id}: {result.rows:,} new predictions for {window} by version {result.model_version} "
        f"({result.role})."
    )
    print_missing(result.missing, "These predictions rest on")
    checked = checking.run(app.context, result, as_of=moment, min_rows=min_rows)
    out.print(f"Checked: each of {checked.rows:,} rows has one prediction.")


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
        done = part.outcome
        if isinstance(done, ScoringResult):
            table.add_row(str(part.window), done.batch_id, done.model_version, f"{done.rows:,}")
        else:
            table.add_row(str(part.window), "", "", f"refused: {done}")
    wide.print(table)
    scored = (part.outcome for part in parts if isinstance(part.outcome, ScoringResult))
    print_missing(sorted({hole for one in scored for hole in one.missing}), "Predictions among these rest on")
    refused = sum(not isinstance(part.outcome, ScoringResult) for part in parts)
    if refused:
        out.print(f"{refused} of {len(parts)} windows were refused; the others are scored.")
        raise typer.Exit(EXIT_REFUSED)


@cli.command()
def retraining(
    as_of: AsOf,
    approval: Annotated[
        Approval | None, typer.Option(help="Whether what passes the gate goes live by itself; default by settings.")
    ] = None,
    home: Home = DEFAULT_HOME,
    config: Config = None,
    use_case: UseCaseName = None,
) -> None:
    """Decide by the policy whether to train again; do so once, and promote what the gate passes."""
    from levelfive.retraining import job as retraining_job

    moment, app = parse_time(as_of), open_app(home, config, use_case)
    result = retraining_job.run(app.context, app.stores, as_of=moment, approval=approval or app.settings.approval)
    out.print(f"decision: {result.decision.action}")
    for reason in result.decision.reasons:
        out.print(f"  - {reason}")
    out.print("what would have changed it:")
    for change in result.decision.would_have_changed:
        out.print(f"  - {change}")
    if result.retraining is not None:
        out.print(f"gate: {result.retraining.verdict}: {'; '.join(result.retraining.reasons)}")
    if result.promotion is not None:
        out.print(f"Version {result.promotion.version} is the champion since {iso(result.promotion.promoted_at)}.")
    elif result.retraining is not None and result.retraining.version is not None:
        version, given = result.retraining.version, Given(home=home, config=config, use_case=use_case)
        out.print(f"It waits for you: {how_to_promote(app.settings.approval, version, moment, **given)}")


@cli.command()
def report(
    as_of: AsOf,
    to: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    home: Home = DEFAULT_HOME,
    config: Config = None,
    use_case: UseCaseName = None,
) -> None:
    """Write one HTML file, with plots and without a network: is the model fine, and why."""
    from levelfive.reporting.collect import collect
    from levelfive.reporting.page import render

    moment, app = parse_time(as_of), open_app(home, config, use_case)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(render(collect(app.context, app.registry, as_of=moment)), encoding="utf-8")
    out.print(f"Report: {to}")


@cli.command()
def status(as_of: AsOf, home: Home = DEFAULT_HOME, config: Config = None, use_case: UseCaseName = None) -> None:
    """Say what is live, since when, why, and how it does."""
    from levelfive.registry.store import CHAMPION
    from levelfive.reporting.status import status_of

    moment, app = parse_time(as_of), open_app(home, config, use_case)
    found = status_of(app.context, app.registry, moment)
    if found.live is None:
        out.print(f"No champion of {app.registry.name} as of {iso(moment)}.")
    else:
        out.print(f"{app.registry.name}: version {found.live.version} is live since {iso(found.live.promoted_at)}")
        out.print(f"why: {found.live.reason}")
    if found.alias != found.newest:
        repair = to_be_pasted(f"registry promote {found.newest} --as-of {iso(moment)}", home, config, use_case)
        out.print(
            f"the registry's alias {CHAMPION!r} points at {found.alias}, promotions say {found.newest}: "
            f"repair it with `{repair}`",
            style="bold",
        )
    if found.live is None:
        return
    if found.judged is not None:
        said = (
            f"harmful: {'; '.join(found.judged.harmful) or 'no'}; broken data: {'; '.join(found.judged.broken) or 'no'}"
        )
        out.print(f"latest window {found.judged.window}: {said}")
    if found.acknowledged is not None:
        out.print(f"which is {found.acknowledged}")
    if found.performance is None:
        out.print("no live predictions with mature labels yet")
        return
    for name, estimate in found.performance.evaluation.estimates.items() if found.performance.evaluation else ():
        out.print(f"{name}: {estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]")
    out.print(f"on {found.performance.mature:,} mature rows of {found.performance.scored:,} scored since then")


@cli.command()
def preflight(
    target: Annotated[str, typer.Option("--target", "-t", help="The bundle's target: dev, qa or prod.")],
    bundle: Annotated[Path, typer.Option(help="The bundle's file.")] = Path("databricks.yml"),
    variables: Annotated[
        list[str] | None, typer.Option("--var", help="Value of a variable as name=value, as for the CLI; repeatable.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Profile of the Databricks CLI; default by the target.")
    ] = None,
) -> None:
    """Ask the target's workspace what a first deployment lacks; print what grants it, change nothing."""
    from levelfive.preflight.checks import ask, connect
    from levelfive.preflight.target import read_target

    chosen = read_target(bundle, target, environment=os.environ, options=variables or ())
    findings = ask(connect(chosen, profile), chosen)
    table = Table("subject", "answer", "because")
    for subject, found in findings.items():
        table.add_row(subject, found.answer, found.reason)
    wide.print(table)
    wrong = [found for found in findings.values() if not found.is_fine]
    for found in wrong:
        if found.remedy:
            out.print(found.remedy, highlight=False)
    if wrong:
        raise typer.Exit(EXIT_REFUSED)


@cli.command()
def demo(
    step: Annotated[replay_plan.Step, typer.Option(help="How far the clock moves at once.")] = replay_plan.Step.MONTH,
    months: Annotated[
        str, typer.Option(help="Which months to replay: the first three train, the others are scored.")
    ] = "1-12",
    home: Home = DEFAULT_HOME,
    go_on: Annotated[bool, typer.Option("--continue", help="Go on with the demo that the home holds.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the demo that the home holds, and start anew.")
    ] = False,
    fixtures: Annotated[
        Path, typer.Option(help="Folder of the fixtures.", show_default="those of this checkout")
    ] = PROJECT_FIXTURES,
    config: Config = None,
    use_case: UseCaseName = None,
) -> None:
    """Replay a year on real data: ingest, train, and month by month score, monitor, decide and retrain."""
    if go_on and fresh:
        raise ConfigError("say --continue or --fresh, not both")
    again = replay_plan.Again.CONTINUE if go_on else replay_plan.Again.FRESH if fresh else None
    first, last = _months(months)
    start = time.perf_counter()
    app = open_app(home, config, use_case)
    wanted = replay_plan.Replay(app.use_case.name, step, first, last, str(fixtures.resolve()))
    replay_plan.check(app.use_case, wanted)
    replay_plan.prepare_home(home, wanted, again)
    from levelfive.demo import clock as replay
    from levelfive.demo.table import demo_table

    out.print("starting Spark")
    result = replay.run(app, wanted, lambda line: out.print(f"{time.perf_counter() - start:6.1f} s  {line}"))
    wide.print(demo_table(result.measurements))
    out.print(
        "Metrics are of rows with a mature label (for flights: of flown flights), with 90 % intervals by days, "
        f"as of {iso(result.as_of)}."
    )
    spent = ", ".join(f"{room} {seconds:.0f} s" for room, seconds in result.seconds.items())
    out.print(f"time: {time.perf_counter() - start:.0f} s ({spent})")
    out.print(
        f"Report: {result.report}. Tables: {home}/lakehouse. MLflow: {home}/tracking, {home}/registry. "
        f"Next: {to_be_pasted(f'status --as-of {iso(result.as_of)}', home, config, use_case)}"
    )


def _months(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError as err:
        raise ConfigError(f"--months: expected two months such as 1-6, got {text!r}") from err


def main() -> None:
    """Run the command; a refusal is a sentence on standard error and exit code 2, and only the gate's is 1."""
    try:
        cli()
    except SystemExit as ended:
        # An end of input and a reader that is gone are 1 to typer and rich, which the gate's refusal alone shall be.
        if ended.code == EXIT_GATE_REFUSED and not isinstance(ended.__context__, typer.Exit):
            _stop_printing()
            sys.exit(EXIT_REFUSED)
        raise
    except LevelfiveError as err:
        _refuse(str(err))
    except OSError as err:
        _refuse(unusable(err))
    except Exception:
        traceback.print_exc()
        sys.exit(EXIT_UNFORESEEN)


def _stop_printing() -> None:
    """Let what is still to be flushed go nowhere: Python would end with a code of its own where a reader is gone."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it is written to until the process ends


def _refuse(said: str) -> NoReturn:
    console = Console(stderr=True, soft_wrap=True, markup=False, emoji=False)
    console.print(f"levelfive: {said}", style="red", highlight=False)
    sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
