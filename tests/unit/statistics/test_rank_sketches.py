"""Quantiles of profiles: of the right rank in whatever batches, days and distributions the rows come."""

import numpy as np
import pytest

from levelfive.statistics.partials import Groups, merge, partial_numeric, partials_of_groups
from levelfive.statistics.profiles import QUANTILES, finish_numeric, profile_numeric
from levelfive.statistics.rank_sketches import SIZE, RankSketch

RANK_ERROR = 0.002
DAYS, BATCHES, ROWS = 12, 5, 9_000


def pareto(random, rows):
    return (1 - random.random(rows)) ** (-1 / 0.7)


def zero_inflated(random, rows):
    return np.where(random.random(rows) < 0.93, 0.0, random.lognormal(0, 2, rows))


def wild(random, rows):
    values = random.normal(size=rows)
    values[random.random(rows) < 0.03] = np.inf
    values[random.random(rows) < 0.03] = -np.inf
    values[random.random(rows) < 0.002] *= 1e100
    return values


DRAWS = {
    "normal": lambda random, rows: random.normal(size=rows),
    "lognormal": lambda random, rows: random.lognormal(0, 2, rows),
    "Pareto": pareto,
    "zero-inflated": zero_inflated,
    "integers": lambda random, rows: random.poisson(3, rows).astype(float),
    "great integers": lambda random, rows: random.poisson(1e6, rows).astype(float),
    "constant": lambda random, rows: np.full(rows, 7.5),
    "infinite and wild": wild,
}
MOVES = {"same": lambda x: x, "far away": lambda x: x / 50 + 1000, "mirrored": lambda x: -3 * x}
each_distribution = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
each_move = pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())


def rank_error(values, quantile, level):
    """Tell how far a level lies from the shares of values below, and up to, a quantile: ties are an interval."""
    below, up_to = np.mean(values < quantile), np.mean(values <= quantile)
    return max(below - level, level - up_to, 0.0)


def by_day(values, histogram):
    """Summarise rows as they come: batches that hold rows of several days, put together by day."""
    days = np.sort(np.random.default_rng(5).integers(0, DAYS, values.size) ** 2 // DAYS)
    rows = np.random.default_rng(6).permutation(values.size)
    batches = []
    for batch in np.array_split(rows, BATCHES):
        groups = Groups.of(days[batch], DAYS)
        batches.append(partials_of_groups(values[batch][groups.order], groups, histogram))
    return [merge(*parts) for parts in zip(*batches, strict=True)]


@each_distribution
@each_move
def test_quantiles_of_days_put_together_are_of_the_right_rank(draw, move):
    random = np.random.default_rng(3)
    histogram = profile_numeric(draw(random, 20_000)).histogram
    values = move(draw(random, DAYS * ROWS))

    found = finish_numeric(merge(*by_day(values, histogram)), histogram).quantiles

    known = values[np.isfinite(values)]
    assert list(found) == [str(level) for level in QUANTILES]
    assert max(rank_error(known, found[str(level)], level) for level in QUANTILES) <= RANK_ERROR


@each_distribution
def test_quantiles_near_the_ends_are_of_a_nearer_rank_still(draw):
    values = draw(np.random.default_rng(4), DAYS * ROWS)
    histogram = profile_numeric(values).histogram

    found = finish_numeric(merge(*by_day(values, histogram)), histogram).quantiles

    known = values[np.isfinite(values)]
    assert max(rank_error(known, found[str(level)], level) for level in (0.01, 0.99)) <= RANK_ERROR / 4


@each_distribution
def test_quantiles_of_few_numbers_are_exact_in_any_batches(draw):
    values = draw(np.random.default_rng(2), SIZE)
    histogram = profile_numeric(values).histogram
    parts = [partial_numeric(batch, histogram) for batch in np.array_split(values, 7)]

    found = finish_numeric(merge(*parts[3:], *parts[:3]), histogram).quantiles

    expected = np.quantile(values[np.isfinite(values)], QUANTILES)
    assert pytest.approx(expected.tolist(), rel=1e-12) == list(found.values())
    assert profile_numeric(values).quantiles == found


def test_what_is_kept_does_not_grow_with_the_rows_and_does_not_depend_on_their_order():
    values = np.random.default_rng(1).normal(size=40_000)
    histogram = profile_numeric(values).histogram
    parts = by_day(values, histogram)

    found = merge(*parts).ranks

    assert found == merge(*parts[::-1]).ranks
    assert found != merge(*parts[1:]).ranks
    assert (found.counts.sum(), hash(found)) == (values.size, hash(merge(*parts[::-1]).ranks))
    assert SIZE / 2 < found.values.size <= SIZE


def test_a_quantile_between_two_wild_numbers_is_finite():
    sketch = RankSketch.of(np.array([-1.5e308, 1.5e308]), np.ones(2, int))

    assert sketch.quantiles([0.5]) == (0,)
