"""What a window is judged by, read from the tables and the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import Window
from levelfive.monitoring import deliveries, performance_records
from levelfive.monitoring.again import baselines, mature_window, provisional_windows
from levelfive.monitoring.daily import Known
from levelfive.monitoring.drift_alarms import EarlierWindow
from levelfive.monitoring.earlier_drift import earlier_drift
from levelfive.monitoring.evidence import Delivered, Newest
from levelfive.monitoring.freshness import newest_rows
from levelfive.monitoring.performance import CalibrationOf, Performance, performance
from levelfive.monitoring.performance_records import LastMeasurements
from levelfive.monitoring.real_time import RealTime, real_time
from levelfive.monitoring.scored_versions import ScoredVersion, profile_ahead, profile_versions
from levelfive.registry.promotions import champion_as_of, first_version, history
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.calibration import Calibration
from levelfive.storage.runs import JobContext, Run


@dataclass(frozen=True)
class WindowInputs:
    """What is known of a window before it is judged.

    Args:
        performances: What the labels say of earlier windows whose labels were too young, and of the window, the last.
        mature: What they say of the last window before it whose labels are old enough; None where its own are.
        last_rows: What was said last of each window.
        versions: The versions that scored rows of it, and are still there.
        source_counts: What landed of each source.
        newest: How new the rows of the sources are at its end.
        earlier: The days before it, as earlier windows profiled them.
        drift_history: By version, what was said of the drift of the windows before it.
        answers: What is known of answers to single requests.
    """

    performances: tuple[Performance, ...]
    mature: Performance | None
    last_rows: LastMeasurements
    versions: tuple[ScoredVersion, ...]
    source_counts: tuple[Delivered, ...]
    newest: tuple[Newest, ...]
    earlier: Known
    drift_history: Mapping[str, Sequence[EarlierWindow]]
    answers: RealTime

    @property
    def now(self) -> Performance:
        """What the labels say of the window itself."""
        return self.performances[-1]


def read_inputs(
    context: JobContext, run: Run, registry: CentralRegistry, window: Window, *, as_of: datetime
) -> WindowInputs:
    """Read what a window is judged by; rows are profiled while labels are joined.

    Raises:
        RegistryError: The registry did not answer.
        TableError: A table is missing.
    """
    name, promotions = registry.name, history(context.tables, registry.name)
    with ThreadPoolExecutor(max_workers=1) as beside:
        ahead = profile_ahead(beside, context, run, registry, live=champion_as_of(promotions, as_of), window=window)
        before = performance_records.last_measured(run, name, as_of, ("provisional", "scored", "mature", "metrics"))
        windows = [*provisional_windows(before, until=window.start), window]
        labelled_window = mature_window(before, window, old_until=as_of - context.use_case.maturity)
        # Measured as the others are, so that it can be judged by; what was said of it stays.
        others = [] if labelled_window is None or labelled_window in windows else [labelled_window]
        measured = performance(
            context,
            run,
            [*others, *windows],
            model_name=name,
            as_of=as_of,
            first=first_version(promotions),
            calibration_of=_calibrations(registry),
            baseline_of=baselines(registry),
            by_slice=True,
        )
        return WindowInputs(
            performances=measured[len(others) :],
            mature=next((one for one in measured if one.window == labelled_window), None),
            last_rows=before,
            source_counts=deliveries.delivered(context, run, window, as_of=as_of),
            newest=newest_rows(context, run, window, as_of=as_of),
            earlier=deliveries.known_before(context, run, name, window),
            drift_history=earlier_drift(run, name, window),
            answers=real_time(context, run, registry, windows, as_of=as_of),
            versions=tuple(profile_versions(context, run, registry, measured[-1], ahead=ahead)),
        )


def _calibrations(registry: CentralRegistry) -> CalibrationOf:
    def calibration_of(version: str) -> Calibration | None:
        model = registry.load_if_there(version)
        return None if model is None else model.card.calibration

    return calibration_of
