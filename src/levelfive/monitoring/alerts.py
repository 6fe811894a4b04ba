"""Alerts: what monitoring says of a window. Each is one function, registered for the statement that it belongs to.

What an alert says is in the table `verdicts`, in the report, in the dashboard and in `levelfive status`; its meaning is
in `docs/tables.md`. Nothing else has to know of it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import TypeAlias

from levelfive.core.windows import iso
from levelfive.errors import ConfigError
from levelfive.monitoring.consistency import FeatureDay, worst_first
from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.faults import Fault, Faults
from levelfive.monitoring.strange import Kind
from levelfive.online.staleness import Behind
from levelfive.statistics.metrics import Estimate
from levelfive.usecase.columns import REQUEST_LOG
from levelfive.usecase.policies import MonitoringPolicy

SHOWN_FEATURES = 5


@dataclass(frozen=True)
class Statement:
    """One of the statements on a window, which are kept apart.

    Args:
        name: The field of a verdict, and the column of `verdicts`.
        title: What people call it.
        word: What stands before what is said.
        note: What it means to a reader.
        of_columns: Whether it lists columns; else it gives reasons, and calls for a person.
    """

    name: str
    title: str
    word: str
    note: str
    of_columns: bool = False

    def said_in(self, verdict: object) -> tuple[str, ...]:
        """Read what a verdict, or a record of one, says for this statement."""
        texts: tuple[str, ...] = getattr(verdict, self.name)
        return texts


OUTSIDE = Statement(
    "outside", "Outside the training's range", "outside", "New to the model, not yet a harm.", of_columns=True
)
UNUSUAL = Statement(
    "unusual", "Unusual", "unusual", "Unusual is not harmful: a season is unusual, too.", of_columns=True
)
HARMFUL = Statement("harmful", "Harmful", "harm", "Harm calls for a person.")
BROKEN = Statement("broken", "Broken data", "broken data", "Broken data call for a person.")
SERVING = Statement(
    "serving",
    "Real time",
    "real time",
    "What single requests are answered by calls for a person, and is no harm to models.",
)
STATEMENTS = (OUTSIDE, UNUSUAL, HARMFUL, BROKEN, SERVING)


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
class Evidence:
    """What is known of a window.

    Args:
        columns: Each column's difference from the baseline.
        delivery: What came.
        skill: On the mature rows, with its interval by days, or None without such rows.
        skill_at_training: On the holdout of the training, or None where it is not known.
        faults: What is broken in the columns, by day.
        policy: From which values on something is said.
        online: When the online store was furthest behind, or None where nothing is published.
        max_staleness: How far behind it may be.
        consistency: By feature and day, whether single requests saw what the batch join gives.
        logged: How many rows of the request log were read since the last window, and how many of them could not be.
    """

    columns: Sequence[ColumnDrift]
    delivery: Delivery
    skill: Estimate | None
    skill_at_training: float | None
    faults: Faults
    policy: MonitoringPolicy
    online: Behind | None = None
    max_staleness: timedelta = timedelta(0)
    consistency: Sequence[FeatureDay] = ()
    logged: tuple[int, int] = (0, 0)

    @cached_property
    def broken_sources(self) -> dict[str, list[date]]:
        """By source, the days on which at least half of its columns are broken."""
        broken = self.faults.days
        days = sorted({day for day, _ in broken})
        by_source = {
            source: [day for day in days if 2 * sum((day, column) in broken for column in columns) >= len(columns)]
            for source, columns in sorted(self.delivery.columns.items())
            if columns
        }
        return {source: days for source, days in by_source.items() if days}


Says: TypeAlias = Callable[[Evidence], Iterable[str]]
"""What an alert says of a window, a sentence each, or a column each; nothing where all is well."""


@dataclass(frozen=True)
class Alert:
    """A registered alert: `meaning` says when it is raised."""

    name: str
    statement: Statement
    meaning: str
    says: Says


ALERTS: dict[str, Alert] = {}
"""All registered alerts by name, in the order in which they are said."""


def alert(statement: Statement, meaning: str) -> Callable[[Says], Says]:
    """Register a function as an alert, by its name; see `Alert`.

    Raises:
        ConfigError: There is an alert of that name.
    """

    def register(says: Says) -> Says:
        if says.__name__ in ALERTS:
            raise ConfigError(f"there is an alert {says.__name__!r} already: give this one another name")
        ALERTS[says.__name__] = Alert(says.__name__, statement, meaning, says)
        return says

    return register


def said_of(statement: Statement, evidence: Evidence) -> tuple[str, ...]:
    """Collect what all alerts of a statement say of a window."""
    return tuple(text for one in ALERTS.values() if one.statement == statement for text in one.says(evidence))


@alert(OUTSIDE, "a larger share of a column than `outside_share` is outside the training's range, beyond what is usual")
def columns_outside(evidence: Evidence) -> Iterator[str]:
    """List columns with values outside the training's range, more than are usual."""
    return (one.column for one in evidence.columns if one.new_share > evidence.policy.outside_share)


@alert(UNUSUAL, "the PSI of a column lies above its usual value")
def columns_unusual(evidence: Evidence) -> Iterator[str]:
    """List columns that differ by more than the baseline's days differ among themselves."""
    return (one.column for one in evidence.columns if one.unusual)


