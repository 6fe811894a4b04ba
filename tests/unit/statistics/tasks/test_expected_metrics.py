"""What scores alone say of metrics, against the labels that would come."""

import numpy as np
import pytest

from levelfive import BINARY, REGRESSION
from levelfive.statistics.metrics import evaluate


def test_where_labels_are_certain_the_estimate_is_what_they_say():
    draw = np.random.default_rng(3)
    scores, labels = draw.choice([0.1, 0.3, 0.3, 0.7], 400), draw.integers(0, 2, 400).astype(float)

    found, measured = BINARY.expected_metrics(scores, labels), evaluate(BINARY, labels, scores, np.arange(400) % 5)

    assert found.keys() == measured.estimates.keys()
    assert found == pytest.approx({name: one.value for name, one in measured.estimates.items()}, abs=1e-12)


def test_the_expected_auc_is_that_of_pairs_of_different_rows():
    scores, shares = np.array([0.2, 0.2, 0.6, 0.9]), np.array([0.1, 0.4, 0.5, 0.8])
    right = pairs = 0.0
    for i in range(4):
        for j in range(4):
            if i != j:
                weight = shares[i] * (1 - shares[j])
                right += weight * ((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
                pairs += weight

    assert BINARY.expected_metrics(scores, shares)["auc"] == pytest.approx(right / pairs)


def test_labels_drawn_by_the_shares_lead_to_the_estimate_on_average():
    draw = np.random.default_rng(4)
    scores = draw.beta(2, 5, 2_000)
    shares = scores**1.2  # the scores are too high
    days = np.arange(2_000) % 7

    drawn = [evaluate(BINARY, (draw.random(2_000) < shares).astype(float), scores, days) for _ in range(40)]

    for name, value in BINARY.expected_metrics(scores, shares).items():
        values = np.array([one.estimates[name].value for one in drawn])
        assert abs(values.mean() - value) < 4 * values.std() / np.sqrt(40), name


def test_what_is_not_defined_is_left_out():
    assert BINARY.expected_metrics(np.array([0.5, 0.6]), np.array([0.0, 0.0])).keys() == {
        "log_loss",
        "brier",
        "calibration",
    }


def test_a_regression_tells_nothing_by_its_scores_alone():
    assert REGRESSION.calibrate(np.array([1.0]), np.array([2.0])) is None
    assert REGRESSION.expected_metrics(np.array([1.0]), np.array([2.0])) == {}
