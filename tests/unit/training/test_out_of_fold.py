"""The score's baseline: scores of rows that the scoring model had not seen, of the whole season."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from levelfive import BINARY, REGRESSION
from levelfive.training.dataset import DAY_NUMBER
from levelfive.training.out_of_fold import out_of_fold
from levelfive.usecase.columns import LABEL, PREDICTION_TIME
from levelfive.usecase.model import ModelSpec

HELD_OUT = 14


@dataclass
class Memory:
    """An estimator that knows each label that it has seen by its row's number, and says .5 of all others."""

    known: dict[float, float] = field(default_factory=dict)

    def fit(self, X, y):
        self.known = dict(zip(X["row"], y, strict=True))

    def predict(self, X):
        return np.array([self.known.get(row, 0.5) for row in X["row"]])

    def predict_proba(self, X):
        return np.column_stack((1 - self.predict(X), self.predict(X)))


@dataclass
class Recipe:
    """Builds memories, and keeps them."""

    built: list[Memory] = field(default_factory=list)

    def __call__(self, numeric, categorical, seed, parameters):
        self.built.append(Memory())
        return self.built[-1]

    def spec(self, task=BINARY):
        return ModelSpec(task, ("row",), (), (), self, {"depth": 3}, seed=7)


def training_set(days, *, labels=None, each=6):
    """Build some rows a day from Monday, 7 January 2013 on, with labels that take turns."""
    day = 15_712 + np.repeat(np.arange(days), each)
    row = np.arange(day.size, dtype=float)
    times = pd.to_datetime(day * 86_400 + 3_600 * (row % each), unit="s")
    return pd.DataFrame(
        {PREDICTION_TIME: times, "row": row, LABEL: row % 2 if labels is None else labels, DAY_NUMBER: day}
    )


def held_out_scores(rows):
    return np.full(int((rows[DAY_NUMBER] > rows[DAY_NUMBER].max() - HELD_OUT).sum()), 0.25)


@pytest.mark.parametrize("task", [BINARY, REGRESSION])
def test_no_row_is_scored_by_a_model_that_was_fitted_on_it(task):
    recipe, rows = Recipe(), training_set(70)

    found = out_of_fold(recipe.spec(task), rows, held_out_scores(rows))

    assert (found.scores == 0.25).sum() == HELD_OUT * 6
    assert (found.scores == 0.5).sum() == 56 * 6
    assert sorted(found.days) == rows[DAY_NUMBER].tolist()
    assert found.method == "out of fold: the holdout, and blocks of weeks before it (2), 420 of 420 rows"


def test_blocks_are_whole_weeks_on_end_and_the_others_all_that_is_left():
    recipe, rows = Recipe(), training_set(70)

    out_of_fold(recipe.spec(), rows, held_out_scores(rows))

    first, second = ({int(row) // 6 for row in memory.known} for memory in recipe.built)
    assert (first, second) == (set(range(28, 70)), {*range(28), *range(56, 70)})


def test_days_begin_where_the_use_cases_do():
    recipe, rows = Recipe(), training_set(28)
    rows[PREDICTION_TIME] += pd.Timedelta("5h")

    out_of_fold(recipe.spec(), rows, held_out_scores(rows), day_starts_at=pd.Timedelta("5h").to_pytimedelta())

    assert [len(memory.known) for memory in recipe.built] == [21 * 6, 21 * 6]


def test_with_one_week_before_the_holdout_the_scores_are_those_of_the_holdout_and_it_is_noted():
    recipe, rows = Recipe(), training_set(7 + HELD_OUT)

    found = out_of_fold(recipe.spec(), rows, held_out_scores(rows))

    assert (recipe.built, set(found.scores), found.scores.size) == ([], {0.25}, HELD_OUT * 6)
    assert found.days.tolist() == rows[DAY_NUMBER].tolist()[-HELD_OUT * 6 :]
    assert found.method.startswith("holdout alone, 84 of 126 rows")


def test_a_block_is_left_out_where_the_other_rows_have_one_class():
    labels = np.zeros(70 * 6)
    labels[:20] = 1
    recipe, rows = Recipe(), training_set(70, labels=labels)

    found = out_of_fold(recipe.spec(), rows, held_out_scores(rows))

    assert sorted(set(found.days - 15_712)) == list(range(28, 70))
    assert found.method == "out of fold: the holdout, and blocks of weeks before it (1), 252 of 420 rows"


def test_a_regression_has_no_classes_to_lack():
    recipe, rows = Recipe(), training_set(70, labels=np.full(420, 3.0))

    assert out_of_fold(recipe.spec(REGRESSION), rows, held_out_scores(rows)).scores.size == 420


def test_a_block_of_one_class_is_scored_by_the_others():
    labels = np.arange(420) % 2
    labels[: 28 * 6] = 0
    recipe, rows = Recipe(), training_set(70, labels=labels)

    assert out_of_fold(recipe.spec(), rows, held_out_scores(rows)).scores.size == 420
