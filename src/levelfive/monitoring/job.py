"""The job of monitoring: compares what was scored with the baseline and, once labels are mature, with the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.parallel import both
from levelfive.core.windows import Window, iso
from levelfive.data.landed import LANDING_FILES
from levelfive.data.missing import SOURCE_DAYS
from levelfive.errors import AsOfError, EvidenceError
from levelfive.features.labels import LABELS
from levelfive.monitoring import deliveries
from levelfive.monitoring.alert_states import ALERTS_TABLE
from levelfive.monitoring.alerting import update_alerts
from levelfive.monitoring.alerts import check_rules
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE
from levelfive.monitoring.consistency import CONSISTENCY, FeatureDay
from levelfive.monitoring.destinations.destination import Destination
from levelfive.monitoring.faults import Fault
from levelfive.monitoring.feature_skew import FEATURE_SKEW, compare_scored
from levelfive.monitoring.freshness import FRESHNESS
from levelfive.monitoring.inputs import WindowInputs, read_inputs
from levelfive.monitoring.measuring import measure_performance, measure_versions
from levelfive.monitoring.nothing import nothing_in
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.performance_records import PERFORMANCE
from levelfive.monitoring.records import DRIFT, PROFILES, QUALITY
from levelfive.monitoring.scored_versions import ScoredVersion
from levelfive.monitoring.segments import WORST_SEGMENTS, SegmentRecord, look_for_segments
from levelfive.monitoring.slice_drift import DRIFT_SLICES
from levelfive.monitoring.slice_records import PERFORMANCE_SLICES, write_slice_performance
from levelfive.monitoring.telling import NOTICES, tell
from levelfive.monitoring.verdict import VERDICTS, Subject, WindowVerdict
from levelfive.monitoring.versions import WindowFacts, judge_version
from levelfive.monitoring.writing import WindowFound, write_consistency, write_measurements, write_window
from levelfive.online.publications import publications
from levelfive.online.staleness import furthest_behind
from levelfive.registry.promotions import PROMOTIONS
from levelfive.registry.store import CentralRegistry
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
        with run.timed("measure"):
            inputs = read_inputs(context, run, registry, window, as_of=as_of)
        if inputs.now.scored:
            result = _something(context, run, registry, inputs, as_of=as_of)
        else:
            result = _nothing(context, run, registry, inputs, as_of=as_of)
        measure_performance(inputs.performances)
        with run.timed("tell"):
            tell(context, run, registry.name, destinations, as_of=as_of)
        return result


def _something(
    context: JobContext, run: Run, registry: CentralRegistry, inputs: WindowInputs, *, as_of: datetime
) -> MonitoringResult:
    """Judge a window in which rows were scored, and write what is said of it."""
    versions, now = inputs.versions, inputs.now
    run.counts["scored"] = now.scored
    run.counts["versions_gone"] = len(now.versions) - len(versions)
    if not versions:
        registry.load(now.versions[-1])  # its error says what is gone
    skew, segments = _look_again(context, run, inputs, as_of)
    with run.timed("drift"):
        facts = _facts(context, run, inputs, skew)
        judged_versions = [judge_version(context, one, facts) for one in versions]
    with run.timed("write"):
        write_window(context, run, WindowFound(judged_versions, inputs, skew, segments), as_of=as_of)
    with run.timed("alerts"):
        update_alerts(context, run, judged_versions, as_of)
    measure_versions(judged_versions)
    verdicts = {one.subject.model_version: one.verdict for one in judged_versions}
    return MonitoringResult(run.run_id, now.window, verdicts, inputs.performances)


def _look_again(
    context: JobContext, run: Run, inputs: WindowInputs, as_of: datetime
) -> tuple[Mapping[str, tuple[FeatureDay, ...]], tuple[SegmentRecord, ...]]:
    """Look at scored rows again, side by side: at their features by version, and at the newest version's segments."""

    def skew() -> Mapping[str, tuple[FeatureDay, ...]]:
        return {one.subject.model_version: skew_of(one) for one in inputs.versions}

    def skew_of(one: ScoredVersion) -> tuple[FeatureDay, ...]:
        with run.timed("skew"):
            rows = inputs.now.scored
            return compare_scored(context, run, one.subject, one.model.card, rows=rows, as_of=as_of)

    def segments() -> tuple[SegmentRecord, ...]:
        newest = inputs.versions[-1]
        with run.timed("segments"):
            return look_for_segments(context, run, newest.subject, newest.model, as_of=as_of)

    return both(skew, segments)


def _facts(
    context: JobContext, run: Run, inputs: WindowInputs, skew: Mapping[str, Sequence[FeatureDay]]
) -> WindowFacts:
    now, versions = inputs.now, inputs.versions
    missing: tuple[Fault, ...] = ()
    if len(versions) == len(now.versions):
        profiles, newest = [one.profiles for one in versions], versions[-1].model.baseline
        missing = deliveries.missing(context, inputs.earlier, profiles, newest, window=now.window)
    return WindowFacts(
        source_counts=inputs.source_counts,
        performance=now,
        earlier=inputs.earlier,
        drift_history=inputs.drift_history,
        missing=missing,
        online=furthest_behind(publications(run, now.window), now.window),
        consistency=inputs.answers.consistency,
        log_counts=inputs.answers.log_counts,
        mature=inputs.mature,
        newest=inputs.newest,
        skew=skew,
    )


def _nothing(
    context: JobContext, run: Run, registry: CentralRegistry, inputs: WindowInputs, *, as_of: datetime
) -> MonitoringResult:
    """Say why nothing was scored in a window, and write down that it was not."""
    window, name = inputs.now.window, registry.name
    write_consistency(run, Subject(name, "", window), inputs.answers)
    because = nothing_in(context, run, window, as_of=as_of)
    if not because:
        raise EvidenceError(f"no live prediction in {window}: run `levelfive scoring --as-of TIME` for it first")
    run.counts["scored"], run.notes["nothing"] = 0, because
    write_measurements(context, run, name, inputs, as_of=as_of)
    write_slice_performance(run, name, inputs.performances, as_of=as_of)
    return MonitoringResult(run.run_id, window, {}, inputs.performances, because)
