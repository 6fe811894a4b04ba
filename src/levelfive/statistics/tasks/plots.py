"""Plots of an evaluation that tasks share."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from levelfive.statistics.day_blocks import Floats

BINS = 10


def calibration_plot(labels: Floats, scores: Floats) -> Figure:
    """Plot the mean label against the mean score, in tenths of the rows by score."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    parts = [part for part in np.array_split(np.argsort(scores, kind="stable"), BINS) if part.size]
    axes.plot([scores[part].mean() for part in parts], [labels[part].mean() for part in parts], marker="o")
    low, high = float(scores.min()), float(scores.max())
    axes.plot([low, high], [low, high], linestyle="--", color="grey")
    axes.set(title="Calibration on the holdout", xlabel="mean score", ylabel="mean label")
    return figure
