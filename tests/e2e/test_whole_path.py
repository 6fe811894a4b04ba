"""From landing files to predictions: every count adds up, and nothing happens twice."""

import hashlib
import random
from datetime import timedelta
from pathlib import Path

import pandas as pd
from first_champion import on_flights
from mlflow.models import Model
from pyspark.sql import functions as F

from levelfive.app import App
from levelfive.core.conditions import in_window
from levelfive.core.windows import Window, utc
from levelfive.data import job as data
from levelfive.models.card import ModelCard
from levelfive.models.package import CARD, smoke_check
from levelfive.scoring import job as scoring
from levelfive.scoring.rebuilding import rebuild_runs
from levelfive.statistics.baseline import Baseline
from levelfive.storage.predictions import PREDICTIONS, Role
from levelfive.storage.runs import RUNS

AS_OF = utc(2013, 2, 15, 6)
LATER = utc(2013, 2, 18, 6)
DAY = Window(utc(2013, 2, 15, 6), utc(2013, 2, 16, 6))


def predictions(app: App, columns: tuple[str, ...] = ("score",), *, role: Role = Role.CHAMPION) -> pd.DataFrame:
    key = list(app.use_case.key)
    rows = app.tables.read(PREDICTIONS).where(F.col("role") == str(role)).select(*key, *columns).toPandas()
    return rows.sort_values(key, ignore_index=True)


def test_rows_in_are_accepted_quarantined_or_duplicates(loop) -> None:
    files = loop.app.tables.read(data.LANDING_FILES).toPandas()

    assert (files.rows_in == files.accepted + files.quarantined + files.duplicates).all()
    source = loop.app.use_case.spine_sources[0]
    assert loop.app.tables.read(f"raw_{source}").count() == files[files.source == source].accepted.sum() > 1000
    assert loop.app.tables.read(data.QUARANTINE).count() == files.quarantined.sum() > 0


def test_ingesting_again_finds_nothing_new(loop) -> None:
    result = data.run(loop.app.context, landing=loop.app.landing, as_of=LATER)

    assert result.files == ()


def test_the_model_comes_back_from_the_registry_as_it_was_trained(loop, tmp_path: Path) -> None:
    package = loop.app.registry.download(loop.trained.version, tmp_path)

    smoke_check(package)

    described = Model.load(str(package))
    assert described.signature is not None
    assert len(described.signature.inputs.inputs) == len(loop.app.use_case.model.features)
    assert described.saved_input_example_info is not None
    tags = loop.app.registry.find(loop.trained.version).tags
    assert loop.trained.candidate_version == tags["levelfive_refit_of"]
    assert loop.trained.version == loop.app.registry.find(loop.trained.candidate_version).tags["levelfive_refitted_as"]
    card = ModelCard.from_json((package / CARD).read_text())
    scores = Baseline.from_json(card.baseline).scores["(score)"]
    assert card.score_baseline.startswith("out of fold: the holdout, and blocks of weeks before it (2)")
    assert scores.count == card.training_rows


