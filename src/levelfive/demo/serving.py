"""The end of a demo that serves: features are published, and the champion answers on this machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import datetime, timedelta

from levelfive.app import App
from levelfive.core.windows import Clock, Window
from levelfive.demo.requests import example_request, last_day
from levelfive.online import job as publishing
from levelfive.serving.live import Live
from levelfive.serving.run import Address, serve
from levelfive.serving.service import Service

# The clock goes on, and nothing is published any more.
MAX_STALENESS = timedelta(days=365)


def serve_demo(app: App, window: Window, port: int, *, now: Callable[[], datetime], say: Callable[[str], None]) -> None:
    """Publish what is known at a window's end, and serve from then on, until a signal says otherwise.

    Args:
        app: Tables, registry and online store.
        window: The last one that was scored.
        port: Where to listen.
        now: Tells what the clock shows; the service's goes on from the window's end.
        say: Prints a line.

    Raises:
        ConfigError: The port cannot be listened on.
        NotServing: There is no champion, or not all that it looks up was published.
    """
    publication = publishing.run(app.context, app.registry, app.online_store, as_of=window.end)
    say(f"published {sum(publication.rows.values()):,} rows of {len(publication.states)} feature tables")
    live = Live(app.registry, app.online_store, max_staleness=MAX_STALENESS)
    live.refresh()
    live_version = live.scorer.served
    path = f"the {live.scorer.path} path{f' ({live_version.reason})' if live_version.reason else ''}"
    say(f"version {live_version.version} of {live_version.name} answers by {path}; end it with Ctrl-C. Try:")
    request = example_request(app, live.scorer.schema.names, last_day(window))
    body = shlex.quote(json.dumps(request))
    say(f"curl -s 'http://127.0.0.1:{port}/score?features=true' -d {body}")
    clock = Clock(now(), window.end)
    serve(Service(live, now=lambda: clock.at(now())), Address(port=port))
