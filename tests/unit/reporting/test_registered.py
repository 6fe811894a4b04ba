"""What is registered in one place shows up everywhere: in the table, in the report and in the docs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from in_memory.release import AS_OF, LATER, Environment

from levelfive.core.windows import Window
from levelfive.monitoring import records
from levelfive.monitoring.drift_statistics import DRIFT_STATISTICS, Comparison, column_drift, drift_statistic
from levelfive.reporting import glossary
from levelfive.reporting.collect import collect
from levelfive.reporting.page import render
from levelfive.statistics.baseline import profile_numeric
from levelfive.storage.runs import Run

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def total_variation(new_statistics: None) -> str:
    @drift_statistic("tv_distance", "Total variation", "half the sum of the bins' differences", limits=(0.0, 1.0))
    def tv_distance(of: Comparison[object]) -> float:
        before, now = of.shares
        return float(abs(before - now).sum() / 2)

    return tv_distance.__name__


def test_a_statistic_is_in_the_table_the_report_and_the_docs_by_being_registered(
    production: Environment, total_variation: str
) -> None:
    profile = profile_numeric(np.array([1.0, 2.0, 3.0]))
    subject = records.Subject(production.registry.name, "1", Window(AS_OF, LATER))

    drift = column_drift("temperature", Comparison(profile, profile))
    records.write_drift(Run(production.tables, "a run"), [(subject, drift)])

    (row,) = production.tables.control_tables.rows(records.DRIFT)
    assert row["statistics"][total_variation] == 0.0
    page = render(collect(production.context, production.registry, as_of=LATER))
    assert "Total variation" in page
    assert "half the sum of the bins&#39; differences" in page
    assert "| `tv_distance` | all columns | 0 | 1 | Total variation: half the sum" in glossary.drift_statistics()


@pytest.mark.parametrize("document", ["tables.md"])
def test_documents_list_what_is_registered(document: str) -> None:
    written = (DOCS / document).read_text(encoding="utf-8")

    assert glossary.with_tables(written) == written, "write it anew by `make glossary`"
    assert all(f"| `{name}` |" in written for name in DRIFT_STATISTICS)
