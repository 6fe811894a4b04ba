"""What is registered in one place shows up everywhere: in the table, in the report and in the docs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from in_memory.release import AS_OF, LATER, Environment
from markupsafe import Markup
from reports import a_point, a_report, a_verdict

from levelfive.core.windows import Window
from levelfive.errors import ConfigError
from levelfive.monitoring import records
from levelfive.monitoring.alerts import ALERTS, alert
from levelfive.monitoring.comparison import Comparison
from levelfive.monitoring.drift_statistics import DRIFT_STATISTICS, column_drift, drift_statistic
from levelfive.monitoring.evidence import BROKEN, Delivery, Evidence
from levelfive.monitoring.faults import Faults
from levelfive.monitoring.verdict import Subject, VerdictRecord, WindowVerdict, judge_window
from levelfive.reporting import charts, glossary
from levelfive.reporting.charts import Chart, Section, charts_of
from levelfive.reporting.collect import collect
from levelfive.reporting.data import ReportData
from levelfive.reporting.page import render
from levelfive.statistics.day_blocks import DayBlocks, Floats, Statistic
from levelfive.statistics.metrics import evaluate
from levelfive.statistics.profiles import profile_numeric
from levelfive.statistics.tasks.binary import Binary
from levelfive.statistics.tasks.task import Metric
from levelfive.storage.runs import Run
from levelfive.usecase.policies import MonitoringPolicy

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def euclidean() -> Iterator[str]:
    """Register a drift statistic, which is forgotten afterwards."""
    with patch.dict(DRIFT_STATISTICS):

        @drift_statistic("l2_distance", "Euclidean", "root of the sum of the bins' squares", limits=(0.0, 1.5))
        def l2_distance(of: Comparison[object]) -> float:
            before, now = of.shares
            return float(((before - now) ** 2).sum() ** 0.5)

        yield l2_distance.__name__


def a_row_of_verdicts(subject: Subject) -> VerdictRecord:
    measured = {"days": 0, "rows": 0, "drifted_share": 0.0, "calibration": None, "skill": None}
    nothing = WindowVerdict((), (), (), ())
    return VerdictRecord(**vars(subject), as_of=subject.window.end, **measured, **vars(nothing))


def test_a_statistic_is_in_the_table_the_report_and_the_docs_by_being_registered(
    production: Environment, euclidean: str
) -> None:
    profile = profile_numeric(np.array([1.0, 2.0, 3.0]))
    subject = Subject(production.registry.name, "1", Window(AS_OF, LATER))
    run, drift = Run(production.tables, "a run"), column_drift("temperature", Comparison(profile, profile))

    records.write_drift(run, [(subject, drift)])
    records.write_verdicts(run, [a_row_of_verdicts(subject)])

    (row,) = production.tables.control_tables.rows(records.DRIFT)
    assert row["statistics"][euclidean] == 0.0
    page = render(collect(production.context, production.registry, as_of=LATER))
    assert "Euclidean" in page
    assert "root of the sum of the bins&#39; squares" in page
    assert "| `l2_distance` | all columns | 0 | 1.5 | Euclidean: root of the sum" in glossary.drift_statistics()


@patch.dict(ALERTS)
def test_an_alert_is_in_the_verdict_the_report_and_the_docs_by_being_registered() -> None:
    @alert(BROKEN, "the moon is full")
    def moon_is_full(evidence: Evidence) -> list[str]:
        return ["the moon is <full>"]

    verdict = judge_window(Evidence((), Delivery((), 1.0, 1.0), None, None, Faults(), MonitoringPolicy()))
    page = render(a_report(verdicts=(a_verdict(broken=verdict.broken),)))

    assert verdict.broken == ("the moon is <full>",)
    assert page.count("the moon is &lt;full&gt;") == 3  # the headline, the statements and the table
    assert "| `moon_is_full` | Broken data | warning | the moon is full |" in glossary.alerts()
    with pytest.raises(ConfigError, match="there is an alert 'moon_is_full' already"):
        alert(BROKEN, "again")(moon_is_full)


def test_a_chart_is_in_its_section_by_being_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "_DRAWINGS", {section: [] for section in Section})

    @charts_of(Section.RATES)
    def rows(data: ReportData) -> list[Chart]:
        return [Chart(Markup("<svg id='rows-drawn'></svg>"), "Rows", wide=True)]

    page = render(a_report())

    rates = page[page.index('<section id="rates">') : page.index('<section id="columns">')]
    assert "<figure>" in rates
    assert "<svg id='rows-drawn'></svg>" in rates
    assert page.count("<svg") == 1


def test_a_metric_is_measured_and_in_the_report_by_being_one_of_its_task() -> None:
    def worst(labels: Floats, scores: Floats, blocks: DayBlocks) -> Statistic:
        return lambda weights: np.full(len(weights), np.abs(labels - scores).max())

    class Careful(Binary):
        metrics = (*Binary.metrics, Metric("worst_error", "Worst error", "a share", worst, lower_is_better=True))

    measured = evaluate(Careful(), np.array([0.0, 1.0]), np.array([0.25, 0.5]), np.array([1, 2]))
    page = render(a_report(task=Careful(), points=(a_point(live=measured.estimates, reference={}),)))

    assert measured.estimates["worst_error"].value == 0.5
    assert '<th scope="row">Worst error</th><td class="number">0.500' in page
    assert '<td class="text">a share, lower is better</td>' in page


@pytest.mark.parametrize("document", ["tables.md"])
def test_documents_list_what_is_registered(document: str) -> None:
    written = (DOCS / document).read_text(encoding="utf-8")

    assert glossary.with_tables(written) == written, "write it anew by `make glossary`"
    assert all(f"| `{name}` |" in written for name in (*DRIFT_STATISTICS, *ALERTS))
