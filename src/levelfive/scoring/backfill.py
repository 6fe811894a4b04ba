"""Scores the windows of a range one by one, each as a scheduler would have at its end, a few at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from levelfive.core.parallel import in_parallel
from levelfive.core.windows import Window
from levelfive.errors import ConfigError, LevelfiveError
from levelfive.registry.store import CentralRegistry
from levelfive.scoring import checking, job
from levelfive.scoring.job import ScoringResult
from levelfive.storage.runs import JobContext

MOST_AT_ONCE = 4


@dataclass(frozen=True)
class BackfilledWindow:
    """What became of one window of a backfill: it has a result, or the reason why it was not scored."""

    window: Window
    outcome: ScoringResult | LevelfiveError


def run(
    context: JobContext, registry: CentralRegistry, *, within: Window, each: timedelta, at_once: int = 1
) -> tuple[BackfilledWindow, ...]:
    """Score a range of prediction times window by window, each as of its own end: with the champion of then.

    A window that is refused, such as one before the first champion, does not keep the others from being scored. Run
    again, it adds only what is not there yet.

    Args:
        context: Tables and use case; data and features up to the end of the range are there.
        registry: The central registry.
        within: The range; what is left over at its end is a shorter window.
        each: The length of a window.
        at_once: How many windows are scored at the same time, 1 to 4.

    Raises:
        ConfigError: The length is not positive, or too many are to be scored at the same time.
    """
    if each <= timedelta(0):
        raise ConfigError(f"a backfill goes forward by a length such as P1D, got {each}")
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise ConfigError(f"a backfill scores 1 to {MOST_AT_ONCE} windows at a time, got {at_once}")

    def score(window: Window) -> BackfilledWindow:
        try:
            result = job.run(context, registry, window=window, as_of=window.end)
            checking.run(context, result, as_of=window.end)
            return BackfilledWindow(window, result)
        except LevelfiveError as err:
            return BackfilledWindow(window, err)

    return tuple(in_parallel([partial(score, window) for window in within.split(each)], threads=at_once))
