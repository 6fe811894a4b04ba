"""One more task is one file, `tests/support/multiclass.py`: no stage knows it, and it goes through all of them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import in_memory.release as memory
import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, LATER, Environment, Packages, a_model, a_use_case
from mlflow import MlflowClient
from multiclass import CLASSES, COLOURS
from reports import a_point, a_report, an_estimate
from situations import CALIBRATION, OFFSET, a_situation, calibrated
from sklearn import metrics as sklearn_metrics
from sklearn.linear_model import LogisticRegression

from levelfive import Multiclass
from levelfive.core.windows import Window
from levelfive.errors import ConfigError, EvidenceError
from levelfive.models.mlflow_store import quieten
from levelfive.models.package import SMOKE, Model, frame_of_scores, load, smoke_check
from levelfive.monitoring import inputs, records, scored_versions
from levelfive.monitoring import job as monitoring
from levelfive.monitoring.daily import days_of_window, find_faults, find_missing_rows
from levelfive.monitoring.mature_rows import AT
from levelfive.monitoring.performance import Outcomes, performance_of
from levelfive.monitoring.profiling import WindowProfiles, finish
from levelfive.registry.gate import VerdictKind
from levelfive.reporting.page import render
from levelfive.retraining.policy import decide
from levelfive.statistics.baseline import Baseline
from levelfive.statistics.metrics import evaluate, evaluate_slices, row_loss
from levelfive.statistics.partials import partial_numeric
from levelfive.storage.runs import Run
from levelfive.training import job as training
from levelfive.training.dataset import DAY_NUMBER
from levelfive.training.labels import faults_of
from levelfive.training.out_of_fold import out_of_fold
from levelfive.training.tracking import Tracking
from levelfive.usecase.check import check
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME, PREDICTION_TIME
from levelfive.usecase.model import ModelSpec
from levelfive.usecase.use_case import UseCase

SCORES, REFERENCES = list(COLOURS.score_columns), list(COLOURS.reference_columns)
NOTEBOOKS = Path(__file__).parents[4] / "notebooks"
WEEK = Window(LATER - timedelta(days=7), LATER)


def coloured(window: Window) -> pd.DataFrame:
    """Build flights whose label is a colour, by their distance."""
    rows = FLIGHTS(window)
    return rows.assign(**{LABEL: rows["distance"] // 14})


FLIGHTS = memory.flights


@pytest.fixture(autouse=True)
def of_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """All flights of this module have colours."""
    monkeypatch.setattr(memory, "flights", coloured)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """A candidate and its refit that learned colours, saved once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "flights", coloured)
        return Packages.saved(tmp_path_factory.mktemp("packages"), task=COLOURS)


@pytest.fixture
def model() -> Model:
    return a_model(AS_OF, task=COLOURS)


@pytest.fixture
def use_case() -> UseCase:
    flights = a_use_case()
    return replace(flights, model=replace(flights.model, task=COLOURS))


def test_labels_are_those_of_the_task() -> None:
    assert list(faults_of(COLOURS, pd.Series([0, 1, 2]))) == []
    (fault,) = faults_of(COLOURS, pd.Series([0, 3]))
    assert fault == "labels must be 0, 1 or 2 for a colour, got 3.0: correct `labels`."
    assert COLOURS.cannot_be_learned(np.array([0.0, 2.0])) == "no label is 1"


