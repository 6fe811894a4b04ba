"""What staleness costs: the loss of answers whose online store is 0, 5, 60 minutes and a day behind.

    python benchmarks/staleness.py [--days 14] [--home DIR]

The flights of two carriers: those of January and February train a model, and each flight of the next days is answered
at its own prediction time by what an online store knew so long before. Prints, by how far the store is behind, how many
rows got another feature than from a store that is up to date, their log loss, and the difference with its interval by
days. Takes a few minutes, most of them for the training.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from levelfive import BINARY, ServingPolicy
from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, to_micros, utc
from levelfive.data import job as data
from levelfive.data.known import read_as_known
from levelfive.demo.plan import land, plan_of
from levelfive.demo.requests import requests_of
from levelfive.features import job as features
from levelfive.features.labels import LABELS
from levelfive.models.mlflow_store import quieten
from levelfive.models.package import Model
from levelfive.online import job as publishing
from levelfive.online.store import Ask, OnlineStore, TableState
from levelfive.registry import job as registry
from levelfive.serving.features import FeaturePlan, FeatureRow, Reach
from levelfive.serving.requests import RequestSchema
from levelfive.statistics import day_blocks
from levelfive.statistics.day_blocks import DayBlocks, Floats
from levelfive.statistics.metrics import row_loss
from levelfive.storage.runs import Run
from levelfive.training import job as training
from levelfive.usecase.calls import spine_of
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME, PREDICTION_TIME

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
CARRIERS = ("B6", "UA")
BEGIN, AS_OF, DAY = utc(2013, 1, 1, 6), utc(2013, 3, 1, 6), timedelta(days=1)
BEHIND = (timedelta(0), timedelta(minutes=5), timedelta(hours=1), DAY)


@dataclass(frozen=True)
class Flights:
    """Flights that are asked for, with what became of them: as read from requests, by time, with their labels."""

    rows: Sequence[tuple[Any, ...]]
    times: Sequence[int]
    labels: Floats

    @property
    def days(self) -> DayBlocks:
        """The flights by day."""
        return DayBlocks.of(np.array(self.times, dtype="datetime64[us]").astype("datetime64[D]"), len(self.rows))


def cut(fixtures: Path, folder: Path) -> Path:
    """Make fixtures with the flights of some carriers."""
    for source in ("airlines", "airports", "planes", "weather"):
        (folder / source).symlink_to(fixtures / source)
    (folder / "flights").mkdir()
    for file in (fixtures / "flights").iterdir():
        header, *lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        place = header.split(",").index("carrier")
        kept = [line for line in lines if line.split(",")[place] in CARRIERS]
        (folder / "flights" / file.name).write_bytes(gzip.compress("\n".join([header, *kept, ""]).encode()))
    return folder


def prepare(app: App, fixtures: Path, asked: Window) -> Model:
    """Train on what came before the flights that are asked for, compute their features, and publish all of these."""
    for window in (Window(BEGIN, AS_OF), Window(AS_OF, asked.end + DAY)):
        land(app.use_case, plan_of(app.use_case), fixtures, app.landing, window=window)
        data.run(app.context, landing=app.landing, as_of=window.end)
        features.run(app.context, as_of=window.end)
        if window.end == AS_OF:
            trained = training.run(app.context, app.tracking, app.registry, as_of=AS_OF, trained_by="benchmark")
            assert trained.version is not None, trained.verdict
            registry.run(app.context, app.registry, version=trained.version, as_of=AS_OF, by="benchmark")
    kept = ServingPolicy(history=asked.end - AS_OF + 3 * DAY)
    context = replace(app.context, use_case=replace(app.use_case, serving=kept))
    publishing.run(context, app.registry, app.online_store, as_of=asked.end + DAY)
    return app.registry.load(trained.version)


def flights(app: App, schema: RequestSchema, asked: Window) -> Flights:
    """Read the flights of a window whose labels are known, as a service reads requests."""
    use_case, run = app.use_case, Run(app.tables, "benchmark")
    raw = read_as_known(run, use_case, use_case.spine_sources, asked.end + DAY)
    labels = run.read(LABELS).where(F.col(OUTCOME) == LABELLED).select(*use_case.key, LABEL)
    spine = spine_of(use_case, raw, asked).join(labels, on=list(use_case.key), how="inner")
    found = [row.asDict() for row in requests_of(spine, (*schema.names, LABEL)).collect()]
    known = np.array([float(row.pop(LABEL)) for row in found])
    rows = [schema.read(json.dumps(row).encode())[0][0] for row in found]
    place = schema.names.index(PREDICTION_TIME)
    return Flights(rows, [to_micros(row[place]) for row in rows], known)


def answered(plan: FeaturePlan, store: OnlineStore, asked: Flights, behind: timedelta) -> list[FeatureRow]:
    """Look the features of flights up, each in a store that ends so long before its prediction time."""
    lag, asks = behind // timedelta(microseconds=1), []
    for row, at in zip(asked.rows, asked.times, strict=True):
        reach = Reach(at - lag if lag else None, None)
        of_row = plan.asks([row], [at], dict.fromkeys((one.lookup.table for one in plan.lookups), reach))
        asks += [known_before(ask, at - lag) if lag else ask for ask in of_row]
    return plan.rows(asked.rows, asked.times, store.read(asks))


def known_before(ask: Ask, end: int) -> Ask:
    """Ask for what was known before a time, at which the store ends."""
    return ask if ask.at is None else replace(ask, at=min(ask.at, end - 1))


def main() -> None:
    """Compare stores that are so far behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    quieten()
    with tempfile.TemporaryDirectory() as folder:
        app = App.local(given.home or Path(folder) / "home", Settings())
        asked = Window(AS_OF + DAY, AS_OF + (1 + given.days) * DAY)
        (Path(folder) / "fixtures").mkdir()
        model = prepare(app, cut(FIXTURES, Path(folder) / "fixtures"), asked)
        states: Mapping[str, TableState] = app.online_store.states()
        plan = FeaturePlan(model.card, {name: state.table for name, state in states.items()})
        found = flights(app, RequestSchema(plan.columns), asked)
        show(model, plan, {behind: answered(plan, app.online_store, found, behind) for behind in BEHIND}, found)


def show(model: Model, plan: FeaturePlan, seen: Mapping[timedelta, list[FeatureRow]], asked: Flights) -> None:
    """Print the table."""
    fresh, days = seen[BEHIND[0]], asked.days
    losses = {
        behind: row_loss(
            BINARY, asked.labels, model.score(pd.DataFrame([one.cells for one in rows], columns=plan.names))
        )
        for behind, rows in seen.items()
    }
    print(f"{len(asked.rows):,} flights of {days.days} days, {asked.labels.mean():.1%} of them late")
    print(f"{'store behind by':>16}{'rows that differ':>18}{'log loss':>10}  difference [95 %, by days]")
    for behind, rows in seen.items():
        differ = np.mean([one.cells != other.cells for one, other in zip(rows, fresh, strict=True)])
        mean = day_blocks.mean(losses[behind] - losses[BEHIND[0]], days)
        change, low, high = day_blocks.bootstrap(mean, days.days, confidence=0.95, seed=0)
        print(f"{behind!s:>16}{differ:>18.1%}{losses[behind].mean():>10.4f}  {change:+.4f} [{low:+.4f}, {high:+.4f}]")


if __name__ == "__main__":
    main()
