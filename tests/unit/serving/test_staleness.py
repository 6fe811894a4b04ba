"""What the benchmark of staleness takes for an answer of a store that is behind."""

from datetime import timedelta

import numpy as np
import pytest
import served
import staleness

from levelfive.core.windows import to_micros
from levelfive.online.sqlite_store import SqliteStore
from levelfive.serving.features import FeaturePlan
from levelfive.serving.requests import RequestSchema

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("time", "behind", "wind", "delay"),
    [
        ("2013-05-01T10:03:00Z", 0 * MINUTE, 100.0, 12),
        ("2013-05-01T10:03:00Z", 5 * MINUTE, 90.0, 12),
        ("2013-05-01T10:00:00Z", 0 * MINUTE, 100.0, 12),
        ("2013-05-01T10:00:00Z", 60 * MINUTE, 80.0, None),
    ],
)
def test_an_answer_holds_what_was_known_so_long_before(
    store: SqliteStore, time: str, behind: timedelta, wind: float, delay: int | None
) -> None:
    plan = FeaturePlan(served.CARD, {table.name: table for table in served.TABLES})
    schema = RequestSchema(plan.columns)
    rows, _ = schema.read(served.body(prediction_time=time))
    times = [to_micros(rows[0][schema.names.index("prediction_time")])]

    (seen,) = staleness.answered(plan, store, staleness.Flights(rows, times, np.zeros(1)), behind)

    cells = dict(zip(plan.names, seen.cells, strict=True))
    assert (cells["wind"], cells["delay"]) == (wind, delay)
