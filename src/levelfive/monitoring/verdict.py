"""The verdict on a window, in statements kept apart: outside training's range, unusual, harmful, broken, real time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from levelfive.monitoring.alerts import BROKEN, HARMFUL, OUTSIDE, SERVING, UNUSUAL, Evidence, said_of


@dataclass(frozen=True)
class WindowVerdict:
    """What monitoring says of a window. Harm, broken data and what requests get call for a person.

    Args:
        outside: Columns with values outside the training's range, more than are usual.
        unusual: Columns that differ by more than the baseline's days differ among themselves.
        harmful: Why the model harms; empty if it does not.
        broken: What is broken in the data; empty if nothing is.
        left_out: The days of broken deliveries, from which nothing is to be learned.
        serving: What is wrong with what single requests are answered by; empty if nothing is.
    """

    outside: tuple[str, ...]
    unusual: tuple[str, ...]
    harmful: tuple[str, ...]
    broken: tuple[str, ...]
    left_out: tuple[date, ...] = ()
    serving: tuple[str, ...] = ()


def judge_window(evidence: Evidence) -> WindowVerdict:
    """Judge a window by all alerts that are registered."""
    return WindowVerdict(
        outside=said_of(OUTSIDE, evidence),
        unusual=said_of(UNUSUAL, evidence),
        harmful=said_of(HARMFUL, evidence),
        broken=said_of(BROKEN, evidence),
        left_out=_left_out(evidence),
        serving=said_of(SERVING, evidence),
    )


def _left_out(evidence: Evidence) -> tuple[date, ...]:
    missing = (one.day for one in evidence.delivery.missing)
    quarantined = (day for one in evidence.delivery.delivered for day in one.days)
    columns = (day for days in evidence.broken_sources.values() for day in days)
    return tuple(sorted({*missing, *quarantined, *columns}))
