"""The tables that the dashboard shows, made before they have rows: to ask a table that is not there is an error."""

from __future__ import annotations

from pyspark.sql.pandas.types import from_arrow_schema

from levelfive.monitoring.alert_states import ALERTS_TABLE
from levelfive.monitoring.feature_skew import FEATURE_SKEW
from levelfive.monitoring.freshness import FRESHNESS
from levelfive.monitoring.performance_records import PERFORMANCE
from levelfive.monitoring.records import DRIFT, QUALITY
from levelfive.monitoring.slice_records import PERFORMANCE_SLICES
from levelfive.monitoring.verdict import VERDICTS
from levelfive.registry.promotions import PROMOTIONS
from levelfive.retraining.records import DECISIONS, RETRAININGS
from levelfive.storage.records import RECORDS, arrow_schema
from levelfive.storage.runs import RUNS
from levelfive.storage.tables import Tables

SHOWN_TABLES = (
    *(PROMOTIONS, ALERTS_TABLE, PERFORMANCE, PERFORMANCE_SLICES, DRIFT, QUALITY, FRESHNESS, FEATURE_SKEW, VERDICTS),
    *(DECISIONS, RETRAININGS, RUNS),
)


def make_shown_tables(tables: Tables) -> None:
    """Make those of the dashboard's tables that are not there yet, without rows.

    Raises:
        TableError: One cannot be made.
    """
    there = {*tables.names()}
    for table in SHOWN_TABLES:
        if table not in there:
            # Over Connect, an empty table of Arrow has no schema.
            rows = tables.spark.createDataFrame([], from_arrow_schema(arrow_schema(RECORDS[table])))
            tables.append(table, rows, evolve=True)
