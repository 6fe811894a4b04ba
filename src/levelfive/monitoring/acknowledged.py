"""Windows that called a person, and what the person said: who looked, why it is known, what is learned from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from levelfive.core.days import DAY, start_of
from levelfive.core.windows import Window, iso
from levelfive.errors import ConfigError
from levelfive.monitoring.left_out import LeftOut
from levelfive.monitoring.records import verdicts
from levelfive.monitoring.verdict import KnownVerdict, VerdictRecord
from levelfive.storage.annotations import ACKNOWLEDGED, Annotation, annotate, list_annotations, model_subject
from levelfive.storage.runs import JobContext, Run

_SHOWN_WINDOWS = 3
_CALLS = ("harmful", "broken", "serving")
_LEARNED = {
    LeftOut.FLAGGED: "it is learned from, but for the days of broken deliveries",
    LeftOut.NOTHING: "all of its days are learned from",
    LeftOut.WINDOW: "nothing is learned from it",
}

Acknowledgements = Mapping[Window, Annotation]
"""By window, what was said of it last."""


def in_words(annotation: Annotation) -> str:
    """Say who acknowledged a window, when and why, and what is learned from it."""
    return f"{annotation}; {_LEARNED[LeftOut(annotation.left_out or LeftOut.FLAGGED)]}"


def acknowledge(
    context: JobContext,
    model_name: str,
    window: Window,
    *,
    by: str,
    reason: str,
    left_out: LeftOut = LeftOut.FLAGGED,
    as_of: datetime,
) -> Annotation:
    """Write down that a person has looked at a window, so that it calls nobody any more.

    Args:
        context: Tables and use case.
        model_name: The registered model.
        window: Which one.
        by: Who says so.
        reason: Why.
        left_out: What is left out of trainings.
        as_of: The logical now of the record: it counts for what is decided from then on.

    Raises:
        ConfigError: There is no verdict on the window, it called nobody, a name or reason is missing, or at this very
            time it was acknowledged otherwise.
    """
    of = {"acknowledged": window, "by": by, "reason": reason, "left_out": left_out}
    with context.run("acknowledgement", as_of=as_of, parameters=of) as run:
        calls = _calls(verdicts(run, model_name, as_of=as_of), window, as_of)
        covers = tuple(name for name in _CALLS if any(getattr(one, name) for one in calls))
        word = Annotation(
            kind=ACKNOWLEDGED,
            subject=model_subject(model_name),
            window=window,
            by=by,
            reason=reason,
            said_at=as_of,
            covers=covers,
            left_out=left_out,
        )
        before = acknowledgements(run, model_name, as_of=as_of).get(window)
        if before is not None and before.said_at == as_of and before != word:
            raise ConfigError(
                f"as of {iso(as_of)}, {window} is {in_words(before)}: give a later --as-of to say otherwise"
            )
        annotate(run, word)
        return word


def acknowledgements(run: Run, model_name: str, *, as_of: datetime) -> Acknowledgements:
    """Find what was said last of each window of a model, as far as it was known at a time."""
    words = list_annotations(run, ACKNOWLEDGED, [model_subject(model_name)], as_of=as_of)
    return {word.window: word for word in words if word.said_at <= as_of}


def known_verdicts(records: Iterable[VerdictRecord], words: Acknowledgements) -> tuple[KnownVerdict, ...]:
    """Put to each verdict what a person said of it."""
    return tuple(KnownVerdict(**vars(record), acknowledgement=_covering(words, record)) for record in records)


def _covering(words: Acknowledgements, record: VerdictRecord) -> str:
    """Say by which acknowledgement a verdict that calls a person calls nobody any more; empty where there is none."""
    word, calls = words.get(record.window), {name for name in _CALLS if getattr(record, name)}
    return in_words(word) if word is not None and calls and calls <= set(word.covers) else ""


def excluded(
    records: Sequence[VerdictRecord], words: Acknowledgements, *, day_starts_at: timedelta
) -> tuple[Window, ...]:
    """List the times that nothing is learned from: the days of broken deliveries, and what a person left out.

    Args:
        records: The verdicts of a time.
        words: The acknowledgements of that time; of those that hold a day, the last one counts.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
    """
    days = sorted({day for one in records for day in one.left_out})
    starts = (start_of(day, day_starts_at) for day in days)
    flagged_days = (Window(start, start + DAY) for start in starts)
    days_out = [day for day in flagged_days if _last_word(words.values(), day) != LeftOut.NOTHING]
    whole = (window for window, word in words.items() if word.left_out == LeftOut.WINDOW)
    return (*days_out, *sorted(whole))


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
    records, words = verdicts(run, model_name, as_of=as_of), acknowledgements(run, model_name, as_of=as_of)
    return excluded(records, words, day_starts_at=context.use_case.day_starts_at)


def _last_word(words: Iterable[Annotation], day: Window) -> str | None:
    of_day = [word for word in words if word.window.start < day.end and day.start < word.window.end]
    return max(of_day, key=lambda word: word.said_at).left_out if of_day else None


def _calls(records: Sequence[VerdictRecord], window: Window, as_of: datetime) -> list[VerdictRecord]:
    """Choose the verdicts by which a window called a person."""
    calls = [one for one in records if any(getattr(one, name) for name in _CALLS)]
    of_window = [one for one in calls if one.window == window]
    if of_window:
        return of_window
    others = list(dict.fromkeys(str(one.window) for one in calls))[-_SHOWN_WINDOWS:]
    remedy = f"name one that did: {', '.join(others)}" if others else "there is none that did, and nothing to do"
    if any(one.window == window for one in records):
        raise ConfigError(f"the window {window} called nobody as of {iso(as_of)}; {remedy}")
    raise ConfigError(f"no verdict on the window {window} is known as of {iso(as_of)}, so it called nobody; {remedy}")
