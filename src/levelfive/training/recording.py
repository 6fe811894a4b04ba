"""Writes into the tracking store what a training led to: metrics by slice, plots, tables, card and verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levelfive.models.card import SliceMetrics
from levelfive.models.package import Model
from levelfive.registry.gate import GateVerdict
from levelfive.statistics.metrics import Evaluation, evaluate, evaluate_slices
from levelfive.training.dataset import DAY_NUMBER, SLICE
from levelfive.training.plots import importance_plot
from levelfive.training.session import Session
from levelfive.training.tracking import slice_name
from levelfive.usecase.columns import LABEL
from levelfive.usecase.model import OWN_PARAMETERS


def record_evaluation(
    session: Session, candidate: Model, held_out: pd.DataFrame, scores: NDArray[Any], *, verdict: GateVerdict
) -> tuple[Evaluation, tuple[SliceMetrics, ...]]:
    """Evaluate a candidate on its holdout, and record all that is known of it.

    Args:
        session: The training.
        candidate: Who was judged.
        held_out: The rows of the holdout, with their labels, days and slices.
        scores: What the candidate says of them, shape (rows,).
        verdict: What the gate says.

    Returns:
        The metrics of all rows; and the same, with those of the slices, as the model card tells them.

    Raises:
        RegistryError: The tracking store refused, or did not answer.
    """
    tracked_run, spec = session.tracked_run, session.spec
    labels, days = held_out[LABEL].to_numpy(np.float64), held_out[DAY_NUMBER].to_numpy()
    evaluation = evaluate(spec.task, labels, scores, days)
    ours = {f"{OWN_PARAMETERS}seed": spec.seed, f"{OWN_PARAMETERS}features": len(spec.features)}
    tracked_run.log_parameters({**spec.parameters, **ours})
    tracked_run.log_evaluation("holdout", evaluation, session.as_of)
    by_slice = [_slice_metrics("", evaluation)]
    for column in session.context.use_case.slices:
        values = held_out[f"{SLICE}{column}"].to_numpy()
        for value, part in evaluate_slices(spec.task, labels, scores, days, values=values).items():
            tracked_run.log_evaluation(slice_name("holdout", column, value), part, session.as_of)
            by_slice.append(_slice_metrics(f"{column} missing" if value is None else f"{column}={value}", part))
    for name, figure in spec.task.plots(labels, scores).items():
        tracked_run.log_figure(figure, f"plots/{name}.png")
    importances = importance_plot(candidate.estimator, spec.features)
    if importances is not None:
        tracked_run.log_figure(importances, "plots/importance.png")
    versions = session.run.versions_read
    tracked_run.log_tables({table: session.context.tables.name(table) for table in versions}, versions)
    tracked_run.log_text(candidate.card.to_json(), "card.json")
    tracked_run.log_text(verdict.to_json(), "verdict.json")
    tracked_run.set_tags({"verdict": str(verdict.kind), "training_set.sha256": candidate.card.training_set_sha256})
    return evaluation, tuple(by_slice)


def _slice_metrics(name: str, of: Evaluation) -> SliceMetrics:
    return SliceMetrics(name, of.rows, of.days, **of.known)