@alert(HARMFUL, "the skill's whole interval lies below `harmful_skill_share` of the skill at training")
def skill_is_lost(evidence: Evidence) -> Iterator[str]:
    """Say that the model harms.

    Harm is judged by skill: the share of a constant prediction's loss that the model takes away. A season that makes
    outcomes rarer or more frequent moves the loss itself, and the constant's with it.
    """
    skill, at_training, policy = evidence.skill, evidence.skill_at_training, evidence.policy
    if skill is None or skill.days < policy.min_days or skill.rows < policy.min_rows or not math.isfinite(skill.high):
        return
    least = max(0.0, policy.harmful_skill_share * (at_training or 0.0))
    if skill.high >= least:
        return
    trained = "" if at_training is None else f", {at_training:.1%} at training"
    yield (
        f"skill {skill.value:.1%} [{skill.low:.1%}, {skill.high:.1%}], wholly below the {least:.1%} that is asked for"
        f"{trained}: the model is hardly better than a constant prediction, or worse"
    )


@alert(BROKEN, "more than `broken_quarantined_share` of a source's rows are quarantined")
def much_is_quarantined(evidence: Evidence) -> Iterator[str]:
    """Say of which source too many rows are quarantined."""
    most = evidence.policy.broken_quarantined_share
    for one in evidence.delivery.delivered:
        if one.quarantined > most * one.rows_in:
            yield (
                f"{one.source}: {one.quarantined:,} of {one.rows_in:,} rows that landed are quarantined, more than "
                f"{most:.1%}"
            )


@alert(BROKEN, "fewer rows a day are scored than `broken_volume_share` of those at training")
def volume_is_low(evidence: Evidence) -> Iterator[str]:
    """Say that the window has too few rows."""
    delivery = evidence.delivery
    if delivery.rows_a_day < evidence.policy.broken_volume_share * delivery.rows_a_day_at_training:
        yield (
            f"{delivery.rows_a_day:,.0f} rows a day, {delivery.rows_a_day_at_training:,.0f} at training: rows are "
            "missing"
        )


@alert(BROKEN, "a day has far fewer rows than days usually have")
def rows_are_missing(evidence: Evidence) -> Iterator[str]:
    """Say on which days rows are missing."""
    for one in evidence.delivery.missing:
        yield f"{one.day}: {one.value:,.0f} rows, usually {one.usual:,.0f}: rows are missing"


@alert(BROKEN, "at least half of a source's columns are broken on a day")
def source_is_broken(evidence: Evidence) -> Iterator[str]:
    """Say which sources are broken, when, and what one of their columns shows."""
    for source, days in evidence.broken_sources.items():
        columns = evidence.delivery.columns[source]
        faults = [fault for fault in evidence.faults.columns if fault.column in columns and fault.day in days]
        several, shown = len({fault.column for fault in faults}), faults[-1]
        yield (
            f"{source}: {several} of its {len(columns)} columns are broken on {_days(days)}, such as {shown.column}: "
            f"{_change(shown.kind, shown)}"
        )


@alert(BROKEN, "a column is broken on a day on which its source is not: see docs/broken-data.md")
def column_is_broken(evidence: Evidence) -> Iterator[str]:
    """Say which columns are broken, how and when; those of a broken source are said with it."""
    with_source = {
        (day, column)
        for source, days in evidence.broken_sources.items()
        for day in days
        for column in evidence.delivery.columns[source]
    }
    by_kind: dict[tuple[str, Kind], list[Fault]] = {}
    for fault in evidence.faults.columns:
        if (fault.day, fault.column) in with_source:
            continue
        by_kind.setdefault((fault.column, fault.kind), []).append(fault)
    for (column, kind), faults in by_kind.items():
        yield f"{column}: {_change(kind, faults[-1])} on {_days([fault.day for fault in faults])}"


@alert(SERVING, "the online store was further behind in the window than the serving policy's `max_staleness`")
def online_store_is_behind(evidence: Evidence) -> Iterator[str]:
    """Say since when single requests were answered by features that are too old, or refused."""
    behind = evidence.online
    if behind is not None and behind.by > evidence.max_staleness:
        yield (
            f"at {iso(behind.at)} the online store reached to {iso(behind.reaches_to)}, {behind.by} behind, and "
            f"{evidence.max_staleness} is allowed: look at the runs of features and of their publication"
        )


@alert(
    SERVING,
    "a feature of an answer is not what the batch join gives, and the online store's age, as far as it is allowed, is "
    "not why: see docs/serving.md",
)
def features_differ(evidence: Evidence) -> Iterator[str]:
    """Say which features single requests saw otherwise than a batch, and on which days; the worst ones by name."""
    wrong: dict[str, list[FeatureDay]] = defaultdict(list)
    for one in worst_first(one for one in evidence.consistency if one.is_wrong):
        wrong[one.feature].append(one)
    for feature, days in list(wrong.items())[:SHOWN_FEATURES]:
        different, answers = sum(one.unexplained for one in days), sum(one.answers for one in days)
        anew = ", whose table was computed anew since," if any(one.computed_anew for one in days) else ""
        yield (
            f"{feature}{anew} differed from the batch in {different:,} of {answers:,} answers on "
            f"{_days(sorted(one.day for one in days))}"
        )
    if rest := list(wrong)[SHOWN_FEATURES:]:
        yield f"so did {len(rest)} more features, such as {rest[0]}: see the table consistency"


@alert(SERVING, "a line of the request log could not be read")
def answers_are_quarantined(evidence: Evidence) -> Iterator[str]:
    """Say how many rows of the request log could not be read."""
    rows, quarantined = evidence.logged
    if quarantined:
        yield (
            f"{quarantined:,} of {rows:,} rows of the request log could not be read: see the table quarantine, source "
            f"{REQUEST_LOG}"
        )


def _change(kind: Kind, fault: Fault) -> str:
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
