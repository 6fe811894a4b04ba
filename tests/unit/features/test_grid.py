"""A windowed state on a grid counts exactly what became known within the span, at every tick."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levelfive.core.windows import utc
from levelfive.errors import ConfigError
from levelfive.features.grid import state_at
from levelfive.features.grid_spec import Flow, GridSpec, OpenIntervals, Ratio

HALF_HOUR = timedelta(minutes=30)
SPEC = GridSpec(
    keys=("key",),
    grid=HALF_HOUR,
    spans={"1h": timedelta(hours=1), "2h": timedelta(hours=2)},
    flows={"n": Flow("at"), "late": Flow("at", "minutes")},
    counts=("n",),
    ratios={"mean": Ratio("late", "n")},
    levels={"open": OpenIntervals("begin", "end", timedelta(hours=2))},
)
START = utc(2013, 1, 1, 10)


def micros(*moments: datetime | None) -> np.ndarray:
    return np.array([np.nan if m is None else m.timestamp() * 1e6 for m in moments])


def ticks(start: datetime, n: int) -> np.ndarray:
    return int(start.timestamp()) + 1800 * np.arange(n)


def state(start: datetime = START, n: int = 6, **columns: np.ndarray) -> dict[str, list[float | None]]:
    found = state_at(ticks(start, n), lambda name: columns.get(name, np.array([])), SPEC)
    assert set(found) == set(SPEC.columns)
    return {name: [None if np.isnan(v) else v for v in values.tolist()] for name, values in found.items()}


def at(hour: int, minute: int = 0) -> datetime:
    return utc(2013, 1, 1, hour, minute)


def test_an_event_counts_from_its_tick_until_the_span_is_over() -> None:
    found = state(at=micros(at(10, 10)), minutes=np.array([7.0]))

    assert found["n_1h"] == [0, 1, 1, 0, 0, 0]
    assert found["n_2h"] == [0, 1, 1, 1, 1, 0]


def test_a_ratio_is_of_what_happened_and_null_where_nothing_did() -> None:
    found = state(at=micros(at(10, 10), at(10, 40)), minutes=np.array([7.0, -2.0]))

    assert found["mean_1h"] == [None, 7.0, 2.5, -2.0, None, None]


def test_an_event_on_a_tick_is_known_at_that_tick() -> None:
    assert state(n=2, at=micros(at(10, 30)), minutes=np.zeros(1))["n_1h"] == [0, 1]


def test_what_has_not_happened_counts_nowhere() -> None:
    assert state(at=micros(None), minutes=np.array([np.nan]))["n_2h"] == [0] * 6


def test_without_any_row_there_is_a_state_at_every_tick() -> None:
    assert state()["n_1h"] == [0] * 6


def test_a_matter_is_open_from_its_begin_until_before_its_end() -> None:
    found = state(begin=micros(at(10, 5)), end=micros(at(11)))

    assert found["open"] == [0, 1, 0, 0, 0, 0]
    assert found["open_minutes_mean"] == [None, 25.0, None, None, None, None]


def test_a_matter_without_end_is_over_after_the_longest_time() -> None:
    found = state(begin=micros(at(10, 5)), end=micros(None))

    assert found["open"] == [0, 1, 1, 1, 1, 0]
    assert found["open_minutes_mean"][1:5] == [25.0, 55.0, 85.0, 115.0]


def test_a_matter_that_began_before_the_first_tick_is_still_open() -> None:
    found = state(begin=micros(at(9, 1)), end=micros(at(10, 40)))

    assert found["open"] == [1, 1, 0, 0, 0, 0]
    assert found["open_minutes_mean"][:2] == [59.0, 89.0]


def test_a_matter_that_ends_before_it_begins_never_was() -> None:
    assert state(begin=micros(at(10, 5)), end=micros(at(9)))["open"] == [0] * 6


CUTS = st.sets(st.integers(1, 11)).map(lambda places: list(pairwise([0, *sorted(places), 12])))
"""Between which of twelve ticks runs are cut."""


def in_parts(cuts: list[tuple[int, int]], **columns: np.ndarray) -> dict[str, list[float | None]]:
    parts = [state(at(6) + first * HALF_HOUR, after - first, **columns) for first, after in cuts]
    return {name: [value for part in parts for value in part[name]] for name in SPEC.columns}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(-60, 600), st.integers(-30, 300)), max_size=25), CUTS)
def test_cutting_the_time_differently_gives_the_same_state(
    matters: list[tuple[int, int, int]], cuts: list[tuple[int, int]]
) -> None:
    begin = micros(*(at(5) + timedelta(minutes=b) for b, _, _ in matters))
    columns = {
        "at": begin,
        "minutes": np.array([float(value) for _, _, value in matters]),
        "begin": begin,
        "end": begin + np.array([length * 6e7 for _, length, _ in matters]),
    }

    assert state(at(6), 12, **columns) == in_parts(cuts, **columns)


def test_a_span_that_is_no_multiple_of_the_grid_is_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of the grid"):
        GridSpec(("key",), HALF_HOUR, {"odd": timedelta(minutes=45)}, {"n": Flow("at")}, (), {}, {})


def test_a_ratio_of_an_unknown_flow_is_refused() -> None:
    with pytest.raises(ConfigError, match="no flow m"):
        GridSpec(("key",), HALF_HOUR, {"1h": HALF_HOUR}, {"n": Flow("at")}, (), {"r": Ratio("m", "n")}, {})


def sums(*values: float | int) -> list[float | int]:
    """Sum values that all become known within the last tick's span of two hours."""
    columns = {"at": micros(*[at(10, 10)] * len(values)), "minutes": np.array(values)}
    spec = replace(SPEC, counts=("late",))
    return state_at(ticks(START, 2), lambda name: columns.get(name, np.array([])), spec)["late_2h"].tolist()


def test_sums_of_whole_numbers_are_whole_and_as_large_as_a_long() -> None:
    found = sums(2**62, 2**62 - 1, 1, -1, -(2**53) - 1)

    assert (found, type(found[1])) == ([0, 2**63 - 1 - 2**53 - 1], int)


@pytest.mark.parametrize(("values", "total"), [([0.4] * 24, 9.6), ([1e8] * 24, 2.4e9), ([1e300, 0.1, -1e300], 0.1)])
def test_sums_of_fractions_are_rounded_once(values: list[float], total: float) -> None:
    assert sums(*values) == [0.0, math.fsum(values)]
    assert math.fsum(values) == pytest.approx(total)


@pytest.mark.parametrize(("values", "words"), [([2**62, 2**62], "a long holds"), ([1e308, 1e308], "a double holds")])
def test_a_sum_beyond_its_type_is_refused(values: list[float | int], words: str) -> None:
    with pytest.raises(ConfigError, match=f"'late' sums up to more than {words}: sum values of a larger unit"):
        sums(*values)


def test_infinite_values_are_refused() -> None:
    with pytest.raises(ConfigError, match="'late' sums values that are infinite"):
        sums(1.0, math.inf)


@given(st.lists(st.tuples(st.integers(0, 600), st.floats(-1e9, 1e9)), max_size=25), CUTS)
def test_sums_of_fractions_do_not_depend_on_how_the_time_is_cut(
    events: list[tuple[int, float]], cuts: list[tuple[int, int]]
) -> None:
    columns = {
        "at": micros(*(at(5) + timedelta(minutes=minute) for minute, _ in events)),
        "minutes": np.array([value for _, value in events]),
    }

    assert state(at(6), 12, **columns)["mean_2h"] == in_parts(cuts, **columns)["mean_2h"]
