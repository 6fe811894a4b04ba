"""What a monitoring report is made of: plain records, measured and decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from levelfive.core.windows import Window
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.reporting.quality_lines import Freshness
from levelfive.reporting.segment_lines import SegmentsFound, SlicesMeasured
from levelfive.reporting.table import Table
from levelfive.statistics.calibration import Calibration, ReliabilityGroup
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.tasks.task import Task


@dataclass(frozen=True)
class Point:
    """What was measured of one window, a month or a week.

    Attributes:
        window: The time of the rows.
        live: Metrics of the model that scored the rows, by name.
        reference: Metrics on the same rows of the first champion, never retrained, by name.
        estimates: Metrics as the scores alone tell them, by name, where such estimates have held.
        label_rate: The mean label, which is the share of label 1 of a binary task; None while no label is known.
        mean_score: Mean of the predictions; None while nothing is scored.
        scored: Rows with a prediction.
        mature: Rows with a prediction whose label is known.
        share_known: Share of the predictions whose label is known, 0 to 1.
        provisional: Whether too few labels are known for the metrics to be final.
        landed: Rows that arrived.
        accepted: Rows that passed the checks of quality.
        quarantined: Rows that did not.
        duplicates: Rows that had arrived before.
        model_version: The version that scored the window's last rows.
        answer_metrics: Metrics of the answers to single requests, by name.
        answers: How many there were; None where nothing is known of any.
        reliability: The rows with known labels in groups of like scores.
        label_drift: How the labels differ from those that the version was trained on, by drift statistics.
        usual_label_mean: The mean label of as many days without a change from the training; None where that is not
            known.
    """

    window: Window
    live: Mapping[str, Estimate]
    reference: Mapping[str, Estimate]
    label_rate: float | None
    mean_score: float | None
    scored: int
    mature: int
    share_known: float
    provisional: bool
    landed: int
    accepted: int
    quarantined: int
    duplicates: int
    model_version: str
    answer_metrics: Mapping[str, Estimate] = field(default_factory=dict)
    answers: int | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    reliability: tuple[ReliabilityGroup, ...] = ()
    label_drift: Mapping[str, float] = field(default_factory=dict)
    usual_label_mean: Estimate | None = None


@dataclass(frozen=True)
class ColumnWindow:
    """A column in a window, as the tables have it; shares are 0 to 1, the mean is in the column's unit.

    Attributes:
        column: Its name.
        window: The time of the rows.
        psi: As in the table `drift`; None where it is not defined, as without values.
        mean: None of categories, and without values.
        null_share: None where no profile is there.
        outside_share: None where the training data has too many categories to know them all.
        deviations: How far the PSI lies above that of as many days without a change, in standard deviations of its
            logarithm; None where the training has too few days to tell.
        is_outside: Whether the verdict says that more of it lies outside than is usual.
    """

    column: str
    window: Window
    psi: float | None
    mean: float | None
    null_share: float | None
    outside_share: float | None
    deviations: float | None = None
    is_outside: bool = False


@dataclass(frozen=True)
class DriftLine:
    """A column of a window against the training data, as monitoring stored it.

    Attributes:
        window: The time of the rows.
        model_version: The version that scored them.
        column: Its name.
        statistics: Drift statistics by name; those that are not defined are left out.
        usual: Up to where a statistic lies without a change, by its name, where that is known.
        importance: The share of what the version rests on, 0 to 1, where that is known.
        alarm_since: When its alarm opened, None where none is open.
    """

    window: Window
    model_version: str
    column: str
    statistics: Mapping[str, float]
    usual: Mapping[str, float]
    importance: float | None = None
    alarm_since: datetime | None = None


@dataclass(frozen=True)
class Reliability:
    """How often the scores of a window came true.

    Attributes:
        window: The time of the rows.
        groups: Its rows by rising score.
        training: What the champion's unseen scores said at training; None where that is not known.
    """

    window: Window
    groups: tuple[ReliabilityGroup, ...]
    training: Calibration | None = None


@dataclass(frozen=True)
class Moved:
    """A column whose drift alarm is open, in the latest window beside the training.

    Attributes:
        column: Its name.
        since: When the alarm opened.
        bins: What each bin holds: a category, or numbers from one edge to the next.
        before: The training's values by bin.
        now: The window's values by bin.
        slices: In which slices it moved by more than by chance, as far as that is known, furthest first.
    """

    column: str
    since: datetime
    bins: tuple[str, ...]
    before: tuple[int, ...]
    now: tuple[int, ...]
    slices: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChampionLine:
    """A version that was champion, and what its scores rest on.

    Attributes:
        version: Which one.
        since: When it last became the champion.
        importances: By feature, the share of what its scores rest on; empty where that is not known.
    """

    version: str
    since: datetime
    importances: Mapping[str, float]


@dataclass(frozen=True)
class LiveModel:
    """Where the live version comes from.

    Attributes:
        version: Which one.
        purpose: What it is for; empty where the use case does not say.
        lineage: Facts and their values.
        limits: What it is not for.
        holdout: How it did on the newest days, by slice; None where that is not known.
    """

    version: str
    purpose: str
    lineage: tuple[tuple[str, str], ...]
    limits: tuple[str, ...] = ()
    holdout: Table | None = None


@dataclass(frozen=True)
class DecisionLine:
    """What the policy of retraining decided, why, and what would have made it decide otherwise."""

    as_of: datetime
    action: str
    reasons: tuple[str, ...]
    counterfactuals: tuple[str, ...]


@dataclass(frozen=True)
class PromotionLine:
    """A version that became the champion, by whose hand and why."""

    at: datetime
    version: str
    previous: str | None
    kind: str
    by: str
    reason: str


@dataclass(frozen=True)
class GateLine:
    """What the promotion gate said of a challenger."""

    as_of: datetime
    verdict: str
    passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class FailureLine:
    """A run of a job that failed, by its logical time, and what it said."""

    as_of: datetime
    stage: str
    error: str


@dataclass(frozen=True)
class NoteLine:
    """An event that people know of, such as a holiday, and who noted it."""

    window: Window
    event: str
    by: str


@dataclass(frozen=True)
class MissingLine:
    """Days of a source, both included, on which rows are missing; nobody acknowledged them."""

    source: str
    first: date
    last: date


@dataclass(frozen=True)
class AlertLine:
    """An alert that is open.

    Attributes:
        text: What it is, how urgent, since when, and what people say of it.
        title: Its name.
        since: From when on it is there.
        message: What was found last.
        is_urgent: Whether it is more than mere information.
        word: Who muted it, or acknowledged the window that raised it last, and why; empty where nobody did.
        what_to_do: The next step.
        is_of_harm: Whether it says that the model harms.
    """

    text: str
    title: str
    since: datetime
    message: str
    is_urgent: bool
    word: str = ""
    what_to_do: str = ""
    is_of_harm: bool = False


@dataclass(frozen=True)
class ReportData:
    """All that one report shows; every sequence may be empty and in any order, but for two.

    `reliability` is of the latest window whose labels are known. `drift` and `served_drift`, that of answers to single
    requests, are of the latest window. `moved` are its columns whose alarm is open, those that the model rests on most
    first. `segments` are those that were looked for last, `slices` those of the latest window whose labels are known.
    `consistency` says by feature and day whether such answers rest on what the batch join gives, `skew` whether scored
    rows do. `freshness` is that of the latest window. `alerts` are those that are open, the most urgent first.
    `champions` are the last ones, the oldest first.
    """

    use_case: str
    as_of: datetime
    task: Task
    champion: str | None
    champion_since: datetime | None
    points: tuple[Point, ...] = ()
    verdicts: tuple[KnownVerdict, ...] = ()
    columns: tuple[ColumnWindow, ...] = ()
    drift: tuple[DriftLine, ...] = ()
    decisions: tuple[DecisionLine, ...] = ()
    promotions: tuple[PromotionLine, ...] = ()
    gates: tuple[GateLine, ...] = ()
    failures: tuple[FailureLine, ...] = ()
    missing: tuple[MissingLine, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    served_drift: tuple[DriftLine, ...] = ()
    consistency: tuple[FeatureDay, ...] = ()
    reliability: Reliability | None = None
    drifted_columns: tuple[Moved, ...] = ()
    notes: tuple[NoteLine, ...] = ()
    segments: SegmentsFound | None = None
    slices: SlicesMeasured | None = None
    freshness: Freshness | None = None
    skew: tuple[FeatureDay, ...] = ()
    champions: tuple[ChampionLine, ...] = ()
    live_model: LiveModel | None = None

    @property
    def points_in_time(self) -> tuple[Point, ...]:
        """The points by the time of their window."""
        return tuple(sorted(self.points, key=lambda point: point.window))

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The names of all metrics, in the order in which they first appear."""
        return tuple(dict.fromkeys(name for point in self.points_in_time for name in (*point.live, *point.reference)))

    @property
    def chart_metrics(self) -> tuple[str, ...]:
        """The names of the metrics to draw: those that the task says, or the first two where one was not measured."""
        names = self.metric_names
        return self.task.charts if set(self.task.charts) <= set(names) else names[:2]

    @property
    def points_with_rates(self) -> tuple[Point, ...]:
        """The points, in the order of time, of which a mean label or a mean score is known."""
        return tuple(p for p in self.points_in_time if p.label_rate is not None or p.mean_score is not None)

    @property
    def has_estimates(self) -> bool:
        """Whether there is a window that metrics are estimated of, as its labels are young."""
        return any(point.provisional and point.estimates for point in self.points)

    @property
    def latest_mature(self) -> Point | None:
        """The latest point whose metrics are final."""
        return _latest(point for point in self.points if point.live and not point.provisional)

    @property
    def latest_unlabelled(self) -> Point | None:
        """The latest point, if predictions of it are old enough to be measured, and none has a label."""
        old = _latest(point for point in self.points if point.scored and not point.provisional)
        return None if old is None or old.live else old

    @property
    def latest_empty(self) -> Point | None:
        """The latest point, if nothing was scored in it, and nothing judged since."""
        point, verdict = max(self.points, key=lambda one: one.window.end, default=None), self.latest_verdict
        if point is None or point.scored or (verdict is not None and verdict.window.end >= point.window.end):
            return None
        return point

    @property
    def latest_verdict(self) -> KnownVerdict | None:
        """The verdict on the latest window; where several end together, one that calls for a person or did."""
        return max(self.verdicts, key=_latest_and_loudest, default=None)


def is_long_ago(window: Window, as_of: datetime) -> bool:
    """Tell whether a window ended too long ago to say how things are: longer than two windows of its length take."""
    return as_of - window.end > 2 * window.length


def _latest(points: Iterable[Point]) -> Point | None:
    return max(points, key=lambda point: (point.window.end, point.window.start), default=None)


def _latest_and_loudest(verdict: KnownVerdict) -> tuple[datetime, bool, bool, datetime]:
    window = verdict.window
    return window.end, verdict.calls_for_a_person, bool(verdict.acknowledgement), window.start
