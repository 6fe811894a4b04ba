"""How often a score comes true."""

import numpy as np
import pytest

from levelfive.statistics.calibration import Calibration, calibrate, reliability


def test_shares_are_those_of_the_rows_with_like_scores():
    scores = np.repeat([0.2, 0.5, 0.8], 100)
    labels = np.concatenate([np.arange(100) < 10, np.arange(100) < 30, np.arange(100) < 90]).astype(float)

    found = calibrate(scores, labels)

    assert found.shares_of(np.array([0.2, 0.5, 0.8])) == pytest.approx([0.1, 0.3, 0.9])
    assert found.shares_of(np.array([0.35])) == pytest.approx([0.2])


def test_beyond_the_scores_that_were_seen_the_end_counts():
    found = Calibration((0.2, 0.8), (0.1, 0.7))

    assert found.shares_of(np.array([0.0, 1.0])).tolist() == [0.1, 0.7]


def test_shares_rise_with_the_score_where_labels_do_not():
    found = calibrate(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.0, 1.0, 0.0, 1.0]))

    assert found.shares_of(np.array([0.1, 0.2, 0.3, 0.4])).tolist() == [0.0, 0.5, 0.5, 1.0]


def test_groups_are_tenths_of_the_rows_by_score_with_the_means_of_their_rows():
    random = np.random.default_rng(0)
    scores, days = random.permutation(1000) / 1000, np.arange(1000) % 25
    labels = (random.random(1000) < scores).astype(float)

    groups = reliability(scores, labels, days)

    order = np.argsort(scores)
    assert [group.rows for group in groups] == [100] * 10
    assert [group.score for group in groups] == pytest.approx(scores[order].reshape(10, 100).mean(axis=1))
    assert [group.label for group in groups] == pytest.approx(labels[order].reshape(10, 100).mean(axis=1))


def test_nine_of_ten_intervals_hold_the_truth():
    """A thousand groups: nine tenths, within four standard errors of the binomial distribution."""
    random, held = np.random.default_rng(1), []
    for _ in range(100):
        days = np.repeat(np.arange(20), 50)
        scores = random.random(1000)
        labels = (random.random(1000) < scores).astype(float)
        held += [group.low <= group.score <= group.high for group in reliability(scores, labels, days)]

    assert 0.86 < np.mean(held) < 0.94


def test_rows_with_one_score_are_in_one_group():
    scores, labels = np.array([0.1] * 7 + [0.6] * 3), np.array([0.0, 1.0] * 5)

    groups = reliability(scores, labels, np.arange(10))

    assert [(group.score, group.rows) for group in groups] == [(pytest.approx(0.1), 7), (pytest.approx(0.6), 3)]


@pytest.mark.parametrize("days", [np.zeros(4), np.arange(4)], ids=["one day", "labels that are alike"])
def test_what_the_rows_cannot_tell_may_be_anything(days):
    labels = np.array([0.0, 1.0, 1.0, 1.0])

    *_, last = reliability(np.array([0.1, 0.8, 0.8, 0.8]), labels, days)

    assert (last.label, last.low, last.high) == (1.0, 0.0, 1.0)
