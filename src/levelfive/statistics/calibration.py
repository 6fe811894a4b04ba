"""How often a score comes true: the share of label 1 by score, from rows that the model had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from levelfive.statistics.day_blocks import Floats


@dataclass(frozen=True)
class Calibration:
    """Shares of label 1 at some scores, which both rise; in between, shares lie on the line.

    Args:
        scores: Scores in rising order, at least one.
        shares: For each of them the share of rows with label 1, 0 to 1.
    """

    scores: tuple[float, ...]
    shares: tuple[float, ...]

    def shares_of(self, scores: Floats) -> Floats:
        """Look up the share of label 1 among rows with these scores, of their shape; beyond an end, that of the end."""
        return np.interp(scores, self.scores, self.shares)


def calibrate(scores: Floats, labels: Floats) -> Calibration:
    """Fit the shares that rise with the score and are nearest to the labels (isotonic regression).

    Zadrozny and Elkan 2002, Transforming Classifier Scores into Accurate Multiclass Probability Estimates.

    Args:
        scores: Shape (rows,), at least one row.
        labels: 0 or 1, shape (rows,).
    """
    from sklearn.isotonic import IsotonicRegression  # slow to load, and only training needs it

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(scores, labels)
    return Calibration(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))
