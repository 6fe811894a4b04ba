"""How live predictions did, once their labels are known: by window, of the rows that have a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from levelfive.core.windows import Window, to_micros
from levelfive.features.labels import of_window, outcomes_as_known
from levelfive.monitoring.comparison import Comparison
from levelfive.monitoring.drift_statistics import column_drift
from levelfive.monitoring.mature_rows import AT, evaluation_of, mean_score, reliability_of
from levelfive.monitoring.slice_performance import SliceOutcome, slice_column, slice_outcomes
from levelfive.statistics.baseline import LABEL_PROFILE, Baseline
from levelfive.statistics.calibration import Calibration, ReliabilityGroup
from levelfive.statistics.metrics import Estimate, Evaluation
from levelfive.statistics.partials import partial_numeric
from levelfive.statistics.profiles import NumericProfile, finish_numeric
from levelfive.statistics.tasks.task import Task
from levelfive.storage.predictions import SLICES, Role, live_predictions, served_predictions
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME, PREDICTION_TIME
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

CalibrationOf: TypeAlias = Callable[[str], Calibration | None]
"""From a version to how often its scores come true."""

BaselineOf: TypeAlias = Callable[[str], Baseline | None]
"""From a version to what it was trained on."""


@dataclass(frozen=True)
class Expected:
    """What scores alone say of a window: metrics by name, the mean label and the mean score."""

    metrics: Mapping[str, float]
    label_mean: float
    score_mean: float


@dataclass(frozen=True)
class Performance:
    """Live predictions of one window.

    Args:
        window: The prediction times.
        versions: The versions that scored the rows, the one that was live last at the end.
        scored: Rows scored by a champion.
        known: Of them, rows whose outcome is known.
        mature: Of them, rows old enough for nearly all labels to be known, and labelled.
        provisional: Whether some rows of the window are too young to be measured by.
        without_label: Number and mean score of the rows that will never have a label, by outcome.
        label_mean_known: The mean of all labels known, those of young rows too; it flatters. None without labels.
        evaluation: Metrics on the mature rows, or None where there are none.
        reference: Metrics of the first champion on the same rows, or None while it was the live one, or is gone.
        slices: What became of the rows of slices; empty where that was not asked for.
        expected: Metrics of all rows by how often such scores came true before, without their labels; None where a
            version that scored does not tell.
        reliability: Scores beside labels on the mature rows, in groups of like scores.
        label_drift: How the labels of the mature rows differ from those that the last version was trained on, by the
            names of drift statistics; empty where that is not known.
    """

    window: Window
    versions: tuple[str, ...]
    scored: int
    known: int
    mature: int
    provisional: bool
    without_label: dict[str, tuple[int, float]]
    label_mean_known: float | None
    evaluation: Evaluation | None
    reference: Evaluation | None
    slices: tuple[SliceOutcome, ...] = ()
    expected: Expected | None = None
    reliability: tuple[ReliabilityGroup, ...] = ()
    label_drift: Mapping[str, float] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, Mapping[str, Estimate]]:
        """The metrics on the mature rows: of slices by their names, of all rows by an empty text."""
        by_slice = {
            f"{one.slice.key}={one.slice.value}": one.evaluation.estimates
            for one in self.slices
            if one.evaluation is not None
        }
        return by_slice if self.evaluation is None else {**by_slice, "": self.evaluation.estimates}

    @property
    def share_known(self) -> float:
        """The share of rows whose outcome is known; 1 without rows."""
        return self.known / self.scored if self.scored else 1.0


@dataclass(frozen=True)
class Outcomes:
    """Live predictions with what became of them.

    Args:
        rows: `AT` (microseconds), the task's score columns and those of the reference, label, outcome, `model_version`.
        as_of: When the labels were known.
        first: The first champion's version, or None.
        calibration_of: How often a version's scores come true.
        baseline_of: What a version was trained on.
    """

    rows: pd.DataFrame
    as_of: datetime
    first: str | None
    calibration_of: CalibrationOf = lambda version: None
    baseline_of: BaselineOf = lambda version: None


def performance(
    context: JobContext,
    run: Run,
    windows: Sequence[Window],
    *,
    model_name: str,
    as_of: datetime,
    first: str | None = None,
    role: Role = Role.CHAMPION,
    calibration_of: CalibrationOf = lambda version: None,
    baseline_of: BaselineOf = lambda version: None,
    by_slice: bool = False,
) -> tuple[Performance, ...]:
    """Compare live predictions with the labels known at `as_of`, window by window.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        windows: Prediction times.
        model_name: The registered model.
        as_of: The logical now.
        first: The version of the first champion, which later ones are compared with.
        role: Whose predictions: those of batches, one a row; or answers to single requests, each of which counts.
        calibration_of: How often a version's scores come true.
        baseline_of: What a version was trained on.
        by_slice: Measure also by slice the last window, and those whose labels are all old enough.

    Raises:
        TableError: Nothing was scored yet.
    """
    whole = Window(min(w.start for w in windows), max(w.end for w in windows))
    rows = _with_labels(context, run, whole, model_name=model_name, as_of=as_of, role=role).toPandas()
    outcomes = Outcomes(rows, as_of, first, calibration_of, baseline_of)
    complete = as_of - context.use_case.maturity
    return tuple(
        performance_of(
            context.use_case,
            outcomes,
            window,
            by_slice=by_slice and (window == windows[-1] or window.end <= complete),
        )
        for window in windows
    )


def _with_labels(
    context: JobContext, run: Run, window: Window, *, model_name: str, as_of: datetime, role: Role
) -> DataFrame:
    key = context.use_case.key
    task = context.use_case.model.task
    names = (*key, "model_version", *task.score_columns, *task.reference_columns)
    columns: list[Column] = [F.col(name) for name in names]
    columns.append(F.unix_micros(PREDICTION_TIME).alias(AT))
    columns += [F.try_element_at(SLICES, F.lit(key)).alias(slice_column(key)) for key in context.use_case.slices]
    if role is Role.SERVED:
        live = served_predictions(run, window, model_name=model_name).select(*columns)
    else:
        live = live_predictions(run, context.use_case, window, model_name=model_name, columns=columns)
    labels = of_window(outcomes_as_known(run, context.use_case, as_of), context.use_case, window)
    rows: DataFrame = live.join(labels.select(*key, LABEL, OUTCOME), on=list(key), how="left").drop(*key)
    return rows


def performance_of(use_case: UseCase, outcomes: Outcomes, window: Window, *, by_slice: bool = False) -> Performance:
    """Compare the predictions of one window with what became of them, if asked for by slice, too."""
    task, rows = use_case.model.task, outcomes.rows
    old_until = to_micros(outcomes.as_of - use_case.maturity)
    inside = rows[(rows[AT] >= to_micros(window.start)) & (rows[AT] < to_micros(window.end))]
    labelled_rows = inside[inside[OUTCOME] == LABELLED]
    mature = labelled_rows[labelled_rows[AT] < old_until]
    others = inside[inside[OUTCOME].notna() & (inside[OUTCOME] != LABELLED)].groupby(OUTCOME)
    last = inside.groupby("model_version")[AT].max().items()
    versions = [str(version) for _, _, version in sorted((at, len(str(version)), version) for version, at in last)]
    baseline = outcomes.baseline_of(versions[-1]) if versions else None
    trained_slices = None if baseline is None else baseline.slice_outcomes
    return Performance(
        window=window,
        versions=tuple(versions),
        scored=len(inside),
        known=int(inside[OUTCOME].notna().sum()),
        mature=len(mature),
        provisional=to_micros(window.end) > old_until,
        without_label={str(name): (len(part), mean_score(task, part)) for name, part in others},
        label_mean_known=float(labelled_rows[LABEL].mean()) if len(labelled_rows) else None,
        evaluation=evaluation_of(use_case, mature, task.of_columns(mature[[*task.score_columns]])),
        reference=_evaluate_reference(use_case, mature, outcomes.first),
        slices=slice_outcomes(use_case, inside, mature, trained_slices) if by_slice else (),
        expected=_expect(task, inside, outcomes.calibration_of),
        reliability=reliability_of(use_case, mature),
        label_drift={} if baseline is None else _label_drift(mature, baseline.label),
    )


def _expect(task: Task, rows: pd.DataFrame, calibration_of: CalibrationOf) -> Expected | None:
    """Say what the scores alone tell, each by its version's calibration."""
    scores, shares = task.of_columns(rows[[*task.score_columns]]), np.full(len(rows), np.nan)
    for version, places in rows.groupby("model_version").indices.items():
        calibration = calibration_of(str(version))
        if calibration is None:
            return None
        shares[places] = calibration.shares_of(scores[places])
    if rows.empty:
        return None
    return Expected(task.expected_metrics(scores, shares), float(shares.mean()), float(task.expected(scores).mean()))


def _label_drift(mature: pd.DataFrame, training: NumericProfile) -> dict[str, float]:
    """Compare labels with those of the training, on their bins; none of it is tested."""
    if mature.empty:
        return {}
    labels = finish_numeric(partial_numeric(mature[LABEL].to_numpy(np.float64), training.histogram), training.histogram)
    return column_drift(LABEL_PROFILE, Comparison(training, labels)).statistics


def _evaluate_reference(use_case: UseCase, mature: pd.DataFrame, first: str | None) -> Evaluation | None:
    """Measure the first champion where another was live; rows that it scored live are its own, too."""
    others = (mature["model_version"] != first).to_numpy()
    if not others.any():
        return None
    task = use_case.model.task
    scores = task.of_columns(mature[[*task.score_columns]]).copy()
    scores[others] = task.of_columns(mature.loc[others, [*task.reference_columns]])
    return None if np.isnan(scores).any() else evaluation_of(use_case, mature, scores)