def test_metrics_are_those_of_the_task(model: Model) -> None:
    rows = coloured(WEEK)
    labels, scores, days = rows[LABEL].to_numpy(), model.score(rows), rows[DAY_NUMBER].to_numpy()

    found = evaluate(COLOURS, labels, scores, days)

    accuracy, loss = found.estimates["accuracy"], found.estimates["log_loss"]
    shares = np.tile(np.bincount(labels.astype(int)) / labels.size, (labels.size, 1))
    assert list(found.estimates) == ["accuracy", "log_loss", "skill"]
    assert accuracy.value == pytest.approx(sklearn_metrics.accuracy_score(labels, scores.argmax(axis=1)))
    assert loss.value == pytest.approx(sklearn_metrics.log_loss(labels, scores))
    assert found.estimates["skill"].value == pytest.approx(1 - loss.value / sklearn_metrics.log_loss(labels, shares))
    assert found.score_mean == pytest.approx((scores @ [0, 1, 2]).mean())
    even = rows["distance"].to_numpy() % 2 == 0
    sliced = evaluate_slices(COLOURS, labels, scores, days, values=even, min_rows=1)
    assert sliced["True"] == evaluate(COLOURS, labels[even], scores[even], days[even])


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (np.array([0.2, 0.8]), r"of shape \(0, 3\), got \(2,\)"),
        (np.full((2, 3), 1.5), "scores of a colour must lie between 0 and 1, got 1.5"),
        (np.full((3, 3), 0.5), r"one a row, of shape \(2,\), got \(3,\)"),
    ],
    ids=["one column", "out of range", "more rows"],
)
def test_scores_of_another_shape_or_range_are_refused(scores: np.ndarray, words: str) -> None:
    with pytest.raises(EvidenceError, match=words):
        row_loss(COLOURS, np.array([0, 1]), scores)


def test_a_package_repeats_all_score_columns_and_names_its_task(packages: Packages) -> None:
    smoke_check(packages.refit)

    smoke = pd.read_parquet(packages.refit / SMOKE)
    assert [name for name in smoke.columns if name != "distance"] == ["(score_red)", "(score_green)", "(score_blue)"]
    assert load(packages.refit).card.task is COLOURS


