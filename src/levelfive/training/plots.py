"""Plots of an evaluation: calibration, and which features the model uses most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

if TYPE_CHECKING:
    from levelfive.usecase.model import Estimator

BINS = 10
SHOWN_FEATURES = 25


def calibration_plot(labels: NDArray[Any], scores: NDArray[Any]) -> Figure:
    """Plot the mean label against the mean score, in tenths of the rows by score."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    parts = [part for part in np.array_split(np.argsort(scores, kind="stable"), BINS) if part.size]
    axes.plot([scores[part].mean() for part in parts], [labels[part].mean() for part in parts], marker="o")
    low, high = float(scores.min()), float(scores.max())
    axes.plot([low, high], [low, high], linestyle="--", color="grey")
    axes.set(title="Calibration on the holdout", xlabel="mean score", ylabel="mean label")
    return figure


def importance_plot(estimator: Estimator, features: tuple[str, ...]) -> Figure | None:
    """Plot the importances of the last step of a pipeline; None for an estimator that has none."""
    steps = getattr(estimator, "steps", None)
    if steps is None or not hasattr(steps[-1][1], "feature_importances_"):
        return None
    names = list(steps[0][1].get_feature_names_out()) if len(steps) > 1 else list(features)
    values = np.asarray(steps[-1][1].feature_importances_)
    order = np.argsort(values)[-SHOWN_FEATURES:]
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots()
    axes.barh([names[i] for i in order], values[order])
    axes.set(title="Importance (share of gain)")
    return figure
