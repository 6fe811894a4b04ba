"""The verdict on a window: three statements kept apart, outside the training's range, unusual, harmful."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.faults import Fault, Faults
from levelfive.monitoring.strange import Kind
from levelfive.statistics.metrics import Estimate
from levelfive.usecase.policies import MonitoringPolicy


@dataclass(frozen=True)
class Delivered:
    """What landed of a source in a window: `rows_in == accepted + quarantined + duplicates`.

    `days` are those of its files with too many quarantined rows, as far as they lie in the window.
    """

    source: str
    rows_in: int
    accepted: int
    quarantined: int
    duplicates: int
    days: tuple[date, ...] = ()


@dataclass(frozen=True)
class Delivery:
    """What came: what landed of each source, rows scored a day, and rows a day at training.

    `missing` are the days that lack rows; `columns` are those of each source.
    """

    delivered: tuple[Delivered, ...]
    rows_a_day: float
    rows_a_day_at_training: float
    missing: tuple[Fault, ...] = ()
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)


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


def judge_window(
    columns: Sequence[ColumnDrift],
    delivery: Delivery,
    skill: Estimate | None,
    *,
    faults: Faults,
    skill_at_training: float | None,
    policy: MonitoringPolicy,
) -> WindowVerdict:
    """Judge a window.

    Harm is judged by skill: the share of a constant prediction's loss that the model takes away. A season that
    makes outcomes rarer or more frequent moves the loss itself, and the constant's with it.

    Args:
        columns: Each column's difference from the baseline.
        delivery: What came.
        skill: On the mature rows, with its interval by days, or None without such rows.
        faults: What is broken in the columns, by day.
        skill_at_training: On the holdout of the training, or None where it is not known.
        policy: From which values on something is said.
    """
    sources = _broken_sources(delivery, faults)
    return WindowVerdict(
        outside=tuple(c.column for c in columns if c.new_share > policy.outside_share),
        unusual=tuple(c.column for c in columns if c.unusual),
        harmful=_harm(skill, skill_at_training, policy),
        broken=(*_broken_delivery(delivery, sources, policy), *_broken_columns(faults.columns)),
        left_out=_left_out(delivery, sources),
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


def _broken_delivery(delivery: Delivery, sources: Mapping[str, Sequence[date]], policy: MonitoringPolicy) -> list[str]:
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
    found += [
        f"{one.day}: {one.value:,.0f} rows, usually {one.usual:,.0f}: rows are missing" for one in delivery.missing
    ]
    found += [f"{source}: at least half of its columns are broken on {_days(days)}" for source, days in sources.items()]
    return found


def _broken_sources(delivery: Delivery, faults: Faults) -> dict[str, list[date]]:
    """By source, the days on which at least half of its columns are broken."""
    found, known = {}, faults.days
    days = sorted({day for day, _ in known})
    for source, columns in sorted(delivery.columns.items()):
        broken = [day for day in days if 2 * sum((day, column) in known for column in columns) >= len(columns)]
        if broken and columns:
            found[source] = broken
    return found


def _left_out(delivery: Delivery, sources: Mapping[str, Sequence[date]]) -> tuple[date, ...]:
    missing = (one.day for one in delivery.missing)
    quarantined = (day for one in delivery.delivered for day in one.days)
    columns = (day for days in sources.values() for day in days)
    return tuple(sorted({*missing, *quarantined, *columns}))


def _broken_columns(faults: Sequence[Fault]) -> list[str]:
    found: dict[tuple[str, Kind], list[Fault]] = {}
    for fault in faults:
        found.setdefault((fault.column, fault.kind), []).append(fault)
    return [
        f"{column}: {_said(kind, some[-1])} on {_days([one.day for one in some])}"
        for (column, kind), some in found.items()
    ]


def _said(kind: Kind, fault: Fault) -> str:
    if kind is Kind.FACTOR:
        return f"its quantiles are {fault.value:.3g} times what they were, another unit?"
    what = {
        Kind.NULLS: "of the rows have no value",
        Kind.FREQUENT: "of the values are the same one",
        Kind.OUTSIDE: "of the values are new or far outside the training's range",
    }
    return f"{fault.value:.0%} {what[kind]}, usually {fault.usual:.0%}"


def _days(days: Sequence[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
