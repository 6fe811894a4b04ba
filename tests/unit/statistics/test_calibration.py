"""How often a score comes true."""

import numpy as np
import pytest

from levelfive.statistics.calibration import Calibration, calibrate


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
