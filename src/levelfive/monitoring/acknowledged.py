"""Windows that called a person, and what the person said: who looked, why it is known, what is learned from them.

`acknowledged_windows` is added to, never changed: what was said last as of a time counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from levelfive.core.days import DAY, start_of
from levelfive.core.windows import Window, iso
from levelfive.errors import ConfigError
from levelfive.monitoring.left_out import LeftOut
from levelfive.monitoring.records import VerdictRecord, verdicts
from levelfive.storage.runs import JobContext, Run

ACKNOWLEDGED_WINDOWS = "acknowledged_windows"

_SCHEMA = """model_name string, window_start timestamp, window_end timestamp, harmful boolean, broken boolean,
    left_out string, acknowledged_by string, reason string, acknowledged_at timestamp, run_id string"""
_SHOWN_WINDOWS = 3


_LEARNED = {
    LeftOut.FLAGGED: "it is learned from, but for the days of broken deliveries",
    LeftOut.NOTHING: "all of its days are learned from",
    LeftOut.WINDOW: "nothing is learned from it",
}


@dataclass(frozen=True)
class Acknowledgement:
    """A person's word on a window: that what was said of it is known, and which of its rows are left out."""

    window: Window
    by: str
    reason: str
    left_out: LeftOut = LeftOut.FLAGGED


@dataclass(frozen=True)
class Acknowledged:
    """An acknowledgement as it was written: when, and whether harm or broken data had been said by then."""

    said: Acknowledgement
    at: datetime
    harmful: bool
    broken: bool

    def covers(self, record: VerdictRecord) -> bool:
        """Tell whether a verdict says nothing that was not known when it was acknowledged."""
        return (self.harmful or not record.harmful) and (self.broken or not record.broken)

    def __str__(self) -> str:
        """Show who, when and why, and what is learned from the window."""
        said = self.said
        return f"acknowledged by {said.by} as of {iso(self.at)}: {said.reason}; {_LEARNED[said.left_out]}"


Known = Mapping[Window, Acknowledged]
"""By window, what was said of it last."""


def acknowledge(context: JobContext, model_name: str, said: Acknowledgement, *, as_of: datetime) -> Acknowledged:
    """Write down that a person has looked at a window, so that it calls nobody any more.

    Args:
        context: Tables and use case.
        model_name: The registered model.
        said: Which window, who says so and why, and what is left out of trainings.
        as_of: The logical now of the record: it counts for what is decided from then on.

    Raises:
        ConfigError: There is no verdict on the window, it called nobody, a name or reason is missing, or at this very
            time it was acknowledged otherwise.
    """
    of = {"acknowledged": said.window, "by": said.by, "reason": said.reason, "left_out": said.left_out}
    with context.run("acknowledgement", as_of=as_of, parameters=of) as run:
        _check(said)
        told = _called(verdicts(run, model_name, as_of=as_of), said.window, as_of)
        there = acknowledgements(run, model_name, as_of=as_of).get(said.window)
        if there is not None and there.at == as_of and there.said != said:
            raise ConfigError(f"as of {iso(as_of)}, {said.window} is {there}: give a later --as-of to say otherwise")
        found = Acknowledged(said, as_of, any(one.harmful for one in told), any(one.broken for one in told))
        window = (said.window.start, said.window.end, found.harmful, found.broken)
        row = (model_name, *window, str(said.left_out), said.by, said.reason, as_of, run.run_id)
        keys = ("model_name", "window_start", "window_end", "acknowledged_at")
        run.wrote(run.tables.control_tables.add(ACKNOWLEDGED_WINDOWS, _SCHEMA, [row], keys))
        return found


def acknowledgements(run: Run, model_name: str, *, as_of: datetime) -> Known:
    """Find what was said last of each window of a model, as far as it was known at a time."""
    rows = run.rows(ACKNOWLEDGED_WINDOWS, where={"model_name": model_name})
    known = sorted((row for row in rows if row["acknowledged_at"] <= as_of), key=lambda row: row["acknowledged_at"])
    return {one.said.window: one for one in map(_read, known)}


def covering(known: Known, record: VerdictRecord) -> Acknowledged | None:
    """Find the acknowledgement by which a verdict that calls a person calls nobody any more."""
    found = known.get(record.window)
    return found if found is not None and found.covers(record) and (record.harmful or record.broken) else None


def excluded(told: Sequence[VerdictRecord], known: Known, *, day_starts_at: timedelta) -> tuple[Window, ...]:
    """List the times that nothing is learned from: the days of broken deliveries, and what a person left out.

    Args:
        told: The verdicts of a time.
        known: The acknowledgements of that time; of those that hold a day, the last one counts.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
    """
    days = sorted({day for one in told for day in one.left_out})
    starts = (start_of(day, day_starts_at) for day in days)
    flagged = (Window(start, start + DAY) for start in starts)
    kept = [day for day in flagged if _last_word(known.values(), day) is not LeftOut.NOTHING]
    whole = (window for window, one in known.items() if one.said.left_out is LeftOut.WINDOW)
    return (*kept, *sorted(whole))


def not_learned_from(
    context: JobContext, model_name: str, *, as_of: datetime, run: Run | None = None
) -> tuple[Window, ...]:
    """List the times that nothing is learned from, as known at a time.

    Args:
        context: Tables and use case.
        model_name: The registered model.
        as_of: The logical now.
        run: Notes the versions of the tables that are read, where one is under way.
    """
    run = run or Run(context.tables, "not learned from")
    told, known = verdicts(run, model_name, as_of=as_of), acknowledgements(run, model_name, as_of=as_of)
    return excluded(told, known, day_starts_at=context.use_case.day_starts_at)


def _last_word(known: Iterable[Acknowledged], day: Window) -> LeftOut | None:
    of_day = [one for one in known if one.said.window.start < day.end and day.start < one.said.window.end]
    return max(of_day, key=lambda one: one.at).said.left_out if of_day else None


def _check(said: Acknowledgement) -> None:
    for what, text in (("who acknowledges it", said.by), ("why", said.reason)):
        if not text.strip():
            raise ConfigError(f"an acknowledgement says who and why, got {text!r}: say {what}")


def _called(told: Sequence[VerdictRecord], window: Window, as_of: datetime) -> list[VerdictRecord]:
    """Choose the verdicts by which a window called a person."""
    calls = [one for one in told if one.harmful or one.broken]
    found = [one for one in calls if one.window == window]
    if found:
        return found
    others = list(dict.fromkeys(str(one.window) for one in calls))[-_SHOWN_WINDOWS:]
    remedy = f"name one that did: {', '.join(others)}" if others else "there is none that did, and nothing to do"
    if any(one.window == window for one in told):
        raise ConfigError(f"the window {window} called nobody as of {iso(as_of)}; {remedy}")
    raise ConfigError(f"no verdict on the window {window} is known as of {iso(as_of)}, so it called nobody; {remedy}")


def _read(row: Mapping[str, Any]) -> Acknowledged:
    window, left = Window(row["window_start"], row["window_end"]), LeftOut(row["left_out"])
    said = Acknowledgement(window, row["acknowledged_by"], row["reason"], left)
    return Acknowledged(said, row["acknowledged_at"], row["harmful"], row["broken"])
