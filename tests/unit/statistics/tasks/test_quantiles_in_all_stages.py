"""Quantiles of LightGBM go from labels to a report: training, gate, registry, scoring, monitoring."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import in_memory.release as memory
import numpy as np
import pandas as pd
import pytest
from in_memory.release import LATER, Environment, a_use_case
from lightgbm import LGBMRegressor
from reports import a_point, a_report
from sklearn.metrics import mean_pinball_loss

from levelfive import QuantileEstimators, Quantiles
from levelfive.core.windows import Window
from levelfive.models.mlflow_store import quieten
from levelfive.models.package import Model, frame_of_scores
from levelfive.monitoring.daily import days_of_window
from levelfive.monitoring.mature_rows import AT
from levelfive.monitoring.performance import Outcomes, performance_of
from levelfive.monitoring.profiling import WindowProfiles, finish
from levelfive.registry.gate import VerdictKind
from levelfive.reporting.page import render
from levelfive.reporting.words import estimate
from levelfive.statistics.partials import partial_numeric
from levelfive.training import job as training
from levelfive.training.tracking import Tracking
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME, PREDICTION_TIME
from levelfive.usecase.model import ModelSpec
from levelfive.usecase.use_case import UseCase

LEVELS = (0.1, 0.5, 0.9)
WAIT = Quantiles("wait", LEVELS)
WEEK = Window(LATER, LATER + timedelta(days=7))
FLIGHTS = memory.flights


def waiting(window: Window) -> pd.DataFrame:
    """Build flights whose label is a time to wait, by their distance and a little by their minute."""
    rows = FLIGHTS(window)
    minutes = rows[PREDICTION_TIME].to_numpy("datetime64[m]").astype(np.int64)
    return rows.assign(**{LABEL: rows["distance"] + minutes * 7919 % 1009 / 100})


def build(numeric: list[str], categorical: list[str], seed: int) -> QuantileEstimators:
    return QuantileEstimators(
        [
            LGBMRegressor(objective="quantile", alpha=level, n_estimators=20, random_state=seed, n_jobs=1, verbose=-1)
            for level in LEVELS
        ]
    )


@pytest.fixture
def use_case() -> UseCase:
    return replace(a_use_case(), slices=(), model=ModelSpec(WAIT, ("distance",), (), (), build))


def test_quantiles_go_from_labels_to_a_report(
    production: Environment, use_case: UseCase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A store on SQLite is made, and six weeks are learned several times, three levels each."""
    quieten()
    monkeypatch.setattr(memory, "flights", waiting)
    monkeypatch.setattr(training, "labelled_days", memory.labelled_days)
    monkeypatch.setattr(training, "training_rows", lambda context, run, request, window, *, as_of: waiting(window))
    tracking = Tracking(f"sqlite:///{tmp_path}/tracking.db", "waits", artefacts=tmp_path / "artefacts")

    result = training.run(replace(production.context, use_case=use_case), tracking, production.registry, as_of=LATER)

    assert result.verdict.kind is VerdictKind.BETTER
    assert result.evaluation.estimates["coverage"].value == pytest.approx(0.8, abs=0.1)
    candidate, live = (production.registry.load(one or "") for one in (result.candidate_version, result.version))
    assert (live.card.task, live.card.libraries) == (WAIT, ("lightgbm",))
    assert live.card.holdout_skill == result.evaluation.estimates["skill"].value
    assert list(live.baseline.scores) == ["(score_p10)", "(score_p50)", "(score_p90)"]

    rows = waiting(WEEK)
    scored = frame_of_scores(live, candidate, rows)
    assert scored[list(WAIT.score_columns)].to_numpy().tolist() == live.score(rows).tolist()
    assert list(scored.columns) == [*WAIT.score_columns, *WAIT.reference_columns]

    found = performance_of(use_case, outcomes(scored, rows, result.version or ""), WEEK)
    assert found.evaluation is not None
    assert found.reference is not None
    estimates = found.evaluation.estimates
    pinballs = [
        mean_pinball_loss(rows[LABEL], one, alpha=of) for one, of in zip(live.score(rows).T, LEVELS, strict=True)
    ]
    assert estimates["pinball"].value == pytest.approx(np.mean(pinballs))
    assert estimates["coverage"].value == pytest.approx(0.8, abs=0.1)
    assert estimates["skill"].low > 0.5
    assert set(found.reference.estimates) == set(estimates)

    day = WEEK.start.date() + timedelta(days=1)
    profiles = profiled(live, rows, day)
    shown = {name: finish(part, name, live.baseline) for (_, name), part in profiles.by_day.items()}
    assert shown["(score_p90)"].mean == pytest.approx(live.score(rows)[:, 2].mean())
    assert {column for _, column in days_of_window(profiles, live.baseline, WEEK, timedelta(0))} == set(shown)

    page = render(a_report(task=WAIT, points=(a_point(7, live=estimates, reference={}, label_rate=24.5),)))
    assert f"its Pinball loss was {estimate(estimates['pinball'])}" in page
    assert "share of labels between the outer quantiles" in page


def outcomes(scored: pd.DataFrame, rows: pd.DataFrame, version: str) -> Outcomes:
    times = rows[PREDICTION_TIME].to_numpy("datetime64[us]").astype(np.int64)
    known = {AT: times, LABEL: rows[LABEL].to_numpy(), OUTCOME: LABELLED, "model_version": version}
    return Outcomes(scored.assign(**known), WEEK.end + timedelta(days=30), "1")


def profiled(model: Model, rows: pd.DataFrame, day: date) -> WindowProfiles:
    """Profile rows of a day as Spark's workers do."""
    bins = {"distance": model.baseline.numeric["distance"].histogram}
    bins |= {name: profile.histogram for name, profile in model.baseline.scores.items()}
    values = {
        "distance": rows["distance"].to_numpy(),
        **dict(zip(model.baseline.scores, model.score(rows).T, strict=True)),
    }
    return WindowProfiles({(day, name): partial_numeric(values[name], histogram) for name, histogram in bins.items()})