def test_models_that_had_not_seen_the_rows_score_all_columns_for_the_baseline() -> None:
    rows = coloured(Window(LATER - timedelta(days=70), LATER))
    spec = ModelSpec(COLOURS, ("distance",), (), (), lambda numeric, categorical, seed: LogisticRegression())
    held_out = np.full((len(rows) // 5, len(CLASSES)), 0.25)

    found = out_of_fold(spec, rows, held_out)

    assert found.scores.shape == (len(rows), len(CLASSES))
    assert found.scores.sum(axis=1)[len(held_out) :] == pytest.approx(1.0)


def learner(numeric: list[str], categorical: list[str], seed: int) -> LogisticRegression:
    return LogisticRegression()


def test_a_training_goes_from_labels_to_registered_versions(
    production: Environment, use_case: UseCase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A store on SQLite is made."""
    quieten()
    monkeypatch.setattr(training, "labelled_days", memory.labelled_days)
    monkeypatch.setattr(training, "training_rows", lambda context, run, request, window, *, as_of: coloured(window))
    tracking = Tracking(f"sqlite:///{tmp_path}/tracking.db", "colours", artefacts=tmp_path / "artefacts")
    of_colours = replace(use_case, slices=(), model=ModelSpec(COLOURS, ("distance",), (), (), learner))
    context = replace(production.context, use_case=of_colours)

    result = training.run(context, tracking, production.registry, as_of=LATER)

    assert result.verdict.kind is VerdictKind.BETTER
    assert list(result.evaluation.estimates) == ["accuracy", "log_loss", "skill"]
    tracked = MlflowClient(tracking.uri).get_run(result.tracking_run_id).data
    assert tracked.metrics["holdout.accuracy"] == result.evaluation.estimates["accuracy"].value
    candidate, refit = (production.registry.load(one or "") for one in (result.candidate_version, result.version))
    baseline, rows = Baseline.from_json(refit.card.baseline), coloured(WEEK)
    assert (candidate.card.task, refit.card.task) == (COLOURS, COLOURS)
    assert refit.card.holdout_skill == result.evaluation.estimates["skill"].value
    assert list(baseline.scores) == ["(score_red)", "(score_green)", "(score_blue)"]
    assert refit.score(rows).shape == (len(rows), len(CLASSES))


def test_what_is_stored_of_a_row_is_a_column_a_colour_and_the_same_of_the_reference(model: Model) -> None:
    rows = coloured(WEEK)
    first = a_model(AS_OF - timedelta(days=9), task=COLOURS)

    alone, beside = frame_of_scores(model, None, rows), frame_of_scores(model, first, rows)

    assert list(beside.columns) == [*SCORES, *REFERENCES]
    assert beside[SCORES].to_numpy().tolist() == model.score(rows).tolist()
    assert beside[REFERENCES].to_numpy().tolist() == first.score(rows).tolist()
    assert alone[REFERENCES].isna().all(axis=None)
    assert set(alone.dtypes) == {np.dtype(np.float64)}


def test_a_key_cannot_be_called_like_a_score_column(use_case: UseCase) -> None:
    check(use_case)

    for name in ("score_red", "reference_score_red"):
        with pytest.raises(ConfigError, match=f"its key has the name '{name}'"):
            check(replace(use_case, key=(*use_case.key, name)))


def test_the_gate_judges_by_the_task_s_loss_and_its_constant_prediction(
    production: Environment, packages: Packages, use_case: UseCase
) -> None:
    release = Environment.new(packages, use_case)
    card, labels = load(packages.refit), coloured(Window(AS_OF - timedelta(days=7), AS_OF))[LABEL].to_numpy()

    verdict = release.admit().verdict

    assert COLOURS.constant(labels) == pytest.approx(COLOURS.constant_of(card.baseline.label))
    assert verdict.kind is VerdictKind.BETTER
    rows = coloured(Window(LATER - timedelta(days=14), LATER))
    constant = row_loss(COLOURS, rows[LABEL].to_numpy(), COLOURS.repeated(COLOURS.constant(labels), len(rows))).mean()
    loss = row_loss(COLOURS, rows[LABEL].to_numpy(), load(packages.candidate).score(rows)).mean()
    (said,) = (reason for reason in verdict.reasons if "skill" in reason)
    assert float(said.split("loss ")[1].split("%")[0]) == pytest.approx(100 * (1 - loss / constant), abs=3)


def profiled(model: Model, rows: pd.DataFrame, day: date) -> WindowProfiles:
    """Profile rows of a day as Spark's workers do."""
    baseline = Baseline.from_json(model.card.baseline)
    bins = {"distance": baseline.numeric["distance"].histogram}
    bins |= {name: profile.histogram for name, profile in baseline.scores.items()}
    values = {"distance": rows["distance"].to_numpy(), **dict(zip(baseline.scores, model.score(rows).T, strict=True))}
    return WindowProfiles({(day, name): partial_numeric(values[name], histogram) for name, histogram in bins.items()})


def test_each_score_column_is_monitored_and_none_is_taken_for_a_feature(model: Model) -> None:
    baseline, rows, day = Baseline.from_json(model.card.baseline), coloured(WEEK), LATER.date() - timedelta(days=1)
    profiles = profiled(model, rows, day)

    shown = {name: finish(part, name, baseline) for (_, name), part in profiles.by_day.items()}
    today = days_of_window(profiles, baseline, WEEK, timedelta(0))
    before = {(day - timedelta(days=ago), name): one for (_, name), one in today.items() for ago in range(1, 57)}
    faults = find_faults(before, today)
    missing = find_missing_rows({}, {day: len(rows)}, WEEK, timedelta(0), counted_column="(score_red)")

    assert list(baseline.scores) == ["(score_red)", "(score_green)", "(score_blue)"]
    assert set(baseline.daily) == {"distance", "(label)", *baseline.scores}
    assert shown["(score_blue)"].mean == pytest.approx(model.score(rows)[:, 2].mean())
    assert {column for _, column in today} == {"distance", *baseline.scores}
    assert (faults.judged_columns, faults.columns, missing) == (("distance",), (), [])


def scored(model: Model, first: Model, rows: pd.DataFrame, version: str = "2") -> Outcomes:
    """Build live predictions of rows, of which those of a distance were cancelled, with what became of them."""
    found = frame_of_scores(model, first, rows)
    found[AT] = rows[PREDICTION_TIME].to_numpy("datetime64[us]").astype(np.int64)
    found[LABEL], found["model_version"] = rows[LABEL].to_numpy(), version
    found[OUTCOME] = np.where(rows["distance"] == 7, "cancelled", LABELLED)
    return Outcomes(found, LATER + timedelta(days=30), "1")


def test_live_predictions_are_compared_with_labels_that_come_late(model: Model, use_case: UseCase) -> None:
    rows, first = coloured(WEEK), a_model(AS_OF - timedelta(days=9), task=COLOURS)
    labelled = (rows["distance"] != 7).to_numpy()

    live = performance_of(use_case, scored(model, first, rows), WEEK)

    assert live.evaluation is not None
    assert live.reference is not None
    labels, scores = rows[LABEL].to_numpy()[labelled], model.score(rows)
    assert live.evaluation.estimates["log_loss"].value == pytest.approx(
        sklearn_metrics.log_loss(labels, scores[labelled])
    )
    theirs = sklearn_metrics.log_loss(labels, first.score(rows)[labelled])
    assert live.reference.estimates["log_loss"].value == pytest.approx(theirs)
    mean_score = (scores[~labelled] @ [0, 1, 2]).mean()
    assert live.without_label["cancelled"] == ((~labelled).sum(), pytest.approx(mean_score))


def test_a_window_s_verdict_holds_the_task_s_skill_and_no_offset_where_it_has_none(
    production: Environment, packages: Packages, use_case: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Environment.new(packages, use_case)
    version, day = release.released(), LATER.date()
    window = Window(LATER, LATER + timedelta(days=3))
    rows, live = coloured(window), release.registry.load(version)
    found = performance_of(use_case, scored(live, live, rows, version), window)
    monkeypatch.setattr(inputs, "performance", lambda *_, **how: (found,))
    monkeypatch.setattr(scored_versions, "profile_version", lambda *_: profiled(live, rows, day))
    monkeypatch.setattr(monitoring, "compare_scored", lambda *_, **__: ())

    seen = monitoring.run(release.context, release.registry, window=window, as_of=window.end)

    (told,) = records.verdicts(Run(release.tables, "later"), release.registry.name, as_of=window.end)
    assert found.evaluation is not None
    skill = found.evaluation.estimates["skill"]
    assert list(seen.verdicts) == [version]
    assert (told.calibration, told.skill) == (None, (skill.low, skill.high))


def test_a_task_without_an_offset_is_not_trained_again_for_one() -> None:
    coloured = a_situation(task=COLOURS, windows=calibrated(OFFSET, OFFSET))

    assert decide(coloured, CALIBRATION).reasons == ("no trigger is switched on",)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_a_notebook_leaves_it_to_the_task_how_score_columns_are_called(path: Path) -> None:
    assert not re.findall(r"""["']score["']""", path.read_text(encoding="utf-8"))


def test_a_report_calls_metrics_and_labels_as_the_task_does() -> None:
    measured = {"accuracy": an_estimate(0.81), "log_loss": an_estimate(0.52), "skill": an_estimate(0.4)}

    page = render(a_report(task=COLOURS, points=(a_point(7, live=measured, reference={}, label_rate=1.25),)))

    assert "its Accuracy was 0.810 (0.799 to 0.821)" in page
    assert "share of the rows whose likeliest colour is theirs" in page
    assert "Observed mean colour and mean predicted score" in page
    assert "125.0%" not in page


@pytest.mark.parametrize("classes", ["ab", (1, 2), (True, False), ("a", None)])
def test_classes_that_are_no_names_are_refused(classes: Any) -> None:
    with pytest.raises(ConfigError, match=r"names of letters, digits and _|a tuple of classes, got the text 'ab'"):
        Multiclass("colour", classes)
