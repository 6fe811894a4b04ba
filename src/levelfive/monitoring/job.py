"""The job of monitoring: compares what was scored with the baseline and, once labels are mature, with the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.conditions import in_window
from levelfive.core.parallel import in_parallel
from levelfive.core.windows import Window, iso
from levelfive.data.landed import LANDING_FILES
from levelfive.data.missing import SOURCE_DAYS
from levelfive.errors import AsOfError, EvidenceError
from levelfive.features.job import LABELS
from levelfive.models.package import Model
from levelfive.monitoring import deliveries, profiling, records
from levelfive.monitoring.alerts import Delivered, Delivery, Evidence
from levelfive.monitoring.daily import DAY, Known, days_of_training, days_of_window, find_faults
from levelfive.monitoring.drift_statistics import ColumnDrift, Comparison, column_drift
from levelfive.monitoring.faults import Fault, Faults
from levelfive.monitoring.nothing import nothing_in
from levelfive.monitoring.performance import Performance, performance
from levelfive.monitoring.profiling import WindowProfiles, baseline_of, profile_days
from levelfive.monitoring.records import DRIFT, PERFORMANCE, PROFILES, QUALITY, VERDICTS, Subject, VerdictRecord
from levelfive.monitoring.verdict import WindowVerdict, judge_window
from levelfive.registry.promotions import PROMOTIONS, Promotion, champion_as_of, history
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.baseline import Baseline
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.partials import CategoricalProfile, NumericProfile, Partial
from levelfive.storage.predictions import PREDICTIONS, Role
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import PREDICTION_TIME

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

READS = (PREDICTIONS, LABELS, LANDING_FILES, SOURCE_DAYS, PROMOTIONS, PROFILES)
WRITES = (PROFILES, DRIFT, PERFORMANCE, QUALITY, VERDICTS)


@dataclass(frozen=True)
class MonitoringResult:
    """What was found: a verdict for each version that scored rows of the window, and the performance of windows.

    `nothing` says why there was nothing to monitor; it is empty where there was.
    """

    run_id: str
    window: Window
    verdicts: dict[str, WindowVerdict]
    performance: tuple[Performance, ...]
    nothing: str = ""


def run(context: JobContext, registry: CentralRegistry, *, window: Window, as_of: datetime) -> MonitoringResult:
    """Profile a window's live predictions, compare them with the baseline and the labels, and judge.

    What it says of a window is the same whenever it is run, but for what rests on labels: that is kept for each
    `as_of`. Earlier windows whose labels were too young are measured again. Of a version that is gone, or its files,
    nothing is said but how its predictions did. Where there was nothing to score in the window, as a season is over, no
    verdict is written: the window's row of `performance` says that nothing was scored.

    Args:
        context: Tables and use case.
        registry: The central registry: baselines come with the models.
        window: Prediction times; it may not reach beyond `as_of`.
        as_of: The logical now: labels known later are not read.

    Raises:
        AsOfError: The window reaches beyond `as_of`.
        EvidenceError: Nothing was scored live in the window, although there may be rows to score.
        RegistryError: No version that scored is there any more, or the registry did not answer.
        TableError: A table is missing.
    """
    with context.run("monitoring", as_of=as_of, parameters={"window": window}) as run:
        if window.end > as_of:
            raise AsOfError(f"the window {window} reaches beyond as_of {iso(as_of)}; end it there or give a later one")
        made = history(context.tables, registry.name)
        likely = champion_as_of(made, as_of)
        with ThreadPoolExecutor(max_workers=1) as beside, run.timed("measure"):
            ahead, model = None, None if likely is None else registry.load_if_there(likely.version)
            if likely is not None and model is not None:
                subject = Subject(registry.name, likely.version, window)
                ahead = beside.submit(_profile, context, run, subject, model)
            windows = [*_provisional(run, registry.name, as_of, before=window.start), window]
            found = performance(context, run, windows, model_name=registry.name, as_of=as_of, first=_first(made))
            landed = deliveries.delivered(context, run, window)
            earlier = deliveries.known_before(context, run, registry.name, window)
        if not found[-1].scored:
            return _nothing(context, run, registry.name, found, as_of)
        profiled = []
        for version in found[-1].versions:
            subject, model = Subject(registry.name, version, window), registry.load_if_there(version)
            if model is None:
                continue
            ready = ahead is not None and likely is not None and likely.version == version
            profiles = ahead.result() if ahead is not None and ready else _profile(context, run, subject, model)
            profiled.append((subject, model, profiles))
        all_there = len(profiled) == len(found[-1].versions)
        missing: tuple[Fault, ...] = ()
        if profiled and all_there:
            parts, newest = [profiles for _, _, profiles in profiled], profiled[-1][1].baseline
            missing = deliveries.missing(context, earlier, parts, newest, window)
        with run.timed("drift"):
            seen = [_look(context, one, (landed, found[-1], earlier, missing)) for one in profiled]
        run.counts["scored"] = found[-1].scored
        run.counts["versions_gone"] = len(found[-1].versions) - len(seen)
        if not seen:
            registry.load(found[-1].versions[-1])  # its error says what is gone
        with run.timed("write"):
            _write(context, run, seen, landed, found, as_of)
        return MonitoringResult(run.run_id, window, {one.subject.model_version: one.verdict for one in seen}, found)


def measure_again(context: JobContext, registry: CentralRegistry, *, as_of: datetime) -> tuple[Performance, ...]:
    """Measure the windows again whose labels were too young when they were measured last.

    Raises:
        RegistryError: The registry did not answer.
    """
    with context.run("monitoring", as_of=as_of, parameters={"window": None}) as run:
        windows = _provisional(run, registry.name, as_of, before=as_of)
        if not windows:
            return ()
        first = _first(history(context.tables, registry.name))
        found = performance(context, run, windows, model_name=registry.name, as_of=as_of, first=first)
        records.write_performance(run, registry.name, as_of, found)
        return found


@dataclass(frozen=True)
class _Seen:
    """What was found of one version."""

    subject: Subject
    baseline: Baseline
    profiles: WindowProfiles
    drifts: tuple[ColumnDrift, ...]
    faults: Faults
    verdict: WindowVerdict


_Profiled = tuple[Subject, Model, WindowProfiles]


def _first(made: Sequence[Promotion]) -> str | None:
    return made[0].version if made else None


def _nothing(
    context: JobContext, run: Run, model_name: str, found: tuple[Performance, ...], as_of: datetime
) -> MonitoringResult:
    window = found[-1].window
    because = nothing_in(context, run, window, as_of=as_of)
    if not because:
        raise EvidenceError(f"no live prediction in {window}: run `levelfive scoring` for it first")
    run.counts["scored"], run.notes["nothing"] = 0, because
    records.write_performance(run, model_name, as_of, found)
    return MonitoringResult(run.run_id, window, {}, found, because)


def _live(run: Run, model_name: str, window: Window) -> DataFrame:
    rows = run.read(PREDICTIONS).where(in_window(PREDICTION_TIME, window))
    return rows.where((F.col("role") == str(Role.CHAMPION)) & (F.col("model_name") == model_name))


def _profile(context: JobContext, run: Run, subject: Subject, model: Model) -> WindowProfiles:
    rows = _live(run, subject.model_name, subject.window).where(F.col("model_version") == subject.model_version)
    return profile_days(rows, model.baseline, context.use_case.day_starts_at)


def _look(
    context: JobContext,
    profiled: _Profiled,
    measured: tuple[Sequence[Delivered], Performance, Known, tuple[Fault, ...]],
) -> _Seen:
    (subject, model, profiles), (delivered, found, earlier, missing) = profiled, measured
    baseline, starts = model.baseline, context.use_case.day_starts_at
    today = days_of_window(profiles, baseline, subject.window, starts)
    faults = find_faults({**days_of_training(baseline), **earlier}, today)
    drifts = _drifts(context, profiles, baseline)
    trained = model.card.trained_until - model.card.trained_from
    evidence = Evidence(
        columns=drifts,
        delivery=Delivery(
            delivered=tuple(delivered),
            rows_a_day=found.scored / (subject.window.length / DAY),
            rows_a_day_at_training=model.card.training_rows / (trained / DAY),
            missing=missing,
            columns=deliveries.columns_of_sources(context, model.card.features),
        ),
        skill=_estimate(context, found),
        skill_at_training=model.card.holdout_skill,
        faults=faults,
        policy=context.use_case.monitoring,
    )
    verdict = judge_window(evidence)
    return _Seen(subject, baseline, profiles, drifts, replace(faults, columns=(*faults.columns, *missing)), verdict)


def _estimate(context: JobContext, found: Performance) -> Estimate | None:
    return None if found.evaluation is None else found.evaluation.estimates[context.use_case.model.task.skill]


def _drifts(context: JobContext, profiles: WindowProfiles, baseline: Baseline) -> tuple[ColumnDrift, ...]:
    level = context.use_case.monitoring.level
    return tuple(
        column_drift(
            column,
            Comparison(
                baseline.categorical.get(column) or baseline_of(column, baseline),
                profiling.finish(whole, column, baseline),
                daily=baseline.daily.get(column, ()),
                days=profiles.days,
                level=level,
            ),
        )
        for column, whole in sorted(profiles.whole.items())
    )


def _provisional(run: Run, model_name: str, as_of: datetime, *, before: datetime) -> list[Window]:
    """List the earlier windows that were measured last while some of their labels were too young."""
    told = records.of_model(run, PERFORMANCE, model_name, as_of)
    newest = {records.window_of(row): row["provisional"] for row in told if row["model"] == records.LIVE}
    return sorted(earlier for earlier, young in newest.items() if young and earlier.end <= before)


def _write(
    context: JobContext,
    run: Run,
    seen: Sequence[_Seen],
    delivered: Sequence[Delivered],
    found: Sequence[Performance],
    as_of: datetime,
) -> None:
    profiles: list[tuple[Subject, date | None, str, Partial, NumericProfile | CategoricalProfile]] = []
    drifts: list[tuple[Subject, ColumnDrift]] = []
    for one in seen:
        for (day, column), part in one.profiles.by_day.items():
            profiles.append((one.subject, day, column, part, profiling.finish(part, column, one.baseline)))
        for column, part in one.profiles.whole.items():
            profiles.append((one.subject, None, column, part, profiling.finish(part, column, one.baseline)))
        drifts += [(one.subject, column) for column in one.drifts]
    name, last = seen[0].subject.model_name, seen[-1].subject
    jobs = [
        partial(records.write_profiles, run, profiles, frozenset().union(*(one.faults.days for one in seen))),
        partial(records.write_drift, run, drifts, {one.subject.model_version: one.faults.seen_from for one in seen}),
        partial(records.write_quality, run, last, delivered),
        partial(records.write_performance, run, name, as_of, found),
        partial(records.write_verdicts, run, [_record(context, one, found[-1], as_of) for one in seen]),
    ]
    in_parallel(jobs)


def _interval(estimate: Estimate | None) -> tuple[float, float] | None:
    return (estimate.low, estimate.high) if estimate is not None and math.isfinite(estimate.low) else None


def _record(context: JobContext, one: _Seen, found: Performance, as_of: datetime) -> VerdictRecord:
    task = context.use_case.model.task
    estimates = {} if found.evaluation is None else found.evaluation.estimates
    offset, skill = (_interval(estimates.get(name or "")) for name in (task.offset, task.skill))
    return VerdictRecord(
        **vars(one.subject),
        as_of=as_of,
        days=0 if found.evaluation is None else found.evaluation.days,
        rows=found.mature,
        drifted_share=len(one.verdict.unusual) / max(len(one.drifts), 1),
        calibration=offset,
        skill=skill,
        outside=one.verdict.outside,
        unusual=one.verdict.unusual,
        harmful=one.verdict.harmful,
        broken=one.verdict.broken,
        left_out=one.verdict.left_out,
    )
