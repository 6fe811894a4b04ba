"""What a training refuses of the labels that it is given."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from in_memory.release import a_use_case

from levelfive.core.windows import Window, utc
from levelfive.errors import DataError
from levelfive.features.labels import LABELS, LabelledDay, labelled_days
from levelfive.features.store import LocalFeatureStore
from levelfive.storage.runs import JobContext, Run
from levelfive.storage.tables import Tables
from levelfive.training.dataset import Wanted, training_rows

NOON = utc(2024, 1, 1, 12)
DAY = Window(utc(2024, 1, 1), utc(2024, 1, 2))
SCHEMA = "id string, prediction_time timestamp, label double, outcome string, known_at timestamp"


@pytest.mark.parametrize(
    ("label", "words"),
    [(2.0, "must be 0 or 1 for a binary task, got 2.0"), (None, "1 labelled rows have no label")],
    ids=["another class", "nothing"],
)
def test_a_label_that_is_none_of_the_task_ends_the_training_before_a_feature_is_read(
    tables: Tables, label: float | None, words: str
) -> None:
    known_at = NOON + timedelta(hours=1)
    rows = [("a", NOON, 1.0, "labelled", known_at), ("b", NOON, label, "labelled", known_at)]
    tables.append(LABELS, tables.spark.createDataFrame(rows, SCHEMA))
    context = JobContext(tables, replace(a_use_case(), key=("id",)), LocalFeatureStore(tables))
    wanted = Wanted(features=("distance",), lookups=(), model_name="levelfive.local.flight_delay")

    with pytest.raises(DataError, match=r"Nothing was trained\.$") as refused:
        training_rows(context, Run(tables, "a-run"), wanted, DAY, as_of=DAY.end)

    assert words in str(refused.value)


def test_labels_are_counted_by_the_use_case_s_day_if_they_are_known_old_enough_and_not_left_out(tables: Tables) -> None:
    use_case = replace(a_use_case(), key=("id",), day_starts_at=timedelta(hours=6), maturity=timedelta(hours=12))
    hours = {"a": 5, "b": 6, "c": 20, "d": 31, "left out": 50, "young": 60, "unknown": 10, "cancelled": 10}
    rows = [
        (name, at := DAY.start + timedelta(hours=hour), 1.0, outcome, at + timedelta(hours=1))
        for name, hour in hours.items()
        for outcome in ("cancelled" if name == "cancelled" else "labelled",)
    ]
    rows = [(*row[:4], utc(2024, 2, 1)) if row[0] == "unknown" else row for row in rows]
    tables.append(LABELS, tables.spark.createDataFrame(rows, SCHEMA))
    context = JobContext(tables, use_case, LocalFeatureStore(tables))
    out = Window(DAY.start + timedelta(hours=48), DAY.start + timedelta(hours=54))

    days = labelled_days(
        context, Run(tables, "a-run"), utc(2024, 1, 4), exclusions=(out,), since=DAY.start + timedelta(hours=20)
    )

    assert days == (
        LabelledDay(date(2023, 12, 31), 1, utc(2024, 1, 1, 5), 0),
        LabelledDay(date(2024, 1, 1), 2, utc(2024, 1, 1, 6), 1),
        LabelledDay(date(2024, 1, 2), 1, utc(2024, 1, 2, 7), 1),
    )
