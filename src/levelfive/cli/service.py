"""`levelfive serving run`: the web service by hand, and in a container."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from levelfive.cli.options import shared
from levelfive.config import CLOCK_VARIABLE, LOG_VARIABLE, load_settings, parse_clock, parse_length


def run(
    *,
    host: Annotated[
        str, typer.Option(help="Where to listen; where other machines can ask, --tokens is needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 for a free one.", min=0, max=65535)] = 8080,
    store: Annotated[
        str | None,
        typer.Option(help="URL of the online store; by default that of the settings, or a file of the home."),
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Serve this version; by default the registry's champion, and each next one.")
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(help="File with a bearer token a line, read again as it changes; without, all here may ask."),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            envvar=LOG_VARIABLE,
            help="Folder where requests and answers land, or the URL of one in Azure Storage; without, none do.",
        ),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Requests a second at most; without, there is no limit.", min=1)
    ] = None,
    poll: Annotated[
        str, typer.Option(help="How often the registry is asked for its champion, such as PT30S.")
    ] = "PT30S",
    max_staleness: Annotated[
        str | None, typer.Option(help="How old features may be, such as PT2H; by default what the use case says.")
    ] = None,
    clock: Annotated[
        str,
        typer.Option(
            envvar=CLOCK_VARIABLE,
            help="Two times, such as 2026-01-05T00:00Z=2013-04-01T00:00Z, where the data is of another.",
        ),
    ] = "",
    drain: Annotated[str, typer.Option(help="How long to go on answering once told to end, such as PT5S.")] = "PT5S",
) -> None:
    """Serve the champion over HTTP until a signal says otherwise."""
    # Spark is not needed, and may not be there.
    from levelfive.models.mlflow_store import quieten
    from levelfive.online.opening import SQLITE, open_store
    from levelfive.platforms.local_stores import local_registry, online_store_url
    from levelfive.serving.bodies import Limits
    from levelfive.serving.live import Live
    from levelfive.serving.request_log import open_log
    from levelfive.serving.run import Address, serve
    from levelfive.serving.security import RateLimit, Tokens
    from levelfive.serving.service import Service

    quieten()
    options, clock_shift, lengths = shared(), parse_clock(clock), [parse_length(one) for one in (poll, drain)]
    settings = load_settings(options.config, options.home, use_case=options.use_case, online_store=store)
    url = online_store_url(options.home, settings)
    live = Live(
        local_registry(options.home.resolve(), settings),
        open_store(url, settings.use_case),
        version=version,
        max_staleness=None if max_staleness is None else parse_length(max_staleness),
    )

    def now() -> datetime:
        return datetime.now(UTC) if clock_shift is None else clock_shift.at(datetime.now(UTC))

    service = Service(
        live,
        now=now,
        log=None if log is None else open_log(log),
        tokens=None if tokens is None else Tokens(tokens),
        rate=None if rate is None else RateLimit(rate, time.monotonic),
        limits=Limits(poll=lengths[0])
        if url.startswith(SQLITE)
        else Limits(poll=lengths[0], inline_bytes=0, threads=8),
    )
    serve(service, Address(host, port, lengths[1]))