def test_the_training_set_is_kept_with_its_hash(loop) -> None:
    client = loop.app.tracking._client
    run = client.get_run(loop.trained.tracking_run_id)
    path = client.download_artifacts(run.info.run_id, "training_set/training_set.parquet")

    assert run.data.tags["training_set.sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    use_case = loop.app.use_case
    read = {f"raw_{use_case.spine_sources[0]}", "labels", *(lookup.table for lookup in use_case.model.lookups)}
    assert read <= {entry.dataset.name for entry in run.inputs.dataset_inputs}


def test_scoring_twice_and_in_other_windows_gives_the_same_rows(loop) -> None:
    """Two windows are scored."""
    app = loop.app
    whole = scoring.run(app.context, app.registry, window=DAY, as_of=LATER)
    once = inside(predictions(app, ("prediction_time", "score", "batch_id")), DAY)

    again = scoring.run(app.context, app.registry, window=DAY, as_of=LATER)

    assert (len(once), 0) == (whole.rows, again.rows)
    assert whole.batch_id == again.batch_id
    twice = inside(predictions(app, ("prediction_time", "score", "batch_id")), DAY)
    pd.testing.assert_frame_equal(once, twice, check_exact=True)


def test_a_window_equals_its_parts_row_by_row(loop) -> None:
    """Four windows are scored."""
    app = loop.app
    whole = Window(utc(2013, 2, 16, 7), utc(2013, 2, 17, 4))
    for part in whole.split(timedelta(hours=7)):
        scoring.run(app.context, app.registry, window=part, as_of=LATER)
    by_parts = inside(predictions(app, ("prediction_time", "score", "features")), whole)
    kept = app.tables.read(PREDICTIONS).where(~in_window("prediction_time", whole))
    app.tables.overwrite(PREDICTIONS, kept)

    scoring.run(app.context, app.registry, window=whole, as_of=LATER)

    at_once = inside(predictions(app, ("prediction_time", "score", "features")), whole)
    assert len(at_once) > 20
    pd.testing.assert_frame_equal(by_parts, at_once, check_exact=True)


@on_flights
def test_a_month_in_one_window_equals_hours_from_all_over_it_row_by_row(loop) -> None:
    """A month and eight hours are scored."""
    app, month = loop.app, Window(utc(2013, 1, 15, 6), AS_OF)
    hours = some_hours(month)
    for hour in hours:
        # Before there is a champion, its version scores as backfill: apart from the month's rows, and each hour as of
        # its own end.
        scored = scoring.run(app.context, app.registry, window=hour, as_of=hour.end, version=loop.trained.version)
        assert (scored.role, scored.rows > 0) == (Role.BACKFILL, True), hour

    scoring.run(app.context, app.registry, window=month, as_of=LATER)

    columns = ("prediction_time", "score", "slices", "features")
    by_hours = predictions(app, columns, role=Role.BACKFILL)
    at_once = predictions(app, columns)
    same_hours = pd.concat([inside(at_once, hour) for hour in hours]).sort_values(loop.key, ignore_index=True)
    assert {"23", "00"} <= {f"{hour.start:%H}" for hour in hours}
    assert len(same_hours) * 20 < len(inside(at_once, month))
    pd.testing.assert_frame_equal(by_hours, same_hours, check_exact=True)


def some_hours(month: Window) -> list[Window]:
    """Draw hours in which flights are predicted: six from parts of the month, and the two around a midnight."""
    draw = random.Random(8)
    days = [month.start + timedelta(days=day) for day in range(month.length.days)]
    # From 09:00 to 24:00 UTC; the first day starts at 06:00.
    starts = [draw.choice(days[part : part + 5]) + timedelta(hours=draw.randint(3, 16)) for part in range(0, 30, 5)]
    evening = draw.choice([day for day in days if all(day.date() != start.date() for start in starts)])
    starts += [evening + timedelta(hours=hours) for hours in (17, 18)]
    return [Window(start, start + timedelta(hours=1)) for start in sorted(starts)]


def inside(rows: pd.DataFrame, window: Window) -> pd.DataFrame:
    start, end = (pd.Timestamp(edge).tz_localize(None) for edge in (window.start, window.end))
    return rows[(rows.prediction_time >= start) & (rows.prediction_time < end)].reset_index(drop=True)


def test_the_run_of_a_batch_is_rebuilt_from_its_commit(loop) -> None:
    app = loop.app
    result = scoring.run(app.context, app.registry, window=Window(DAY.end, DAY.end + timedelta(hours=12)), as_of=LATER)
    runs = app.tables.read(RUNS).where(F.col("run_id") != result.run_id)
    app.tables.overwrite(RUNS, runs)

    assert rebuild_runs(app.context, result.batch_id) == 1

    row = app.tables.read(RUNS).where(F.col("run_id") == result.run_id).collect()[0]
    assert (row["stage"], row["status"], row["rebuilt"]) == ("scoring", "succeeded", True)
    assert rebuild_runs(app.context, result.batch_id) == 0
