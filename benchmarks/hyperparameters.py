"""Chooses the flight model's hyperparameters on January to March, by folds of whole weeks.

    levelfive --home HOME demo
    python benchmarks/hyperparameters.py --home HOME [--tries 12] [--seed 0]

Draws settings at random, fits each on all folds but one and measures log loss on that one, for all folds, on rows
that were mature on 1 April. Prints every try, the best one last.
"""

import argparse
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone

from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, utc
from levelfive.models.package import feature_frame
from levelfive.statistics.metrics import row_loss
from levelfive.storage.runs import Run
from levelfive.training.dataset import labelled_rows
from levelfive.training.split import blocks_of_weeks
from levelfive.usecase.columns import LABEL, PREDICTION_TIME
from levelfive.usecase.model import ModelSpec

FOLDS = 4
RANGES = {
    "n_estimators": (150, 250, 300, 400),
    "max_bin": (64, 256),
    "max_depth": (4, 5, 6, 8),
    "learning_rate": (0.03, 0.04, 0.07),
    "subsample": (0.5, 0.7, 0.9),
    "colsample_bytree": (0.1, 0.2, 0.3, 0.5),
    "min_child_weight": (5, 15, 30, 60),
    "reg_lambda": (1.0, 5.0, 20.0),
}


def folds_by_week(times: pd.Series, seed: int, day_starts_at: timedelta) -> np.ndarray:
    """Deal whole weeks out to folds: random rows would put rows of one day on both sides of a fold."""
    week = blocks_of_weeks(times, len(times), day_starts_at=day_starts_at)  # each week is a block of its own
    return np.random.default_rng(seed).permutation(np.arange(week.max() + 1) % FOLDS)[week]


def loss(spec: ModelSpec, rows: pd.DataFrame, folds: np.ndarray, changed: dict[str, float | int]) -> float:
    """Compute the mean log loss over the folds."""
    features = feature_frame(rows, spec.features, spec.categorical)
    labels = rows[LABEL].to_numpy(np.float64)
    losses = np.empty(len(rows))
    for fold in range(FOLDS):
        held_out = folds == fold
        estimator = clone(spec.estimator()).set_params(**{f"trees__{name}": v for name, v in changed.items()})
        estimator.fit(features[~held_out], labels[~held_out])
        losses[held_out] = row_loss(spec.task, labels[held_out], spec.task.predict(estimator, features[held_out]))
    return float(losses.mean())


def main() -> None:
    """Print a line a try."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--tries", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    app = App.local(options.home, Settings())
    spec = app.use_case.model
    as_of = utc(2013, 4, 1) + app.use_case.day_starts_at
    window = Window(utc(2013, 1, 1), as_of - app.use_case.maturity)
    rows = labelled_rows(app.context, Run(app.tables, "benchmark"), spec.lookups, window, as_of=as_of)
    app.tables.spark.stop()
    folds = folds_by_week(rows[PREDICTION_TIME], options.seed, app.use_case.day_starts_at)
    draw = np.random.default_rng(options.seed)
    tries: list[tuple[float, dict[str, float | int]]] = [(loss(spec, rows, folds, {}), {})]
    print(f"{tries[0][0]:.5f} as it is", flush=True)
    for _ in range(options.tries):
        changed = {name: draw.choice(values).item() for name, values in RANGES.items()}
        tries.append((loss(spec, rows, folds, changed), changed))
        print(f"{tries[-1][0]:.5f} {changed}", flush=True)
    print("best: {:.5f} {}".format(*min(tries, key=lambda found: found[0])))


if __name__ == "__main__":
    main()
