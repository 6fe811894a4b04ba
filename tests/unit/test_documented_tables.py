"""docs/tables.md tells of each control table the columns that its records have."""

import re
from pathlib import Path

import pytest

from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.data.listings import LISTINGS, Listing
from levelfive.data.missing import SOURCE_DAYS, SourceDay
from levelfive.deployment.records import DEPLOYMENTS, DeploymentRecord
from levelfive.features.watermarks import FEATURE_WINDOWS, WrittenWindow
from levelfive.monitoring.alert_states import ALERTS_TABLE, AlertRecord
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE, ConsecutiveDrift
from levelfive.monitoring.consistency import CONSISTENCY
from levelfive.monitoring.feature_skew import FEATURE_SKEW, SkewRecord
from levelfive.monitoring.freshness import FRESHNESS, FreshnessRecord
from levelfive.monitoring.performance_records import PERFORMANCE, PerformanceRecord
from levelfive.monitoring.records import (
    DRIFT,
    PROFILES,
    QUALITY,
    ConsistencyRecord,
    DriftRecord,
    ProfileRecord,
    QualityRecord,
)
from levelfive.monitoring.segments import WORST_SEGMENTS, SegmentRecord
from levelfive.monitoring.slice_drift import DRIFT_SLICES, SliceDrift
from levelfive.monitoring.slice_records import PERFORMANCE_SLICES, SlicePerformanceRecord
from levelfive.monitoring.telling import NOTICES, NoticeRecord
from levelfive.monitoring.verdict import VERDICTS, Subject, VerdictRecord
from levelfive.registry.promotions import PROMOTIONS, Promotion
from levelfive.retraining.records import DECISIONS, RETRAININGS, DecisionRecord, RetrainingRecord
from levelfive.scoring.rebuilding import BATCHES, AnnouncedBatch
from levelfive.storage.annotations import ANNOTATIONS, Annotation
from levelfive.storage.records import RECORDS, arrow_schema
from levelfive.storage.runs import RUNS, RunRecord
from levelfive.usecase.columns import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
DOCUMENTED: dict[str, type] = {
    ALERTS_TABLE: AlertRecord,
    ANNOTATIONS: Annotation,
    BATCHES: AnnouncedBatch,
    CONSISTENCY: ConsistencyRecord,
    DECISIONS: DecisionRecord,
    DEPLOYMENTS: DeploymentRecord,
    DRIFT: DriftRecord,
    DRIFT_CONSECUTIVE: ConsecutiveDrift,
    DRIFT_SLICES: SliceDrift,
    FEATURE_SKEW: SkewRecord,
    FEATURE_WINDOWS: WrittenWindow,
    FRESHNESS: FreshnessRecord,
    LANDING_FILES: LandedFile,
    LISTINGS: Listing,
    NOTICES: NoticeRecord,
    PERFORMANCE: PerformanceRecord,
    PERFORMANCE_SLICES: SlicePerformanceRecord,
    PROFILES: ProfileRecord,
    PROMOTIONS: Promotion,
    QUALITY: QualityRecord,
    RETRAININGS: RetrainingRecord,
    RUNS: RunRecord,
    SOURCE_DAYS: SourceDay,
    VERDICTS: VerdictRecord,
    WORST_SEGMENTS: SegmentRecord,
}


def told_columns(heading: str) -> set[str]:
    """List the columns that a section's table names in its first cells."""
    page = PAGE.read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {heading}(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    columns = re.sub(r"<!-- registered: .*?<!-- end -->", "", section, flags=re.DOTALL)  # what is in a column's map
    cells = re.findall(r"^\| ([^|]*) \|", columns, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("table", DOCUMENTED)
def test_the_page_tells_the_columns_of_a_tables_records(table: str) -> None:
    shared = told_columns("Tables of monitoring") if issubclass(DOCUMENTED[table], Subject) else set()

    assert set(arrow_schema(DOCUMENTED[table]).names) == told_columns(rf"{table} \(") | shared


def test_no_other_table_may_be_called_like_a_control_table() -> None:
    assert DOCUMENTED.keys() <= TABLES


def test_each_control_table_has_the_record_by_which_a_misspelt_column_is_refused() -> None:
    ours = {table: record for table, record in RECORDS.items() if record.__module__.startswith("levelfive.")}

    assert ours == DOCUMENTED
