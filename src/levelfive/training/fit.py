"""Fits a recipe on a window of a training set, and notes what a model that may go live will be compared with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from levelfive.core.windows import Window
from levelfive.errors import EvidenceError
from levelfive.models.card import REQUIREMENTS, ModelCard, SliceMetrics
from levelfive.models.libraries import libraries_of
from levelfive.models.package import Model, feature_frame
from levelfive.statistics.baseline import profile_baseline
from levelfive.training.dataset import DAY_NUMBER, Snapshot, inside
from levelfive.training.importances import importances
from levelfive.training.out_of_fold import OutOfFold
from levelfive.training.segment_losses import sliced_counts, sliced_outcomes, unseen_losses
from levelfive.training.session import Session
from levelfive.usecase.columns import LABEL


def fit(session: Session, snapshot: Snapshot, window: Window) -> Model:
    """Fit the session's recipe on the rows of a window.

    Raises:
        EvidenceError: There is no row, or a classifier would see one label alone.
    """
    spec, rows, use_case = session.spec, inside(snapshot.rows, window), session.context.use_case
    if rows.empty:
        raise EvidenceError(f"no labelled row has a prediction time in {window}")
    features = feature_frame(rows, spec.features, spec.categorical)
    labels = rows[LABEL].to_numpy(np.float64)
    if alike := spec.task.cannot_be_learned(labels):
        raise EvidenceError(f"in {window}, {alike}: train on a longer time, or look at `labels` of the use case")
    estimator = spec.estimator()
    estimator.fit(features, labels)
    distributions = (*REQUIREMENTS, "levelfive", session.code.distribution)
    card = ModelCard(
        use_case=use_case.name,
        task=spec.task,
        features=spec.features,
        categorical=spec.categorical,
        lookups=spec.lookups,
        trained_from=window.start,
        trained_until=window.end,
        as_of=session.as_of,
        training_rows=len(rows),
        training_set_sha256=snapshot.sha256,
        table_versions=dict(session.run.versions_read),
        parameters=dict(spec.parameters),
        seed=spec.seed,
        run_id=session.tracked_run.run_id,
        code_revision=session.code_revision,
        baseline="",
        code=session.code,
        key=use_case.key,
        slices=use_case.slices,
        max_staleness=use_case.serving.max_staleness,
        purpose=use_case.purpose,
        limits=use_case.limits,
        libraries=tuple(name for name in libraries_of(estimator) if name not in distributions),
    )
    return Model(estimator, card)


def with_baseline(
    model: Model, rows: pd.DataFrame, out_of_fold: OutOfFold, holdout: tuple[SliceMetrics, ...], *, least_rows: int
) -> Model:
    """Note what a model that may go live rests on, and what it is compared with: training set, unseen scores, holdout.

    Args:
        model: What was fitted on all rows.
        rows: The training set.
        out_of_fold: Scores of rows by models that had not seen them.
        holdout: How its candidate did, all rows first.
        least_rows: Of a segment whose losses are noted, and of a slice whose values are counted.
    """
    card = model.card
    features, days = feature_frame(rows, card.features, card.categorical), rows[DAY_NUMBER].to_numpy()
    baseline = profile_baseline(
        features,
        card.categorical,
        label=rows[LABEL].to_numpy(np.float64),
        score=out_of_fold.scores,
        days=days,
        score_days=out_of_fold.days,
        score_columns=card.task.score_columns,
    )
    rests_on = importances(model, features, days)
    losses = unseen_losses(card.task, features, baseline, rests_on, out_of_fold=out_of_fold, least_rows=least_rows)
    slice_counts = sliced_counts(rows, features, baseline, rests_on, slices=card.slices, least_rows=least_rows)
    outcomes = sliced_outcomes(rows, baseline, out_of_fold=out_of_fold, slices=card.slices, least_rows=least_rows)
    whole = replace(baseline, losses=losses, slice_counts=slice_counts, slice_outcomes=outcomes)
    complete = replace(
        card,
        baseline=whole.to_json(),
        score_baseline=out_of_fold.method,
        holdout=holdout,
        holdout_skill=holdout[0].values.get(card.task.skill, math.nan),
        importances=rests_on,
        calibration=card.task.calibrate(out_of_fold.scores, out_of_fold.labels),
    )
    return Model(model.estimator, complete)
