"""What monitoring found is measured: columns by their PSI, statements by their number, metrics of known labels."""

from dataclasses import replace

import pytest
from in_memory.release import AS_OF, LATER, a_context, a_model
from in_memory.tables import MemoryTables
from recorded import Kept

from levelfive.core.windows import Window
from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.measuring import measure_performance, measure_versions
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.profiling import WindowProfiles
from levelfive.monitoring.scored_versions import ScoredVersion
from levelfive.monitoring.verdict import Subject
from levelfive.monitoring.versions import JudgedVersion, WindowFacts, judge_version
from levelfive.statistics.metrics import Estimate, Evaluation
from levelfive.statistics.partials import partial_numeric

WINDOW = Window(AS_OF, LATER)
OF_WINDOW = {"window_start": "2013-02-15T06:00:00Z", "window_end": "2013-02-18T06:00:00Z"}


def measured(estimates: dict[str, float] | None) -> Performance:
    known = {name: Estimate(value, value, value, days=3, rows=400) for name, value in (estimates or {}).items()}
    evaluation = None if estimates is None else Evaluation(known, 400, 3, 0.5, 0.5)
    return Performance(WINDOW, ("7", "8"), 432, 420, 400, estimates is None, {}, 0.5, evaluation, None)


@pytest.fixture(scope="module")
def judged() -> JudgedVersion:
    """A version that scored one distance only."""
    model = a_model(AS_OF)
    parts = {(AS_OF.date(), "distance"): partial_numeric([0.5] * 432, model.baseline.numeric["distance"].histogram)}
    scored = ScoredVersion(Subject("m", "7", WINDOW), model, WindowProfiles(parts))
    return judge_version(a_context(MemoryTables()), scored, WindowFacts((), measured(None), {}))


def test_each_column_of_a_version_is_measured_by_its_psi(recorded: Kept, judged: JudgedVersion) -> None:
    measure_versions([judged])

    (drift,) = (one for one in recorded.measurements if one.metric.name == "levelfive.drift")
    (column,) = judged.drifts
    assert drift.value == column.statistics[PSI]
    assert drift.fields == {
        "model_version": "7",
        "column": "distance",
        "statistic": "population_stability_index",
        "unusual": column.unusual,
        **OF_WINDOW,
    }


def test_statements_are_counted_by_kind_also_where_nothing_is_said(recorded: Kept, judged: JudgedVersion) -> None:
    verdict = replace(judged.verdict, harmful=("it ranks worse", "it is not calibrated"))

    measure_versions([replace(judged, verdict=verdict)])

    found = {one.fields["statement"]: one.value for one in recorded.measurements if "statement" in one.fields}
    assert found == {"outside": 0, "unusual": 0, "harmful": 2, "broken": 0}


def test_metrics_are_measured_by_window_where_labels_are_known(recorded: Kept) -> None:
    measure_performance([measured(None), measured({"auc": 0.7, "skill": float("nan")})])

    (auc,) = recorded.measurements
    assert (auc.metric.name, auc.value) == ("levelfive.performance", 0.7)
    assert auc.fields == {"model_version": "7, 8", "provisional": False, "metric": "auc", **OF_WINDOW}
