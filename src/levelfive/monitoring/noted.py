"""Events that people know of, such as a holiday, a storm or a strike: noted, and shown beside alarms.

They change no verdict, mute no alert and leave no row out: that is what acknowledging and muting are for.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from levelfive.core.windows import Window, iso
from levelfive.monitoring.alert_states import AlertRecord
from levelfive.storage.annotations import NOTED, Annotation, annotate, list_annotations, model_subject
from levelfive.storage.runs import JobContext, Run


def note(context: JobContext, model_name: str, window: Window, *, event: str, by: str, as_of: datetime) -> Annotation:
    """Write down that something is known to have happened, or to be going to happen.

    Args:
        context: Tables and use case.
        model_name: The registered model whose rows it concerns.
        window: When it was, or will be.
        event: What it was, in a few words.
        by: Who says so.
        as_of: From when on it is known.

    Raises:
        ConfigError: The event or a name is missing.
    """
    of = {"noted": str(window), "by": by, "event": event}
    with context.run("note", as_of=as_of, parameters=of) as run:
        word = Annotation(
            kind=NOTED, subject=model_subject(model_name), window=window, by=by, reason=event, said_at=as_of
        )
        annotate(run, word)
        return word


def notes(run: Run, model_name: str, *, as_of: datetime) -> tuple[Annotation, ...]:
    """List the events that were known at a time, in the order in which they happened."""
    annotations = list_annotations(run, NOTED, [model_subject(model_name)], as_of=as_of)
    return tuple(sorted((one for one in annotations if one.said_at <= as_of), key=lambda one: (one.window, one.reason)))


def noted_of(events: Iterable[Annotation], alert: AlertRecord) -> str:
    """Name the events that fell into an alert's time, since it is there; empty where none is known."""
    during = Window(min(alert.since, alert.window.start), alert.window.end)
    names = [
        f"{one.reason} ({iso(one.window.start)} to {iso(one.window.end)})"
        for one in events
        if one.window.start < during.end and during.start < one.window.end
    ]
    return f"known then: {', '.join(names)}" if names else ""
