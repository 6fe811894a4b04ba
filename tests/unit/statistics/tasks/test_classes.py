"""Several classes: the metrics are scikit-learn's, and what cannot be a class, a label or a score is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from levelfive import Multiclass
from levelfive.errors import ConfigError
from levelfive.statistics.baseline import profile_baseline
from levelfive.statistics.metrics import Evaluation, evaluate
from levelfive.statistics.profiles import profile_numeric

WEATHER = Multiclass("weather", ("dry", "rain", "snow"))
DAYS = np.repeat(np.arange(20), 15)
RNG = np.random.default_rng(5)
SCORES = RNG.dirichlet((2.0, 1.0, 0.5), size=DAYS.size)
LABELS = np.array([RNG.choice(3, p=row) for row in SCORES], dtype=np.float64)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(WEATHER, LABELS, SCORES, DAYS)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("auc", sklearn_metrics.roc_auc_score(LABELS, SCORES, multi_class="ovr", average="macro")),
        ("log_loss", sklearn_metrics.log_loss(LABELS, SCORES)),
        ("accuracy", sklearn_metrics.accuracy_score(LABELS, SCORES.argmax(axis=1))),
        ("f1", sklearn_metrics.f1_score(LABELS, SCORES.argmax(axis=1), average="macro")),
        ("skill", sklearn_metrics.d2_log_loss_score(LABELS, SCORES)),
        ("calibration_snow", SCORES[:, 2].mean() - (LABELS == 2).mean()),
    ],
)
def test_a_metric_is_that_of_scikit_learn(evaluation: Evaluation, metric: str, expected: float) -> None:
    estimate = evaluation.estimates[metric]

    assert estimate.value == pytest.approx(expected)
    assert estimate.low < estimate.value < estimate.high


def test_a_class_that_neither_occurs_nor_is_likeliest_has_no_part_in_f1_and_leaves_auc_unknown() -> None:
    labels, scores = np.array([0.0, 1.0, 0.0, 1.0]), np.tile([0.6, 0.3, 0.1], (4, 1))

    estimates = evaluate(WEATHER, labels, scores, np.array([1, 1, 2, 2])).estimates

    assert estimates["f1"].value == pytest.approx(
        sklearn_metrics.f1_score(labels, scores.argmax(axis=1), average="macro")
    )
    assert np.isnan(estimates["auc"].value)


def test_rare_classes_have_their_own_shares_in_a_baseline_and_share_alike_in_an_earlier_one() -> None:
    labels = np.repeat([0.0, 1.0, 2.0], [970, 20, 10])
    baseline = profile_baseline(pd.DataFrame({"wind": labels}), [], label=labels, score=np.linspace(0, 1, 50))

    assert WEATHER.constant_of(baseline.label) == pytest.approx((0.97, 0.02, 0.01))
    assert WEATHER.constant_of(profile_numeric(labels)) == pytest.approx((0.97, 0.015, 0.015))


def test_the_best_constant_scores_are_the_shares_of_the_classes_also_by_a_profile() -> None:
    shares = [float((place == LABELS).mean()) for place in range(3)]

    assert WEATHER.constant(LABELS) == pytest.approx(shares)
    assert WEATHER.constant_of(profile_numeric(LABELS)) == pytest.approx(shares)
    assert WEATHER.loss(LABELS, WEATHER.repeated(WEATHER.constant(LABELS), LABELS.size)).mean() < 1.1


def test_labels_are_places_of_classes_and_each_class_must_be_there_to_be_learned() -> None:
    assert WEATHER.are_labels(np.array([0.0, 2.0, 3.0, 0.5])).tolist() == [True, True, False, False]
    assert WEATHER.wanted_labels == "0 to 2, the places of dry, rain, snow"
    assert WEATHER.cannot_be_learned(np.array([0.0, 2.0])) == "no label is of the class rain"
    assert WEATHER.cannot_be_learned(LABELS) == ""


def test_each_class_has_a_plot() -> None:
    plots = WEATHER.plots(LABELS, SCORES)

    assert list(plots) == ["calibration_dry", "calibration_rain", "calibration_snow"]


@pytest.mark.parametrize(
    ("name", "classes", "words"),
    [
        ("weather", ("dry",), "at least two classes"),
        ("weather", ("dry", "dry"), "each by another name"),
        ("weather", ("dry", "Dry"), "each by another name"),
        ("weather", ("dry", "it rains"), "got 'it rains'"),
        ("my weather", ("dry", "rain"), "got 'my weather'"),
    ],
)
def test_classes_without_names_of_their_own_are_refused(name: str, classes: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Multiclass(name, classes)
