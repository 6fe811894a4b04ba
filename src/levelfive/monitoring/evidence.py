"""What is known of a window, the statements on it, which are kept apart, and what an alert finds in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from scipy.stats import binom

from levelfive.core.windows import Window
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.faults import Fault, Faults
from levelfive.online.staleness import Behind
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.tasks.task import Task
from levelfive.usecase.policies import MonitoringPolicy

# In no more of the windows of a source with half as many quarantined rows as its limit is too many said.
BY_CHANCE = 0.001


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

    `days` are those of its files with too many quarantined rows, as far as they lie in the window. `missing_days` lack
    rows, as far as nobody acknowledged it and predictions of the window look back to them.
    """

    source: str
    rows_in: int
    accepted: int
    quarantined: int
    duplicates: int
    days: tuple[date, ...] = ()
    missing_days: tuple[date, ...] = ()


@dataclass(frozen=True)
class Newest:
    """How new the newest row of a source is at the end of a window; None where that is not known.

    Args:
        source: Its name.
        at: The time of its newest row.
        behind: How long before the window's end that is.
        limit: How long it may be, as the use case says; None where it says nothing.
    """

    source: str
    at: datetime | None
    behind: timedelta | None
    limit: timedelta | None

    @property
    def is_late(self) -> bool:
        """Whether it is too old; of a source of which nothing ever came, the other stages speak."""
        return self.limit is not None and self.behind is not None and self.behind > self.limit


@dataclass(frozen=True)
class Delivery:
    """What came: what landed of each source, rows scored a day, and rows a day at training.

    `missing` are the days that lack rows; `columns` are those of each source; `newest` says how new their rows are.
    """

    source_counts: tuple[Delivered, ...]
    rows_a_day: float
    rows_a_day_at_training: float
    missing: tuple[Fault, ...] = ()
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    newest: tuple[Newest, ...] = ()


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
        skew: By feature and day, whether the rows of batches were scored with what the batch join gives now.
        log_counts: How many rows of the request log were read since the last window, and how many of them could not be.
        metrics: On the mature rows by metric, of each slice that the policy names; of all rows by an empty text.
        labelled_window: The earlier window that skill and metrics are of; None where they are of the window itself.
        task: What is predicted, which says of a metric which way is better; None where that is no question.
        importance: How much the model rests on each column; empty where that is not known.
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
    skew: Sequence[FeatureDay] = ()
    log_counts: tuple[int, int] = (0, 0)
    metrics: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    labelled_window: Window | None = None
    task: Task | None = None
    importance: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def quarantined_sources(self) -> dict[str, Delivered]:
        """By source, what landed where more of its rows are quarantined than its limit."""
        return {
            one.source: one
            for one in self.delivery.source_counts
            if _is_much(one, quarantine_limit(self.policy, one.source))
        }

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


def _is_much(landed: Delivered, limit: float) -> bool:
    """Tell whether more rows are quarantined than a limit allows, and than chance makes of a source with half as many.

    Of few rows a single one is a large share.
    """
    is_above = landed.quarantined > limit * landed.rows_in
    return is_above and float(binom.sf(landed.quarantined - 1, landed.rows_in, limit / 2)) < BY_CHANCE


def quarantine_limit(policy: MonitoringPolicy, source: str) -> float:
    """Find above which share of quarantined rows a source is broken."""
    return policy.limit("much_is_quarantined", source, policy.broken_quarantined_share)


@dataclass(frozen=True)
class Finding:
    """What an alert found in a window, and of what; of the window as a whole where it names nothing.

    Args:
        message: What the verdict says: a sentence, or the column where the statement lists columns.
        column: The column that it is of.
        source: The source that it is of.
        metric: The metric that it is of.
        slice: The slice of the rows that it is of, such as `origin=JFK`.
        value: What was measured, in the unit of the alert's limit; None where it has none.
        days: The days that it is of; empty: the whole window.
        detail: What `message` does not say, such as numbers.
        lacks_values: Whether rows without a value of the column are affected, and no others.
        cause: Of what lists columns, the first of these; None where it lists none.
    """

    message: str
    column: str = ""
    source: str = ""
    metric: str = ""
    slice: str = ""
    value: float | None = None
    days: tuple[date, ...] = ()
    detail: str = ""
    lacks_values: bool = False
    cause: tuple[str, ...] | None = None

    @property
    def of(self) -> str:
        """The column, source or metric."""
        return self.column or self.source or self.metric
