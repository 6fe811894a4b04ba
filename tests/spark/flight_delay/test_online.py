"""Each flight's features in an online store, published once a day, are those of the batch join, to the last bit."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from in_memory.registry import MemoryBackend
from online_features import batch_features, differences, online_features
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flight_delay import USE_CASE
from flight_delay.sources import FLIGHT_KEY
from levelfive.core.windows import Window, utc
from levelfive.data.known import as_known
from levelfive.features.store import LocalFeatureStore
from levelfive.online import job
from levelfive.online.opening import open_store, url_of
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables
from levelfive.usecase.calls import feature_rows, spine_of

DAY = timedelta(days=1)
DAYS = 2
FIRST = utc(2013, 1, 1, 6)


def compute(context: JobContext, raw: Mapping[str, DataFrame], window: Window) -> None:
    """Compute the feature tables of a window, as known at its end."""
    known = {source.name: as_known(raw[source.name], source, window.end) for source in USE_CASE.sources}
    for table in USE_CASE.feature_tables:
        context.features.put(table, feature_rows(table, known, window), window, made_of={})


@pytest.mark.nightly
def test_each_flight_finds_what_the_batch_join_finds(
    january: dict[str, DataFrame], tables: Tables, tmp_path: Path
) -> None:
    """Seven feature tables of each of two days, computed, published, and looked up for each flight of the day.

    Flights of a month are asked for over HTTP, in `tests/e2e/test_serving.py`.
    """
    context = JobContext(tables, USE_CASE, LocalFeatureStore(tables))
    registry, store = MemoryBackend().opened("levelfive.local.flight_delay"), open_store(url_of(tmp_path / "online.db"))
    model, key, compared = USE_CASE.model, "__key", 0
    looked_up = {name for lookup in model.lookups for name in lookup.features}
    categorical = [name for name in model.categorical if name in looked_up]

    for window in Window(FIRST, FIRST + DAYS * DAY).split(DAY):
        compute(context, january, window)
        job.run(context, registry, store, as_of=window.end)
        spine = spine_of(USE_CASE, january, window, features=model.spine_features, lookups=model.lookups)
        spine = spine.sparkSession.createDataFrame(spine.withColumn(key, F.concat_ws("|", *FLIGHT_KEY)).toArrow())
        batch = context.features.assemble(spine, model.lookups, context.tables.read, window)
        ours = batch_features(batch, model.lookups, categorical, key)
        theirs = online_features(store, spine, model.lookups, categorical, key)
        assert differences(ours, theirs) == []
        compared += ours.size

    print(f"{compared:,} features of {DAYS} days: no bit differs")
    assert compared > 700 * DAYS * len(looked_up)
    store.close()
