"""Counts by slice: the same as pandas counts, of the largest slices, with missing values in none."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd

from levelfive.statistics.segments import SegmentColumn
from levelfive.statistics.sliced_counts import MAX_SLICES, Slice, SlicedCounts, by_slice, largest_slices

WIND = SegmentColumn("wind", edges=(0.0, 5.0))
CARRIER = SegmentColumn("carrier", categories=("UA", "B6"))
ROWS = 900


def drawn(seed: int = 1) -> tuple[pd.DataFrame, dict[str, pd.Series], np.ndarray]:
    random = np.random.default_rng(seed)
    values = pd.DataFrame(
        {
            "wind": random.choice([-0.0, 0.0, -2.0, 5.0, 7.0, np.nan, np.inf], size=ROWS),
            "carrier": random.choice(np.array(["UA", "B6", "AA", None], dtype=object), size=ROWS),
        }
    )
    keys = {
        "origin": pd.Series(random.choice(np.array(["JFK", "EWR", None], dtype=object), size=ROWS)),
        "gate-no": pd.Series(random.choice(np.array(["7", "12"], dtype=object), size=ROWS)),
    }
    return values, keys, 15_712 + np.sort(random.integers(5, size=ROWS))


def test_values_are_counted_by_slice_day_and_group_as_pandas_counts_them() -> None:
    values, keys, days = drawn()

    slice_counts = SlicedCounts.of((WIND, CARRIER), values, keys, days, least_rows=1)

    assert slice_counts.slices == (
        Slice("gate-no", "12"), Slice("gate-no", "7"), Slice("origin", "EWR"), Slice("origin", "JFK")
    )  # fmt: skip
    assert slice_counts.counts.shape == (4, 5, 3 + 3)
    for place, one in enumerate(slice_counts.slices):
        for column in (WIND, CARRIER):
            groups = column.groups_of(values[column.name])
            inside = (keys[one.key] == one.value).to_numpy() & (groups < column.groups - 1)
            expected = pd.crosstab(days[inside], groups[inside]).reindex(
                index=range(15_712, 15_717), columns=range(column.groups - 1), fill_value=0
            )
            counts = slice_counts.counts[place][:, slice_counts.counter.place(column.name)]
            assert counts.tolist() == expected.to_numpy().tolist()


def test_rows_in_two_batches_are_counted_as_in_one() -> None:
    values, keys, days = drawn()
    counter, half = SlicedCounts.of((WIND, CARRIER), values, keys, days, least_rows=1).counter, ROWS // 2

    parts = [
        counter.count(values[rows], {key: of[rows] for key, of in keys.items()}, np.zeros(half, np.intp), 1)[0]
        for rows in (slice(None, half), slice(half, None))
    ]

    whole = counter.count(values, keys, np.zeros(ROWS, np.intp), 1)[0]
    assert by_slice(parts, counter).tolist() == whole.tolist()
    assert by_slice([], counter).tolist() == np.zeros_like(whole).tolist()


def test_slices_are_those_of_most_rows_and_a_column_of_one_value_has_none() -> None:
    several = pd.Series([str(place) for place in range(30) for _ in range(100 - place)])
    alone = pd.Series(["x"] * several.size)

    found = largest_slices({"tail": several, "only": alone}, least_rows=85)

    assert found == tuple(sorted(Slice("tail", str(place)) for place in range(16)))
    assert len(largest_slices({"tail": several}, least_rows=0)) == MAX_SLICES


def test_without_slices_nothing_is_counted_and_nothing_breaks() -> None:
    values, _, days = drawn()

    slice_counts = SlicedCounts.of((WIND, CARRIER), values, {}, days, least_rows=1)

    assert (slice_counts.slices, slice_counts.counts.shape[0]) == ((), 0)
    assert slice_counts.counter.place("temp") is None


def test_counts_survive_json() -> None:
    values, keys, days = drawn()
    slice_counts = SlicedCounts.of((WIND, CARRIER), values, keys, days, least_rows=1)

    assert SlicedCounts.from_record(json.loads(json.dumps(asdict(slice_counts)))) == slice_counts
