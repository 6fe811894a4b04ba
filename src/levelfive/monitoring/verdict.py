"""The verdict on a window: three statements kept apart, outside the training's range, unusual, harmful."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from levelfive.metrics import Estimate
from levelfive.monitoring.drift import Drift
from levelfive.policies import MonitoringPolicy


@dataclass(frozen=True)
class ColumnDrift:
    """How one column of a window differs from the baseline; `usual` is the PSI that the baseline's own days give."""

    column: str
    drift: Drift
    usual: float | None

    @property
    def unusual(self) -> bool:
        """Whether the column differs by more than the baseline's days differ among themselves."""
        return self.drift.psi is not None and self.usual is not None and self.drift.psi > self.usual


@dataclass(frozen=True)
class Delivered:
    """What landed of a source in a window: `rows_in == accepted + quarantined + duplicates`."""

    source: str
    rows_in: int
    accepted: int
    quarantined: int
    duplicates: int


@dataclass(frozen=True)
class Delivery:
    """What came: what landed of each source, rows scored a day, and rows a day at training."""

    delivered: tuple[Delivered, ...]
    rows_a_day: float
    rows_a_day_at_training: float


@dataclass(frozen=True)
class Verdict:
    """What monitoring says of a window. Only harm or broken data calls for a person.

    Args:
        outside: Columns with values outside the training's range, more than are usual.
        unusual: Columns that differ by more than the baseline's days differ among themselves.
        harmful: Why the model harms; empty if it does not.
        broken: What is broken in the data; empty if nothing is.
    """

    outside: tuple[str, ...]
    unusual: tuple[str, ...]
    harmful: tuple[str, ...]
    broken: tuple[str, ...]


def judge(
    columns: Sequence[ColumnDrift],
    delivery: Delivery,
    skill: Estimate | None,
    *,
    skill_at_training: float | None,
    policy: MonitoringPolicy,
) -> Verdict:
    """Judge a window.

    Harm is judged by skill: the share of a constant prediction's loss that the model takes away. A season that
    makes outcomes rarer or more frequent moves the loss itself, and the constant's with it.

    Args:
        columns: Each column's difference from the baseline.
        delivery: What came.
        skill: On the mature rows, with its interval by days, or None without such rows.
        skill_at_training: On the holdout of the training, or None where it is not known.
        policy: From which values on something is said.
    """
    return Verdict(
        outside=tuple(c.column for c in columns if c.drift.new_share > policy.outside_share),
        unusual=tuple(c.column for c in columns if c.unusual),
        harmful=_harm(skill, skill_at_training, policy),
        broken=(*_broken_delivery(delivery, policy), *(said for c in columns for said in _broken_column(c, policy))),
    )


def _harm(skill: Estimate | None, at_training: float | None, policy: MonitoringPolicy) -> tuple[str, ...]:
    if skill is None or skill.days < policy.min_days or skill.rows < policy.min_rows or not math.isfinite(skill.high):
        return ()
    least = max(0.0, policy.harmful_skill_share * (at_training or 0.0))
    if skill.high >= least:
        return ()
    trained = "" if at_training is None else f", {at_training:.1%} at training"
    return (
        f"skill {skill.value:.1%} [{skill.low:.1%}, {skill.high:.1%}], wholly below the {least:.1%} that is asked for"
        f"{trained}: the model is hardly better than a constant prediction, or worse",
    )


def _broken_delivery(delivery: Delivery, policy: MonitoringPolicy) -> list[str]:
    found = [
        f"{d.source}: {d.quarantined:,} of {d.rows_in:,} rows that landed are quarantined, more than "
        f"{policy.broken_quarantined_share:.1%}"
        for d in delivery.delivered
        if d.quarantined > policy.broken_quarantined_share * d.rows_in
    ]
    least = policy.broken_volume_share * delivery.rows_a_day_at_training
    if delivery.rows_a_day < least:
        found.append(
            f"{delivery.rows_a_day:,.0f} rows a day, {delivery.rows_a_day_at_training:,.0f} at training: rows are "
            "missing"
        )
    return found


def _broken_column(column: ColumnDrift, policy: MonitoringPolicy) -> list[str]:
    found, drift = [], column.drift
    factor = None if drift.scale is None else max(drift.scale, 1 / drift.scale)
    grown = factor is not None and factor < policy.broken_scale
    most = policy.broken_outside_share_grown if grown else policy.broken_outside_share
    if drift.outside_share is not None and drift.new_share > most:
        found.append(
            f"{column.column}: {drift.outside_share:.0%} of its values lie outside the training's range: another unit "
            "or meaning?"
        )
    moved = (drift.psi or 0.0) > policy.broken_psi
    if moved and factor is not None and not grown:
        found.append(f"{column.column}: all its quantiles are {drift.scale:.3g} times what they were: another unit?")
    if drift.null_share_change is not None and drift.null_share_change > policy.broken_null_share:
        found.append(f"{column.column}: the share of missing values grew by {drift.null_share_change:.0%}")
    return found
