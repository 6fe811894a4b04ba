"""What a window shows of a version that scored rows of it: compared with the version's baseline, and judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from levelfive.core.days import DAY
from levelfive.core.windows import Window
from levelfive.models.package import Model
from levelfive.monitoring import deliveries
from levelfive.monitoring.causes import importance_of
from levelfive.monitoring.comparison import Comparison
from levelfive.monitoring.consecutive import ConsecutiveDrift, consecutive_drift
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.daily import Known, days_of_training, days_of_window, find_faults
from levelfive.monitoring.drift_alarms import DRIFT_LASTS, AlarmRule, EarlierWindow, judge_drift
from levelfive.monitoring.drift_statistics import ColumnDrift, column_drift
from levelfive.monitoring.evidence import Delivered, Delivery, Evidence, Newest
from levelfive.monitoring.faults import Fault, Faults
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.profiling import WindowProfiles, baseline_of, finish
from levelfive.monitoring.raised import Raised, raised
from levelfive.monitoring.scored_versions import ScoredVersion
from levelfive.monitoring.slice_drift import SliceDrift, drift_in_slices
from levelfive.monitoring.usual_drift import usual_drift
from levelfive.monitoring.verdict import Subject, VerdictRecord, WindowVerdict, judge_window
from levelfive.online.staleness import Behind
from levelfive.statistics.baseline import Baseline
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.tasks.task import Task
from levelfive.storage.runs import JobContext
from levelfive.usecase.policies import MonitoringPolicy
from levelfive.usecase.use_case import UseCase


@dataclass(frozen=True)
class WindowFacts:
    """What is known of a window, whichever version scored it.

    Args:
        source_counts: What landed of each source.
        performance: What the labels say.
        earlier: The days before it, as earlier windows profiled them.
        drift_history: By version, what was said of the drift of the windows before it, the newest last.
        missing: The days that lack rows.
        online: When the online store was furthest behind, or None where nothing is published.
        consistency: Whether single requests saw what the batch join gives.
        log_counts: How many rows of the request log were read, and how many of them could not be.
        mature: What the labels say of the last window before it whose labels are old enough; None where its own are.
        newest: How new the rows of the sources are at its end.
        skew: By version, whether its rows were scored with what the batch join gives now.
    """

    source_counts: tuple[Delivered, ...]
    performance: Performance
    earlier: Known
    drift_history: Mapping[str, Sequence[EarlierWindow]] = field(default_factory=dict)
    missing: tuple[Fault, ...] = ()
    online: Behind | None = None
    consistency: tuple[FeatureDay, ...] = ()
    log_counts: tuple[int, int] = (0, 0)
    mature: Performance | None = None
    newest: tuple[Newest, ...] = ()
    skew: Mapping[str, Sequence[FeatureDay]] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgedVersion:
    """What a window shows of one version, the verdict on it, and the alerts that it raises."""

    subject: Subject
    baseline: Baseline
    profiles: WindowProfiles
    drifts: tuple[ColumnDrift, ...]
    consecutive: tuple[ConsecutiveDrift, ...]
    faults: Faults
    verdict: WindowVerdict
    alerts: tuple[Raised, ...] = ()
    slices: tuple[SliceDrift, ...] = ()


def judge_version(context: JobContext, version: ScoredVersion, facts: WindowFacts) -> JudgedVersion:
    """Compare what a version scored with its baseline, and judge the window by that and by all else that is known."""
    subject, model, profiles, use_case = version.subject, version.model, version.profiles, context.use_case
    baseline, starts = model.baseline, use_case.day_starts_at
    today = days_of_window(profiles, baseline, subject.window, starts)
    faults = find_faults({**days_of_training(baseline), **facts.earlier}, today)
    labelled = _labelled(facts, subject.model_version, use_case.monitoring)
    before = facts.drift_history.get(subject.model_version, ())
    drifts = drifts_of(use_case, model, profiles, subject.window, before=before)
    training_span = model.card.trained_until - model.card.trained_from
    evidence = Evidence(
        columns=drifts,
        delivery=Delivery(
            source_counts=facts.source_counts,
            rows_a_day=facts.performance.scored / (subject.window.length / DAY),
            rows_a_day_at_training=model.card.training_rows / (training_span / DAY),
            missing=facts.missing,
            newest=facts.newest,
            columns=deliveries.columns_of_sources(context, model.card.features),
        ),
        skill=_skill(use_case, labelled),
        skill_at_training=model.card.holdout_skill,
        faults=faults,
        policy=use_case.monitoring,
        online=facts.online,
        max_staleness=use_case.serving.max_staleness,
        consistency=facts.consistency,
        skew=facts.skew.get(subject.model_version, ()),
        log_counts=facts.log_counts,
        metrics=labelled.metrics,
        labelled_window=None if labelled is facts.performance else labelled.window,
        task=use_case.model.task,
        importance=model.card.importances or importance_of(model.estimator, model.card.features),
    )
    all_faults = replace(faults, columns=(*faults.columns, *facts.missing))
    return JudgedVersion(
        subject,
        baseline,
        profiles,
        drifts,
        _consecutive(version),
        all_faults,
        judge_window(evidence),
        raised(evidence),
        drift_in_slices(
            subject,
            baseline.slice_counts,
            profiles,
            drifts,
            rate=use_case.monitoring.false_discovery_rate,
            least_rows=use_case.monitoring.min_rows,
        ),
    )


def verdict_record(task: Task, version: JudgedVersion, performance: Performance, as_of: datetime) -> VerdictRecord:
    """Write down a verdict with the evidence that a decision needs.

    Args:
        task: Says which metrics are the skill and the offset.
        version: The version and its verdict.
        performance: What the labels say of the window.
        as_of: When it is said.
    """
    estimates = {} if performance.evaluation is None else performance.evaluation.estimates
    offset, skill = (_interval(estimates.get(name or "")) for name in (task.offset, task.skill))
    return VerdictRecord(
        **vars(version.subject),
        as_of=as_of,
        days=0 if performance.evaluation is None else performance.evaluation.days,
        rows=performance.mature,
        drifted_share=len(version.verdict.unusual) / max(sum(one.p_value is not None for one in version.drifts), 1),
        calibration=offset,
        skill=skill,
        **vars(version.verdict),
    )


def _consecutive(version: ScoredVersion) -> tuple[ConsecutiveDrift, ...]:
    """Compare the window with the one before it, if there is one."""
    if version.before is None:
        return ()
    baseline, whole = version.model.baseline, version.profiles.whole
    now = {column: finish(partial, column, baseline) for column, partial in whole.items()}
    return consecutive_drift(version.subject, version.before, now, baseline)


def _interval(estimate: Estimate | None) -> tuple[float, float] | None:
    return (estimate.low, estimate.high) if estimate is not None and math.isfinite(estimate.low) else None


def _labelled(facts: WindowFacts, version: str, policy: MonitoringPolicy) -> Performance:
    """Choose by which labels a version is judged: those of the window or, where these are too few, of the last one.

    That is one which the version scored alone: of what another one did nothing follows.
    """
    now, last = facts.performance, facts.mature
    days = 0 if now.evaluation is None else now.evaluation.days
    is_enough = days >= policy.min_days and now.mature >= policy.min_rows
    return now if is_enough or last is None or last.versions != (version,) else last


def _skill(use_case: UseCase, performance: Performance) -> Estimate | None:
    return None if performance.evaluation is None else performance.evaluation.estimates[use_case.model.task.skill]


def drifts_of(
    use_case: UseCase,
    model: Model,
    profiles: WindowProfiles,
    window: Window,
    *,
    before: Sequence[EarlierWindow] = (),
) -> tuple[ColumnDrift, ...]:
    """Compare each column of scored rows with the baseline, and tell which moved by more than by chance.

    Args:
        use_case: Its policy says from which values on something is said.
        model: Who scored them.
        profiles: Of the rows.
        window: Their prediction times.
        before: What was said of the windows before it, without which no alarm is open.
    """
    baseline, policy = model.baseline, use_case.monitoring
    columns = [
        column_drift(
            column,
            Comparison(
                baseline.categorical.get(column) or baseline_of(column, baseline), finish(whole, column, baseline)
            ),
        )
        for column, whole in sorted(profiles.whole.items())
    ]
    return judge_drift(
        columns,
        usual_drift({one.column: baseline.daily.get(one.column, ()) for one in columns}, profiles.days),
        AlarmRule(
            policy.false_discovery_rate,
            policy.least_psi,
            {one.column: policy.limit(DRIFT_LASTS, one.column, policy.least_psi) for one in columns},
        ),
        importances=model.card.importances,
        start=window.start,
        before=before,
    )
