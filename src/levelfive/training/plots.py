"""A plot of which features a model uses most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from levelfive.statistics.tasks.task import Estimator

SHOWN_FEATURES = 25


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
