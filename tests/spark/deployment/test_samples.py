"""Sample requests are rows that would be predicted now, as JSON that the service takes."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from first_champion import AS_OF, SMALL, Kept, Stage
from pyspark.sql import SparkSession

from levelfive.core.windows import Window
from levelfive.deployment.samples import as_json, sample_requests
from levelfive.errors import EvidenceError

DAY = timedelta(days=1)


def test_what_is_missing_is_told_as_null(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(AS_OF, None)], "prediction_time timestamp, store string")

    (told,) = as_json(rows, columns=("store",)).collect()

    assert told["request"] == '{"store":null}'


def test_the_newest_rows_of_a_window_are_requests(kept_of: Callable[[str], Kept], tmp_path: Path) -> None:
    context = kept_of(SMALL).copy(Stage.INGESTED, tmp_path / "home", "samples").context

    some = [json.loads(one) for one in sample_requests(context, Window(AS_OF - DAY, AS_OF), as_of=AS_OF, rows=3)]
    every = [json.loads(one) for one in sample_requests(context, Window(AS_OF - DAY, AS_OF), as_of=AS_OF, rows=99)]

    assert some == every[:3]
    assert len(every) > 20
    model = context.use_case.model
    keys = {column for lookup in model.lookups for column in lookup.keys.values()}
    assert set(every[0]) == {"prediction_time", *context.use_case.key, *model.spine_features, *keys}
    times = [datetime.fromisoformat(one["prediction_time"]) for one in every]
    assert times == sorted(times, reverse=True)
    assert all(AS_OF - DAY <= time < AS_OF for time in times)
    with pytest.raises(EvidenceError, match="give --requests"):
        sample_requests(context, Window(AS_OF + 10 * DAY, AS_OF + 11 * DAY), as_of=AS_OF, rows=3)
