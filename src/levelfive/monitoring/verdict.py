"""The verdict on a window: statements kept apart, outside the training's range, unusual, harmful, broken data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from levelfive.monitoring.alerts import BROKEN, HARMFUL, OUTSIDE, UNUSUAL, Evidence, said_of


@dataclass(frozen=True)
class WindowVerdict:
    """What monitoring says of a window. Only harm or broken data calls for a person.

    Args:
        outside: Columns with values outside the training's range, more than are usual.
        unusual: Columns that differ by more than the baseline's days differ among themselves.
        harmful: Why the model harms; empty if it does not.
        broken: What is broken in the data; empty if nothing is.
        left_out: The days of broken deliveries, from which nothing is to be learned.
    """

    outside: tuple[str, ...]
    unusual: tuple[str, ...]
    harmful: tuple[str, ...]
    broken: tuple[str, ...]
    left_out: tuple[date, ...] = ()


def judge_window(evidence: Evidence) -> WindowVerdict:
    """Judge a window by all alerts that are registered."""
    return WindowVerdict(
        outside=said_of(OUTSIDE, evidence),
        unusual=said_of(UNUSUAL, evidence),
        harmful=said_of(HARMFUL, evidence),
        broken=said_of(BROKEN, evidence),
        left_out=_left_out(evidence),
    )


def _left_out(evidence: Evidence) -> tuple[date, ...]:
    missing = (one.day for one in evidence.delivery.missing)
    quarantined = (day for one in evidence.delivery.delivered for day in one.days)
    columns = (day for days in evidence.broken_sources.values() for day in days)
    return tuple(sorted({*missing, *quarantined, *columns}))
