"""What a weekly loop loses against a monthly one: the year of flights by weeks and by months, with several seeds.

    python benchmarks/weekly_loop.py [--seeds 1 2 3] [--at-once 2] [--homes DIR]

Prints of each demo the mean log loss of its live predictions from April on, the incidents that called a person
(decisions in a row are one), the trainings that a decision asked for and how long it took; then how much more the weeks
lose in the mean of the seeds, with its standard error. A demo whose home is in DIR already is not run again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import functions as F

from levelfive import BINARY
from levelfive import app as levelfive_app
from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, utc
from levelfive.demo.clock import run
from levelfive.demo.plan import Again, Replay, Step, prepare_home
from levelfive.features.labels import LABELS
from levelfive.models.mlflow_store import quieten
from levelfive.registry.promotions import history
from levelfive.retraining.policy import Action
from levelfive.retraining.records import decisions, retrainings
from levelfive.statistics.metrics import row_loss
from levelfive.storage.predictions import live_predictions
from levelfive.storage.runs import Run
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME
from levelfive.usecase.use_case import UseCase, load_use_case

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
YEAR = Window(utc(2013, 1, 1), utc(2014, 1, 10))
FOUND = "found.json"


def seeded(seed: int) -> None:
    """Let every use case that is loaded have a seed."""

    def load(name: str) -> UseCase:
        use_case = load_use_case(name)
        return replace(use_case, model=replace(use_case.model, seed=seed))

    levelfive_app.load_use_case = load


def log_loss(app: App) -> float:
    """Mean log loss of the live predictions that have a label, nats a row."""
    told, key = Run(app.tables, "benchmark"), list(app.use_case.key)
    live = live_predictions(told, app.use_case, YEAR, model_name=app.registry.name, columns=[*map(F.col, key), "score"])
    labels = told.read(LABELS).where(F.col(OUTCOME) == LABELLED).select(*key, LABEL)
    rows = live.join(labels, on=key, how="inner").select(LABEL, "score").toPandas()
    return float(row_loss(BINARY, rows[LABEL].to_numpy(np.float64), rows["score"].to_numpy(np.float64)).mean())


def demo(step: Step, seed: int, home: Path) -> dict[str, Any]:
    """Run one demo, and count what came of it."""
    seeded(seed)
    app = App.local(home, Settings())
    replay = Replay(app.use_case.name, step, 1, 12, str(FIXTURES))
    prepare_home(home, replay, Again.CONTINUE)
    start = time.monotonic()
    result = run(app, replay, lambda said: print(said, flush=True))
    name, end = app.registry.name, result.as_of
    calls = [one.decision.action is Action.MANUAL_REVIEW for one in decisions(app.tables, name, until=end)]
    return {
        "step": step,
        "seed": seed,
        "log loss": log_loss(app),
        "decisions": len(calls),
        "called": sum(calls),
        "incidents": sum(called for called, _ in groupby(calls)),
        "trainings": len(retrainings(app.tables, name, until=end)),
        "promotions": len(history(app.tables, name)),
        "seconds": round(time.monotonic() - start),
    }


def found(step: Step, seed: int, homes: Path) -> dict[str, Any]:
    """Run one demo in a process of its own, or find what it led to."""
    home = homes / f"{step}-{seed}"
    if not (home / FOUND).exists():
        command = [sys.executable, __file__, "--one", step, str(seed), "--homes", str(homes)]
        with (homes / f"{home.name}.log").open("w") as log:
            subprocess.run(command, stdout=log, stderr=log, check=True)
    one: dict[str, Any] = json.loads((home / FOUND).read_text())
    print("  ".join(f"{key} {value:.5f}" if key == "log loss" else f"{key} {value}" for key, value in one.items()))
    return one


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all demos and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--homes", type=Path)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    homes = given.homes or Path(tempfile.mkdtemp())
    homes.mkdir(parents=True, exist_ok=True)
    if given.one:
        quieten()
        step, seed = Step(given.one[0]), int(given.one[1])
        home = homes / f"{step}-{seed}"
        (home / FOUND).write_text(json.dumps(demo(step, seed, home)))
        return
    with ThreadPoolExecutor(given.at_once) as pool:
        runs = [(step, seed) for seed in given.seeds for step in (Step.WEEK, Step.MONTH)]
        results = dict(zip(runs, pool.map(lambda one: found(*one, homes), runs), strict=True))
    more = np.array(
        [results[Step.WEEK, seed]["log loss"] - results[Step.MONTH, seed]["log loss"] for seed in given.seeds]
    )
    error = more.std(ddof=1) / np.sqrt(more.size) if more.size > 1 else float("nan")
    print(f"by weeks the log loss is {more.mean():+.5f} above that by months, standard error {error:.5f}: {more}")


if __name__ == "__main__":
    main()
