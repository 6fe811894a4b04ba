"""What is kept of a training set by segment and by slice: of any task, of the columns that a model rests on most."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from levelfive import BINARY, REGRESSION, Multiclass, Quantiles, Task
from levelfive.statistics.baseline import Baseline, profile_baseline
from levelfive.statistics.metrics import row_loss
from levelfive.statistics.segments import MAX_COLUMNS
from levelfive.statistics.sliced_counts import Slice
from levelfive.training.dataset import DAY_NUMBER, SLICE
from levelfive.training.out_of_fold import OutOfFold
from levelfive.training.segment_losses import sliced_counts, unseen_losses

DAYS, EACH = 56, 40
ROWS = DAYS * EACH
RANDOM = np.random.default_rng(1)
DAY = 15_712 + np.repeat(np.arange(DAYS), EACH)
FEATURES = pd.DataFrame(
    {
        "wind": np.where(RANDOM.random(ROWS) < 0.1, np.nan, RANDOM.normal(size=ROWS)),
        "carrier": RANDOM.choice(np.array(["UA", "B6", None], dtype=object), size=ROWS),
        "gate-no": RANDOM.normal(size=ROWS),
    }
)


def scores_of(task: Task) -> np.ndarray:
    """Draw scores that the task may have."""
    columns = len(task.score_columns)
    drawn = np.sort(RANDOM.uniform(0.05, 0.95, size=(ROWS, columns)), axis=1)
    if isinstance(task, Multiclass):
        drawn /= drawn.sum(axis=1, keepdims=True)
    return drawn[:, 0] if columns == 1 else drawn


def baseline_of(task: Task, scores: np.ndarray) -> Baseline:
    labels = RANDOM.integers(2, size=ROWS).astype(float)
    return profile_baseline(FEATURES, ["carrier"], label=labels, score=scores, score_columns=task.score_columns)


def unseen(task: Task, places: np.ndarray) -> tuple[Baseline, OutOfFold]:
    scores, labels = scores_of(task), RANDOM.integers(2, size=ROWS).astype(float)
    found = OutOfFold(scores[places], labels[places], DAY[places], places, "a method")
    return baseline_of(task, scores), found


@pytest.mark.parametrize(
    "task",
    [BINARY, REGRESSION, Multiclass("mood", ("good", "bad", "ugly")), Quantiles("delay", (0.1, 0.5, 0.9))],
    ids=lambda task: task.name,
)
def test_losses_of_any_task_are_kept_by_halves_of_the_rows_that_were_scored(task: Task) -> None:
    places = RANDOM.permutation(ROWS)[: ROWS - 300]
    baseline, out_of_fold = unseen(task, places)

    kept = unseen_losses(
        task, FEATURES, baseline, {"wind": 0.7, "carrier": 0.3}, out_of_fold=out_of_fold, least_rows=50
    )

    losses = row_loss(task, out_of_fold.labels, out_of_fold.scores)
    is_odd = (out_of_fold.days + 3) // 7 % 2 == 1
    assert [column.name for column in kept.columns] == ["wind", "carrier"]
    assert (kept.segments[0], kept.odd.rows[0]) == (0, int(is_odd.sum()))
    assert kept.odd.loss[0] == pytest.approx(losses[is_odd].mean(), rel=1e-5)
    assert kept.even.loss[0] == pytest.approx(losses[~is_odd].mean(), rel=1e-5)
    of_carrier = next(one for one in kept.segments if kept.grid.in_words(one) == "carrier = UA")
    inside = (FEATURES["carrier"].iloc[places] == "UA").to_numpy() & is_odd
    place = kept.segments.index(of_carrier)
    assert kept.odd.rows[place] == inside.sum()
    assert kept.odd.loss[place] == pytest.approx(losses[inside].mean(), rel=1e-5)


def test_where_it_is_not_known_what_a_model_rests_on_its_first_columns_are_taken() -> None:
    baseline, out_of_fold = unseen(BINARY, np.arange(ROWS))

    found = unseen_losses(BINARY, FEATURES, baseline, {}, out_of_fold=out_of_fold, least_rows=50)
    alone = unseen_losses(
        BINARY, FEATURES, baseline, {"gate-no": 1.0, "wind": 0.0}, out_of_fold=out_of_fold, least_rows=50
    )

    assert [column.name for column in found.columns] == list(FEATURES.columns)
    assert [column.name for column in alone.columns] == ["gate-no"]
    assert len(FEATURES.columns) <= MAX_COLUMNS


def test_a_baseline_with_losses_and_counts_by_slice_survives_json() -> None:
    baseline, out_of_fold = unseen(BINARY, np.arange(ROWS))
    rows = pd.DataFrame({DAY_NUMBER: DAY, f"{SLICE}origin": np.where(np.arange(ROWS) % 3, "JFK", "7")})
    slice_counts = sliced_counts(rows, FEATURES, baseline, {"wind": 1.0}, slices=["origin"], least_rows=50)
    losses = unseen_losses(BINARY, FEATURES, baseline, {"wind": 1.0}, out_of_fold=out_of_fold, least_rows=50)
    whole = Baseline(**{**vars(baseline), "losses": losses, "slice_counts": slice_counts})

    assert Baseline.from_json(whole.to_json()) == whole
    assert slice_counts.slices == (Slice("origin", "7"), Slice("origin", "JFK"))
    assert Baseline.from_json(baseline.to_json()).losses is None
