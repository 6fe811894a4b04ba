"""Which rows of a raw table an insertion has to look at: those of the times that a batch's keys can have."""

from dataclasses import replace
from datetime import timedelta

import pytest

from levelfive.core.windows import Window, utc
from levelfive.data.ingest import Batch, FileCounts
from levelfive.data.raw_tables import window_of_batch
from levelfive.usecase.sources import Source

FIRST, LAST = utc(2013, 2, 1), utc(2013, 2, 28, 23)
HOUR = timedelta(hours=1)
FLIGHTS = Source("flights", {"number": "long", "at": "timestamp"}, key=("number",), event_time="at", key_within=HOUR)


def a_batch(source: Source, **counts: FileCounts) -> Batch:
    return Batch(source, (), None, None, counts)


def test_a_batch_s_keys_lie_as_far_around_its_times_as_the_source_says() -> None:
    files = {"a": FileCounts(2, 0, 2, FIRST, FIRST + HOUR), "b": FileCounts(2, 0, 2, FIRST + HOUR, LAST)}

    assert window_of_batch(a_batch(FLIGHTS, **files)) == (
        "at",
        Window(FIRST - HOUR, LAST + HOUR + timedelta.resolution),
    )


@pytest.mark.parametrize(
    "batch",
    [
        a_batch(replace(FLIGHTS, event_time=None), a=FileCounts(2, 0, 2, FIRST, LAST)),
        a_batch(replace(FLIGHTS, key_within=None), a=FileCounts(2, 0, 2, FIRST, LAST)),
        a_batch(FLIGHTS, a=FileCounts(2, 0, 2, None, None)),
    ],
    ids=["a source without dates", "a key that tells no time", "rows without dates"],
)
def test_where_the_key_tells_no_time_all_rows_are_looked_at(batch: Batch) -> None:
    assert window_of_batch(batch) is None
