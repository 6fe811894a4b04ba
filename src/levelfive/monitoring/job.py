"""The job of monitoring: compares what was scored with the baseline and, once labels are mature, with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import Window, iso
from levelfive.data.landed import LANDING_FILES
from levelfive.data.missing import SOURCE_DAYS
from levelfive.errors import AsOfError, EvidenceError
from levelfive.features.labels import LABELS
from levelfive.monitoring import deliveries, records
from levelfive.monitoring.again import baselines, mature_window, provisional_windows
from levelfive.monitoring.alert_states import ALERTS_TABLE
from levelfive.monitoring.alerting import update_alerts
from levelfive.monitoring.alerts import check_rules
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE
from levelfive.monitoring.consistency import CONSISTENCY
from levelfive.monitoring.destinations.destination import Destination
from levelfive.monitoring.earlier_drift import earlier_drift
from levelfive.monitoring.estimated import trust
from levelfive.monitoring.faults import Fault
from levelfive.monitoring.feature_skew import FEATURE_SKEW, compare_scored, write_skew
from levelfive.monitoring.freshness import FRESHNESS, newest_rows, write_freshness
from levelfive.monitoring.measuring import measure_performance, measure_versions
from levelfive.monitoring.nothing import nothing_in
from levelfive.monitoring.performance import CalibrationOf, Performance, performance
from levelfive.monitoring.real_time import RealTime, real_time
from levelfive.monitoring.records import DRIFT, PERFORMANCE, PROFILES, QUALITY
from levelfive.monitoring.scored_versions import profile_ahead, profile_versions
from levelfive.monitoring.segments import WORST_SEGMENTS, look_for_segments
from levelfive.monitoring.slice_drift import DRIFT_SLICES
from levelfive.monitoring.slice_records import PERFORMANCE_SLICES, write_slice_performance
from levelfive.monitoring.telling import NOTICES, tell
from levelfive.monitoring.verdict import VERDICTS, Subject, WindowVerdict
from levelfive.monitoring.versions import WindowFacts, judge_version
from levelfive.monitoring.writing import write_consistency, write_window
from levelfive.online.publications import publications
from levelfive.online.staleness import furthest_behind
from levelfive.registry.promotions import PROMOTIONS, champion_as_of, first_version, history
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.calibration import Calibration
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext, Run

READS = (
    *(PREDICTIONS, LABELS, LANDING_FILES, SOURCE_DAYS, PROMOTIONS, ANNOTATIONS),
    *(PROFILES, DRIFT, VERDICTS, WORST_SEGMENTS, ALERTS_TABLE, NOTICES, "<feature tables>"),
)
WRITES = (
    *(PROFILES, DRIFT, DRIFT_CONSECUTIVE, DRIFT_SLICES, PERFORMANCE, PERFORMANCE_SLICES, QUALITY, VERDICTS),
    *(FRESHNESS, CONSISTENCY, FEATURE_SKEW, WORST_SEGMENTS, ALERTS_TABLE, NOTICES),
)


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


def run(
    context: JobContext,
    registry: CentralRegistry,
    *,
    window: Window,
    as_of: datetime,
    destinations: Sequence[Destination] = (),
) -> MonitoringResult:
    """Profile a window's live predictions, compare them with the baseline and the labels, and judge.

    What it says of a window is the same whenever it is run, but for what rests on labels: that is kept for each
    `as_of`. Earlier windows whose labels were too young are measured again. Of a version that is gone, or its files,
    nothing is said but how its predictions did. Where there was nothing to score in the window, as a season is over, no
    verdict is written: the window's row of `performance` says that nothing was scored. Answers to single requests are
    looked at beside, and what is wrong with them is said apart.

    Args:
        context: Tables and use case.
        registry: The central registry: baselines come with the models.
        window: Prediction times; it may not reach beyond `as_of`.
        as_of: The logical now: labels known later are not read.
        destinations: Who is told of alerts that opened or closed, once all is written; they fail nothing.

    Raises:
        AsOfError: The window reaches beyond `as_of`.
        ConfigError: The use case has a rule for an alert that there is not.
        EvidenceError: Nothing was scored live in the window, although there may be rows to score.
        RegistryError: No version that scored is there any more, or the registry did not answer.
        TableError: A table is missing.
    """
    with context.run("monitoring", as_of=as_of, parameters={"window": window}) as run:
        check_rules(context.use_case.monitoring.alerts)
        if window.end > as_of:
            raise AsOfError(f"the window {window} reaches beyond as_of {iso(as_of)}; end it there or give a later one")
        name, promotions = registry.name, history(context.tables, registry.name)
        with ThreadPoolExecutor(max_workers=1) as beside, run.timed("measure"):
            ahead = profile_ahead(beside, context, run, registry, champion_as_of(promotions, as_of), window)
            before = records.last_measured(run, name, as_of, ("provisional", "scored", "mature", "metrics"))
            windows = [*provisional_windows(before, until=window.start), window]
            labelled_window = mature_window(before, window, old_until=as_of - context.use_case.maturity)
            # Measured as the others are, so that it can be judged by; what was said of it stays.
            others = [] if labelled_window is None or labelled_window in windows else [labelled_window]
            first = first_version(promotions)
            measured = performance(
                context,
                run,
                [*others, *windows],
                model_name=name,
                as_of=as_of,
                first=first,
                calibration_of=_calibrations(registry),
                baseline_of=baselines(registry),
                by_slice=True,
            )
            performances = measured[len(others) :]
            mature = next((one for one in measured if one.window == labelled_window), None)
            source_counts = deliveries.delivered(context, run, window, as_of=as_of)
            row_times = newest_rows(context, run, window, as_of=as_of)
            earlier = deliveries.known_before(context, run, name, window)
            drift_history = earlier_drift(run, name, window)
            answers = real_time(context, run, registry, windows, as_of=as_of)
        now = performances[-1]
        if not now.scored:
            write_consistency(run, Subject(name, "", window), answers)
            nothing = _nothing(context, run, name, performances, as_of, answers=answers)
            tell(context, run, name, destinations, as_of=as_of)
            return nothing
        versions = profile_versions(context, run, registry, now, ahead)
        missing: tuple[Fault, ...] = ()
        if versions and len(versions) == len(now.versions):
            profiles, newest = [one.profiles for one in versions], versions[-1].model.baseline
            missing = deliveries.missing(context, earlier, profiles, newest, window)
        with run.timed("skew"):
            skew = {
                one.subject.model_version: compare_scored(
                    context, run, one.subject, one.model.card, rows=now.scored, as_of=as_of
                )
                for one in versions
            }
        with run.timed("drift"):
            behind = furthest_behind(publications(run, window), window)
            facts = WindowFacts(
                source_counts,
                now,
                earlier,
                drift_history,
                missing,
                behind,
                answers.consistency,
                answers.log_counts,
                mature,
                row_times,
                skew,
            )
            judged_versions = [judge_version(context, one, facts) for one in versions]
        run.counts["scored"] = now.scored
        run.counts["versions_gone"] = len(now.versions) - len(judged_versions)
        if not judged_versions:
            registry.load(now.versions[-1])  # its error says what is gone
        with run.timed("segments"):
            newest_version = versions[-1]
            segments = look_for_segments(context, run, newest_version.subject, newest_version.model, as_of=as_of)
        with run.timed("write"):
            write_freshness(run, newest_version.subject, row_times)
            compared = [(one.subject, day) for one in versions for day in skew[one.subject.model_version]]
            write_skew(run, newest_version.subject, compared)
            trust_by_metric = trust(records.past_estimates(before), window, context.use_case.maturity)
            write_window(
                context, run, judged_versions, source_counts, performances, as_of, answers=answers, segments=segments
            )
            records.write_estimate(run, name, now, trust_by_metric, task=context.use_case.model.task, as_of=as_of)
        with run.timed("alerts"):
            update_alerts(context, run, judged_versions, as_of)
        measure_versions(judged_versions)
        measure_performance(performances)
        with run.timed("tell"):
            tell(context, run, name, destinations, as_of=as_of)
        verdicts = {one.subject.model_version: one.verdict for one in judged_versions}
        return MonitoringResult(run.run_id, window, verdicts, performances)


def _calibrations(registry: CentralRegistry) -> CalibrationOf:
    def calibration_of(version: str) -> Calibration | None:
        model = registry.load_if_there(version)
        return None if model is None else model.card.calibration

    return calibration_of


def _nothing(
    context: JobContext,
    run: Run,
    model_name: str,
    performances: tuple[Performance, ...],
    as_of: datetime,
    *,
    answers: RealTime,
) -> MonitoringResult:
    window = performances[-1].window
    because = nothing_in(context, run, window, as_of=as_of)
    if not because:
        raise EvidenceError(f"no live prediction in {window}: run `levelfive scoring --as-of TIME` for it first")
    run.counts["scored"], run.notes["nothing"] = 0, because
    task = context.use_case.model.task
    records.write_performance(
        run, model_name, performances, task=task, as_of=as_of, served_performances=answers.performance
    )
    write_slice_performance(run, model_name, performances, as_of=as_of)
    measure_performance(performances)
    return MonitoringResult(run.run_id, window, {}, performances, because)
