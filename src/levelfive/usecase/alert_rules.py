"""What a use case wants otherwise of alerts: from which values on, how often, how urgent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from levelfive.errors import ConfigError, require

METRIC_IS_BEYOND = "metric_is_beyond"
"""The alert whose limits are set by rules alone, each for a metric."""


class Severity(StrEnum):
    """How urgent an alert is, the most urgent first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Its place, from 0 for the most urgent."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class AlertRule:
    """What a use case wants otherwise of an alert, or of a part of what it is about.

    Of several rules, the one that names more counts; what it leaves open, the others say.

    Args:
        alert: Its name, as `docs/tables.md` lists it.
        of: The column, source or metric; empty: each.
        slice: A slice of the rows, such as `origin=JFK`; empty: all rows.
        limit: From which value on it is raised, in place of the policy's; of a metric, the value that it may just have.
        severity: How urgent it is.
        windows: How many of the last windows of a length are looked at.
        of_them: It is open where at least this many of them raise it.

    Raises:
        ConfigError: A value makes no sense.
    """

    alert: str
    of: str = ""
    slice: str = ""
    limit: float | None = None
    severity: Severity | None = None
    windows: int | None = None
    of_them: int | None = None

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        _check("alert the name of an alert", self.alert, bool(self.alert))
        _check("slice a column and a value, such as origin=JFK", self.slice, not self.slice or all(self.slice_parts))
        _check("limit finite", self.limit, self.limit is None or math.isfinite(self.limit))
        counts = (self.of_them, self.windows)
        together = counts == (None, None) or 1 <= (self.of_them or 0) <= (self.windows or 0)
        _check("windows and of_them together, of_them from 1 to windows", counts, together)

    @property
    def slice_parts(self) -> tuple[str, str]:
        """The slice's column and value; empty for all rows."""
        key, _, value = self.slice.partition("=")
        return key, value

    @property
    def names(self) -> tuple[bool, bool]:
        """Whether it names what it is of, and a slice: a rule that names more is greater."""
        return bool(self.of), bool(self.slice)


def rule_for(rules: Sequence[AlertRule], alert: str, of: str = "", slice_: str = "") -> AlertRule:
    """Put together what rules say of an alert, of a column, source or metric, and a slice."""
    combination = AlertRule(alert, of, slice_)
    about = [one for one in rules if one.alert == alert and one.of in ("", of) and one.slice in ("", slice_)]
    for one in sorted(about, key=lambda rule: rule.names):
        combination = replace(
            combination,
            limit=combination.limit if one.limit is None else one.limit,
            severity=one.severity or combination.severity,
            windows=one.windows or combination.windows,
            of_them=one.of_them or combination.of_them,
        )
    return combination


def _check(demand: str, value: object, is_met: bool) -> None:
    require(is_met, f"an AlertRule takes {demand}", got=value, remedy="correct the use case", error=ConfigError)
