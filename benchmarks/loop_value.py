"""What retraining was worth in a demo: its live predictions against the first champion's, on the same rows.

    levelfive --home DIR demo
    python benchmarks/loop_value.py --home DIR

Prints the means of the monthly AUC and log loss of both, and the differences with 90 % intervals by days.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from levelfive import BINARY
from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, utc
from levelfive.features.labels import LABELS
from levelfive.models.mlflow_store import quieten
from levelfive.registry.promotions import history
from levelfive.statistics import day_blocks
from levelfive.statistics.day_blocks import DayBlocks, Floats
from levelfive.statistics.metrics import row_loss
from levelfive.storage.predictions import live_predictions
from levelfive.storage.runs import Run
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME, PREDICTION_TIME

YEAR = Window(utc(2013, 1, 1), utc(2014, 1, 2))
NORMAL_90 = 1.645


def scored_rows(app: App) -> pd.DataFrame:
    """Read live score, the first champion's score, label and time of each labelled row."""
    run, key = Run(app.tables, "benchmark"), app.use_case.key
    own = F.col("model_version") == history(app.tables, app.registry.name)[0].version
    first = F.when(own, F.col("score")).otherwise(F.col("reference_score")).alias("first")
    columns = [*(F.col(name) for name in (*key, PREDICTION_TIME, "score")), first]
    live = live_predictions(run, app.use_case, YEAR, model_name=app.registry.name, columns=columns)
    labels = run.read(LABELS).where(F.col(OUTCOME) == LABELLED).select(*key, LABEL)
    rows: pd.DataFrame = live.join(labels, on=list(key), how="inner").toPandas()
    return rows


def main() -> None:
    """Compare month by month."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    quieten()
    app = App.local(parser.parse_args().home, Settings())
    rows = scored_rows(app)
    moment = rows[PREDICTION_TIME] - pd.Timedelta(app.use_case.day_starts_at)
    found = []
    for _, month in rows.groupby(moment.dt.to_period("M")):
        labels, live, first = (month[name].to_numpy(np.float64) for name in (LABEL, "score", "first"))
        blocks = DayBlocks.of(moment[month.index].dt.date.to_numpy().astype("datetime64[D]"), len(month))
        auc = [day_blocks.auc(labels, scores, blocks) for scores in (live, first)]
        loss = [day_blocks.mean(row_loss(BINARY, labels, scores), blocks) for scores in (live, first)]
        ones = np.ones((1, blocks.days))
        record = [float(statistic(ones)[0]) for statistic in (*auc, *loss)]
        for better, worse in (auc, loss):

            def difference(weights: Floats, better=better, worse=worse) -> Floats:
                return better(weights) - worse(weights)

            _, low, high = day_blocks.bootstrap(difference, blocks.days, confidence=0.9, seed=0)
            record.append((high - low) / 2 / NORMAL_90)
        found.append(record)
    table = np.array(found)
    for place, name in enumerate(("AUC", "log loss")):
        live_mean, first_mean = table[:, 2 * place].mean(), table[:, 2 * place + 1].mean()
        reach = NORMAL_90 * math.sqrt(np.square(table[:, 4 + place]).sum()) / len(table)
        change = live_mean - first_mean
        print(
            f"{name}: live {live_mean:.4f}, never retrained {first_mean:.4f}, difference {change:+.4f} "
            f"[{change - reach:+.4f}, {change + reach:+.4f}] over {len(table)} months"
        )


if __name__ == "__main__":
    main()
