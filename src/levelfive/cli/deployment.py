"""`levelfive serving deploy`, `traffic`, `rollback`, `status`, `delete`: the champion at an endpoint of Azure ML."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from levelfive.cli.options import AsOf, OnBehalfOf, open_app, out, who_says, wide
from levelfive.config import parse_clock, parse_length, parse_time
from levelfive.core.windows import Window
from levelfive.errors import ConfigError

if TYPE_CHECKING:
    from levelfive.app import App
    from levelfive.deployment.rolling import RolloutOutcome
    from levelfive.deployment.rollout import RolloutPolicy

DAY = timedelta(days=1)

Requests = Annotated[
    Path | None,
    typer.Option(help="Sample requests, one JSON object a line; by default, rows of the last day are taken."),
]
Steps = Annotated[str, typer.Option(help="Shares of the traffic in percent that the new version gets in turn.")]
Count = Annotated[int, typer.Option("--count", min=1, help="How many sample requests are sent at each share.")]
MaxFailures = Annotated[float, typer.Option(min=0, max=100, help="How many percent of them may fail.")]
MaxP95 = Annotated[str, typer.Option(help="What the slowest 5 % of the answers must stay below, such as PT0.3S.")]
Hold = Annotated[str, typer.Option(help="How long the requests of one share are spread over, such as PT5M.")]


def deploy(
    *,
    as_of: AsOf,
    version: Annotated[str | None, typer.Argument(help="By default, the champion as of --as-of.")] = None,
    to: Annotated[int, typer.Option(min=0, max=100, help="Share to end with; 0 deploys and tests only.")] = 100,
    digest: Annotated[
        str | None, typer.Option(help="Image to run it in, sha256:...; by default, that of what answers now.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Try a version anew that was taken back.")] = False,
    clock: Annotated[
        str,
        typer.Option(help="By which it answers, where the jobs have a clock that was moved: two times as they say."),
    ] = "",
    requests: Requests = None,
    steps: Steps = "10,50,100",
    count: Count = 50,
    max_failed: MaxFailures = 0.0,
    max_p95: MaxP95 = "PT0.3S",
    hold: Hold = "PT0S",
    by: OnBehalfOf = None,
) -> None:
    """Deploy a version beside the one that answers, test it, and shift the traffic to it step by step."""
    from levelfive.deployment import job

    moment, policy = parse_time(as_of), _policy(steps, count, max_failed=max_failed, max_p95=max_p95, hold=hold)
    parse_clock(clock)
    app = open_app()
    site = app.site(policy, partial(_requests, app, requests, moment), clock=clock)
    outcome = job.deploy(
        app.context,
        app.registry,
        site,
        as_of=moment,
        by=who_says(app, by),
        version=version,
        digest=digest,
        to=to,
        again=again,
    )
    _say(outcome, site.name)


def traffic(
    to: Annotated[int, typer.Argument(help="Percent of the traffic that the new version is to have.")],
    *,
    as_of: AsOf,
    requests: Requests = None,
    steps: Steps = "10,50,100",
    count: Count = 50,
    max_failed: MaxFailures = 0.0,
    max_p95: MaxP95 = "PT0.3S",
    hold: Hold = "PT0S",
    by: OnBehalfOf = None,
) -> None:
    """Go on with a rollout, step by step, until the new version has a share of the traffic."""
    from levelfive.deployment import job
    from levelfive.deployment.rollout import check_share

    moment, policy = parse_time(as_of), _policy(steps, count, max_failed=max_failed, max_p95=max_p95, hold=hold)
    check_share(to)
    app = open_app()
    site = app.site(policy, partial(_requests, app, requests, moment))
    _say(job.raise_traffic(app.context, site, as_of=moment, by=who_says(app, by), to=to), site.name)


def rollback(
    *,
    as_of: AsOf,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    version: Annotated[str | None, typer.Option(help="Take back only this version, else do nothing.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Take back only what began to be rolled out, or went live, at this time or later."),
    ] = None,
    by: OnBehalfOf = None,
) -> None:
    """Let the version from before answer everything: a rollout is taken back, or what went live last."""
    from levelfive.deployment import job
    from levelfive.deployment.rollback import Chosen
    from levelfive.deployment.rollout import RolloutPolicy

    moment, app = parse_time(as_of), open_app()
    site = app.site(RolloutPolicy())
    chosen = Chosen(version, since=None if since is None else parse_time(since))
    back = job.roll_back(app.context, site, chosen, as_of=moment, by=who_says(app, by), reason=reason)
    if back is None:
        out.print(f"There is nothing to take back at {site.name}.")
        return
    answers = "nothing" if back.returns_to is None else f"version {back.returns_to.version}"
    out.print(f"Version {back.leaves.version} was taken back from {site.name}: {answers} answers.")


def status() -> None:
    """Show what an endpoint holds: versions, traffic, and which one answers since when."""
    from levelfive.deployment.endpoint import LIVE_SINCE, REFUSED_BECAUSE
    from levelfive.deployment.rollout import RolloutPolicy

    site = open_app().site(RolloutPolicy())
    state = site.online.read()
    if state is None:
        out.print(f"There is no endpoint {site.name}.")
        return
    table = Table("deployment", "version", "role", "traffic", "state", "live since", "image")
    for name, one in sorted(state.deployments.items()):
        since = state.tags.get(LIVE_SINCE, "") if one == state.live else ""
        version, image = ("", "") if one.package is None else (one.package.version, one.package.image)
        table.add_row(name, version, one.role, f"{state.traffic.get(name, 0)} %", one.state, since, image)
    wide.print(table)
    if REFUSED_BECAUSE in state.tags:
        out.print(f"taken back last: {state.tags[REFUSED_BECAUSE]}")


def delete(
    endpoint: Annotated[str, typer.Argument(help="Name of the endpoint, to be sure that it is meant.")],
    as_of: AsOf,
    by: OnBehalfOf = None,
) -> None:
    """Delete the endpoint with all of its deployments: nothing answers there any more."""
    from levelfive.deployment import job
    from levelfive.deployment.rollout import RolloutPolicy

    moment, app = parse_time(as_of), open_app()
    site = app.site(RolloutPolicy())
    if endpoint != site.name:
        raise ConfigError(
            f"the settings name the endpoint {site.name}, not {endpoint}: give that name, or other settings"
        )
    state = job.delete(app.context, app.registry, site, as_of=moment, by=who_says(app, by))
    out.print(f"There was no endpoint {site.name}." if state is None else f"The endpoint {site.name} is deleted.")


def _policy(steps: str, count: int, *, max_failed: float, max_p95: str, hold: str) -> RolloutPolicy:
    from levelfive.deployment.rollout import RolloutPolicy

    try:
        shares = tuple(int(share) for share in steps.split(","))
    except ValueError as err:
        raise ConfigError(f"steps are whole numbers such as 10,50,100, got {steps!r}") from err
    return RolloutPolicy(shares, count, max_failed, parse_length(max_p95), parse_length(hold))


def _requests(app: App, file: Path | None, as_of: datetime) -> tuple[bytes, ...]:
    from levelfive.deployment.probe import read_requests
    from levelfive.deployment.samples import sample_requests

    if file is not None:
        return read_requests(file)
    return sample_requests(app.context, Window(as_of - DAY, as_of), as_of=as_of, rows=50)


def _say(outcome: RolloutOutcome, endpoint: str) -> None:
    version = outcome.package.version
    for measurement in outcome.measurements:
        milliseconds = measurement.p95 / timedelta(milliseconds=1)
        out.print(
            f"at {measurement.share} %: {measurement.requests} requests, {measurement.failures} failed, "
            f"p95 {milliseconds:,.0f} ms"
        )
    if not outcome.measurements:
        out.print(f"Version {version} answers at {endpoint} already.")
    else:
        because = f": {outcome.note}" if outcome.note else ""
        out.print(f"Version {version} has {outcome.share} % of the traffic of {endpoint}{because}.")
