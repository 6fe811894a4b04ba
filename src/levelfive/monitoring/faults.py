"""What is broken in the columns of a window, by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from levelfive.monitoring.strange import ValueKind


@dataclass(frozen=True)
class Fault:
    """What is broken of a column on a day: the value of a kind, and what is usual."""

    column: str
    day: date
    kind: ValueKind
    value: float
    usual: float


@dataclass(frozen=True)
class Faults:
    """What the days of a window show.

    Args:
        columns: The faults of the columns.
        judged_columns: Columns of which something can be said on some day.
        seen_from: By column and kind, the smallest change that two days running would be called for, on the last day;
            infinite where none can be seen.
    """

    columns: tuple[Fault, ...] = ()
    judged_columns: tuple[str, ...] = ()
    seen_from: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def days(self) -> frozenset[tuple[date, str]]:
        """The broken days, with their columns."""
        return frozenset((fault.day, fault.column) for fault in self.columns)
