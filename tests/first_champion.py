"""The first steps on real files, which tests of the whole path share: six weeks land and train the first champion."""

from pathlib import Path

from levelfive.app import App
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.registry import job as registry
from levelfive.replay_plan import land, plan_of
from levelfive.training import job as training
from levelfive.training.job import TrainingResult
from levelfive.usecase import load_use_case
from levelfive.windows import Window, utc

BEGIN = utc(2013, 1, 1, 6)
AS_OF = utc(2013, 2, 15, 6)
LATER = utc(2013, 2, 18, 6)


def deliver(landing: Path, fixtures: Path, window: Window) -> None:
    """Let the files of a window land."""
    use_case = load_use_case("flight_delay")
    land(use_case, plan_of(use_case), fixtures, landing, window)


def prepare(app: App, fixtures: Path, window: Window) -> None:
    """Let the files of a window land, ingest them and compute features."""
    deliver(app.landing, fixtures, window)
    data.run(app.context, landing=app.landing, as_of=window.end)
    features.run(app.context, as_of=window.end)


def first_champion(app: App, fixtures: Path) -> TrainingResult:
    """Train and promote a champion as of AS_OF, then prepare the days up to LATER."""
    prepare(app, fixtures, Window(BEGIN, AS_OF))
    trained = training.run(app.context, app.tracking, app.registry, as_of=AS_OF)
    assert trained.version is not None, trained.verdict
    registry.run(app.context, app.registry, version=trained.version, as_of=AS_OF, by="test")
    prepare(app, fixtures, Window(AS_OF, LATER))
    return trained
