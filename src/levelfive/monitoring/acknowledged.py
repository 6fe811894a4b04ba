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
        word = self.said
        return f"acknowledged by {word.by} as of {iso(self.at)}: {word.reason}; {_LEARNED[word.left_out]}"


Known = Mapping[Window, Acknowledged]
"""By window, what was said of it last."""


def acknowledge(context: JobContext, model_name: str, word: Acknowledgement, *, as_of: datetime) -> Acknowledged:
    """Write down that a person has looked at a window, so that it calls nobody any more.

    Args:
        context: Tables and use case.
        model_name: The registered model.
        word: Which window, who says so and why, and what is left out of trainings.
        as_of: The logical now of the record: it counts for what is decided from then on.

    Raises:
        ConfigError: There is no verdict on the window, it called nobody, a name or reason is missing, or at this very
            time it was acknowledged otherwise.
    """
    of = {"acknowledged": word.window, "by": word.by, "reason": word.reason, "left_out": word.left_out}
    with context.run("acknowledgement", as_of=as_of, parameters=of) as run:
        _check(word)
        records = _called(verdicts(run, model_name, as_of=as_of), word.window, as_of)
        there = acknowledgements(run, model_name, as_of=as_of).get(word.window)
        if there is not None and there.at == as_of and there.said != word:
            raise ConfigError(f"as of {iso(as_of)}, {word.window} is {there}: give a later --as-of to say otherwise")
        harmful, broken = any(one.harmful for one in records), any(one.broken for one in records)
        window = (word.window.start, word.window.end, harmful, broken)
        row = (model_name, *window, str(word.left_out), word.by, word.reason, as_of, run.run_id)
        keys = ("model_name", "window_start", "window_end", "acknowledged_at")
        run.wrote(run.tables.control_tables.add(ACKNOWLEDGED_WINDOWS, _SCHEMA, [row], keys))
        return Acknowledged(word, as_of, harmful, broken)


def acknowledgements(run: Run, model_name: str, *, as_of: datetime) -> Known:
    """Find what was said last of each window of a model, as far as it was known at a time."""
    rows = run.rows(ACKNOWLEDGED_WINDOWS, where={"model_name": model_name})
    known = sorted((row for row in rows if row["acknowledged_at"] <= as_of), key=lambda row: row["acknowledged_at"])
    return {one.said.window: one for one in map(_read, known)}


def covering(known: Known, record: VerdictRecord) -> Acknowledged | None:
    """Find the acknowledgement by which a verdict that calls a person calls nobody any more."""
    last = known.get(record.window)
    return last if last is not None and last.covers(record) and (record.harmful or record.broken) else None


def excluded(records: Sequence[VerdictRecord], known: Known, *, day_starts_at: timedelta) -> tuple[Window, ...]:
    """List the times that nothing is learned from: the days of broken deliveries, and what a person left out.

    Args:
        records: The verdicts of a time.
        known: The acknowledgements of that time; of those that hold a day, the last one counts.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
    """
    days = sorted({day for one in records for day in one.left_out})
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
    records, known = verdicts(run, model_name, as_of=as_of), acknowledgements(run, model_name, as_of=as_of)
    return excluded(records, known, day_starts_at=context.use_case.day_starts_at)


def _last_word(known: Iterable[Acknowledged], day: Window) -> LeftOut | None:
    of_day = [one for one in known if one.said.window.start < day.end and day.start < one.said.window.end]
    return max(of_day, key=lambda one: one.at).said.left_out if of_day else None


def _check(word: Acknowledgement) -> None:
    for what, text in (("who acknowledges it", word.by), ("why", word.reason)):
        if not text.strip():
            raise ConfigError(f"an acknowledgement says who and why, got {text!r}: say {what}")


def _called(records: Sequence[VerdictRecord], window: Window, as_of: datetime) -> list[VerdictRecord]:
    """Choose the verdicts by which a window called a person."""
    calls = [one for one in records if one.harmful or one.broken]
    of_window = [one for one in calls if one.window == window]
    if of_window:
        return of_window
    others = list(dict.fromkeys(str(one.window) for one in calls))[-_SHOWN_WINDOWS:]
    remedy = f"name one that did: {', '.join(others)}" if others else "there is none that did, and nothing to do"
    if any(one.window == window for one in records):
        raise ConfigError(f"the window {window} called nobody as of {iso(as_of)}; {remedy}")
    raise ConfigError(f"no verdict on the window {window} is known as of {iso(as_of)}, so it called nobody; {remedy}")


def _read(row: Mapping[str, Any]) -> Acknowledged:
    window, left = Window(row["window_start"], row["window_end"]), LeftOut(row["left_out"])
    word = Acknowledgement(window, row["acknowledged_by"], row["reason"], left)
    return Acknowledged(word, row["acknowledged_at"], row["harmful"], row["broken"])
