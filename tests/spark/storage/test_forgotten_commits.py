"""What was written stays known when Delta has cleaned up the commits that wrote it, as it does after a month."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from deltalake import DeltaTable
from in_memory.release import a_context
from pyspark.sql import DataFrame

from levelfive.core.windows import Window, iso, utc
from levelfive.features.store import LocalFeatureStore
from levelfive.features.watermarks import common_watermark, watermark
from levelfive.scoring.rebuilding import note_batch, rebuild_runs
from levelfive.storage.local_tables import LocalTables
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import RUNS, Run
from levelfive.storage.tables import Tables
from levelfive.usecase.columns import PREDICTION_TIME
from levelfive.usecase.features import FeatureTable

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BEGIN = utc(2013, 1, 1)
STATE = FeatureTable("state", ("place",), (), lambda raw, window: raw["none"])
# Two windows of long ago, and the last one.
FIRST, SECOND, LAST = (Window(BEGIN + day * DAY, BEGIN + (day + 1) * DAY) for day in (0, 1, 60))


def states(tables: Tables, window: Window) -> DataFrame:
    return tables.spark.createDataFrame([("X", window.start + HOUR, 1)], "place string, known_at timestamp, value int")


def predictions(tables: Tables, window: Window, batch: str) -> DataFrame:
    row = (window.start.day, window.start + HOUR, batch, window.end)
    columns = f"id int, {PREDICTION_TIME} timestamp, batch_id string, scored_as_of timestamp"
    return tables.spark.createDataFrame([row], columns)


def forget(warehouse: Path, tables: Tables, table: str) -> Tables:
    """Let Delta write a checkpoint and clean up the commits before it, and open the tables as another run does."""
    folder = warehouse / f"{tables.schema}.db" / table
    DeltaTable(folder).create_checkpoint()
    for commit in sorted((folder / "_delta_log").glob("[0-9]*.json"))[:-1]:
        commit.unlink()
    return LocalTables(tables.spark, schema=tables.schema, warehouse=warehouse)


def test_a_feature_table_tells_its_windows_and_takes_one_of_long_ago_once(tables: Tables, warehouse: Path) -> None:
    store = LocalFeatureStore(tables)
    for window in (FIRST, SECOND, LAST):
        store.put(STATE, states(tables, window), window, made_of={})

    later = forget(warehouse, tables, "state")
    store = LocalFeatureStore(later)

    ends = [watermark(later, "state", before=before) for before in (FIRST.end, SECOND.end, LAST.end, LAST.end + DAY)]
    assert ends == [None, FIRST.end, SECOND.end, LAST.end]
    assert common_watermark(later, ["state"], until=LAST.end) == LAST.end
    store.put(STATE, states(later, SECOND), SECOND, made_of={})
    assert later.read("state").count() == 3


def test_a_batch_of_long_ago_is_written_once_and_the_run_of_its_kill_is_found(tables: Tables, warehouse: Path) -> None:
    for batch, window in (("killed", FIRST), ("done", SECOND), ("last", LAST)):
        record = {"run_id": f"run of {batch}", "batch_id": batch, "use_case": "flights", "as_of": iso(window.end)}
        record |= {"role": "champion", "model_version": "2", "parameters": {}, "versions_read": {"raw_flights": 3}}
        if batch != "last":
            note_batch(Run(tables, f"run of {batch}"), record, window)
        rows = predictions(tables, window, batch)
        tables.insert_new(PREDICTIONS, rows, ("id",), within=(PREDICTION_TIME, window), record=record)
    context = a_context(tables)
    assert rebuild_runs(context, "done") == 1

    later = forget(warehouse, tables, PREDICTIONS)
    context = a_context(later)

    assert [rebuild_runs(context, batch) for batch in ("killed", "killed", "done", "never")] == [1, 0, 0, 0]
    (run,) = later.control_tables.rows(RUNS, where={"run_id": "run of killed"})
    assert (run["as_of"], run["versions_read"], run["rebuilt"]) == (FIRST.end, {"raw_flights": 3}, True)
    again = later.insert_new(PREDICTIONS, predictions(later, FIRST, "killed"), ("id",), within=(PREDICTION_TIME, FIRST))
    assert (again.rows, later.read(PREDICTIONS).count()) == (0, 3)
