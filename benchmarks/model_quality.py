"""How good the flight model is from April on, month by month: never retrained, and retrained each month.

    levelfive --home HOME demo
    python benchmarks/model_quality.py --home HOME [--without aircraft] [--months 4-12]

Reads the features and labels of a finished demo. A model of a month is fitted by the recipe of the use case on
all rows whose labels were mature when the month began. Prints AUC and log loss of each month and their means.
"""

import argparse
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, utc
from levelfive.models.package import feature_frame
from levelfive.statistics.metrics import evaluate
from levelfive.statistics.tasks.task import Estimator
from levelfive.storage.runs import Run
from levelfive.training.dataset import DAY_NUMBER, labelled_rows
from levelfive.usecase.columns import LABEL, PREDICTION_TIME
from levelfive.usecase.model import ModelSpec


def month_start(app: App, month: int) -> datetime:
    """Tell when a month of 2013 begins in the use case's days."""
    return utc(2013 + (month - 1) // 12, (month - 1) % 12 + 1, 1) + app.use_case.day_starts_at


def between(rows: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    """Select the rows predicted between two times."""
    times = rows[PREDICTION_TIME].to_numpy("datetime64[us]")
    low, high = (np.datetime64(edge.replace(tzinfo=None), "us") for edge in (start, end))
    return rows[(times >= low) & (times < high)]


def fitted(app: App, spec: ModelSpec, rows: pd.DataFrame, as_of: datetime) -> Estimator:
    """Fit the recipe on all rows that were mature at a time."""
    known = between(rows, utc(2013, 1, 1), as_of - app.use_case.maturity)
    estimator = spec.estimator()
    estimator.fit(feature_frame(known, spec.features, spec.categorical), known[LABEL].to_numpy(np.float64))
    return estimator


def measured(spec: ModelSpec, estimator: Estimator, rows: pd.DataFrame) -> tuple[float, float]:
    """Compute AUC and log loss on some rows."""
    scores = spec.task.predict(estimator, feature_frame(rows, spec.features, spec.categorical))
    found = evaluate(spec.task, rows[LABEL].to_numpy(np.float64), scores, rows[DAY_NUMBER].to_numpy()).estimates
    return found["auc"].value, found["log_loss"].value


def main() -> None:
    """Print a line a month."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--months", default="4-12")
    options = parser.parse_args()
    first, last = (int(part) for part in options.months.split("-"))
    app = App.local(options.home, Settings())
    spec = app.use_case.model.without(*options.without)
    end = month_start(app, last + 1)
    run = Run(app.tables, "benchmark")
    window = Window(utc(2013, 1, 1), end)
    rows = labelled_rows(app.context, run, spec.lookups, window, as_of=end + app.use_case.maturity)
    app.tables.spark.stop()
    once = fitted(app, spec, rows, month_start(app, first))
    lines = []
    print("month   never: auc  log loss   monthly: auc  log loss     rows", flush=True)
    for month in range(first, last + 1):
        begin = month_start(app, month)
        month_rows = between(rows, begin, month_start(app, month + 1))
        newest = once if month == first else fitted(app, spec, rows, begin)
        lines.append((*measured(spec, once, month_rows), *measured(spec, newest, month_rows)))
        print("{:5}  {:11.4f} {:9.4f}  {:13.4f} {:9.4f} {:8,}".format(month, *lines[-1], len(month_rows)), flush=True)
    print("mean   {:11.4f} {:9.4f}  {:13.4f} {:9.4f}".format(*np.mean(lines, axis=0)))


if __name__ == "__main__":
    main()
