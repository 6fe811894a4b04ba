"""`levelfive demo`: a year of files on a laptop."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from levelfive.cli.options import out, shared, wide
from levelfive.core.windows import iso
from levelfive.demo import plan as demo_plan
from levelfive.errors import ConfigError

PROJECT_FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"


def demo(
    *,
    step: Annotated[demo_plan.Step, typer.Option(help="How far the clock moves at once.")] = demo_plan.Step.MONTH,
    months: Annotated[
        str, typer.Option(help="Which months to replay: the first three train, the others are scored.")
    ] = "1-12",
    go_on: Annotated[bool, typer.Option("--continue", help="Go on with the demo that the home holds.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the demo that the home holds, and start anew.")
    ] = False,
    fixtures: Annotated[
        Path, typer.Option(help="Folder of the fixtures.", show_default="those of this checkout")
    ] = PROJECT_FIXTURES,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then publish the features, and let the champion answer on this machine.")
    ] = False,
    port: Annotated[int, typer.Option(help="Where it listens then.", min=1, max=65535)] = 8080,
) -> None:
    """Replay a year on real data: ingest, train, and month by month score, monitor, decide and retrain."""
    if go_on and fresh:
        raise ConfigError("say --continue or --fresh, not both")
    if serve:
        from levelfive.serving.run import Address, check_is_free

        check_is_free(Address(port=port))
    again = demo_plan.Again.CONTINUE if go_on else demo_plan.Again.FRESH if fresh else None
    first, last = _months(months)
    start = time.perf_counter()
    options = shared()
    app, home = options.open_app(), options.home
    replay = demo_plan.Replay(app.use_case.name, step, first, last, str(fixtures.resolve()))
    demo_plan.check(app.use_case, replay)
    demo_plan.prepare_home(home, replay, again)
    from levelfive.demo import clock
    from levelfive.demo.table import demo_table

    out.print("starting Spark")
    result = clock.run(app, replay, lambda line: out.print(f"{time.perf_counter() - start:6.1f} s  {line}"))
    wide.print(demo_table(result.measurements, app.use_case.model.task))
    out.print(
        "Metrics are of rows with a mature label (for flights: of flown flights), with 90 % intervals by days, "
        f"as of {iso(result.as_of)}."
    )
    durations = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in result.seconds.items())
    out.print(f"time: {time.perf_counter() - start:.0f} s ({durations})")
    out.print(
        f"Report: {result.report}. Tables: {home}/lakehouse. MLflow: {home}/tracking, {home}/registry. "
        f"Next: {options.to_be_pasted(f'status --as-of {iso(result.as_of)}')}"
    )
    if serve:
        from levelfive.demo.serving import serve_demo

        *_, window = demo_plan.clock(app.use_case, demo_plan.plan_of(app.use_case), replay)
        serve_demo(app, window, port, now=lambda: datetime.now(UTC), say=out.print)


def _months(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        return int(first), int(last or first)
    except ValueError as err:
        raise ConfigError(f"--months: expected two months such as 1-6, got {text!r}") from err
