"""What a model rests on: the share of each feature in its scores, by tree SHAP, or by permutation for other models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from levelfive.models.package import Model
from levelfive.models.transformed import feature_of
from levelfive.statistics.histograms import Floats

SAMPLE_ROWS = 2_000
# Digits of a share: more would differ from one processor to the next, and with them the identity of the model.
_DIGITS = 4


def importances(model: Model, features: pd.DataFrame, days: npt.NDArray[Any]) -> dict[str, float]:
    """Measure what a model's scores rest on, by feature: shares that add up to 1, the greatest first.

    Of gradient-boosted trees, by the mean absolute SHAP value (Lundberg et al. 2020, From Local Explanations to Global
    Understanding with Explainable AI for Trees, Nature Machine Intelligence 2). Of other models, by how far a score
    moves, on average, when the feature's values change places among the rows; it needs no labels.

    Args:
        model: A fitted model.
        features: Its features, shape (rows, features), as `feature_frame` makes them.
        days: Whole numbers of the rows' days, shape (rows,): `SAMPLE_ROWS` rows are drawn, of all days alike.
    """
    rows = features.iloc[draw_by_day(days, SAMPLE_ROWS, model.card.seed)]
    weights = _by_shap(model.estimator, rows)
    if weights is None:
        weights = _by_permutation(model, rows)
    if not weights.any():
        return {}
    shares = np.round(weights / weights.sum(), _DIGITS).tolist()
    return dict(sorted(zip(rows.columns, shares, strict=True), key=lambda item: (-item[1], item[0])))


def draw_by_day(days: npt.NDArray[Any], number: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw rows so that each day gives as many, as far as it has them; places in order, at most `number`."""
    draws = np.random.default_rng(seed).random(len(days))
    by_day = np.lexsort((draws, days))
    sorted_days = np.asarray(days)[by_day]
    ranks = np.arange(len(days)) - np.searchsorted(sorted_days, sorted_days)
    selection = np.lexsort((draws[by_day], ranks))[:number]
    return np.sort(by_day[selection])


def _by_shap(estimator: object, rows: pd.DataFrame) -> Floats | None:
    """Compute the mean absolute SHAP values of a pipeline of trees, shape (features,); None where it is none."""
    steps: Sequence[tuple[str, Any]] = getattr(estimator, "steps", [("", estimator)])
    trees, before = steps[-1][1], [step for _, step in steps[:-1]]
    contributions_of = _CONTRIBUTIONS.get(type(trees).__module__.split(".")[0])
    if contributions_of is None:
        return None
    inputs, names = rows, list(rows.columns)
    for step in before:
        if not hasattr(step, "get_feature_names_out"):
            return None
        inputs, names = step.transform(inputs), list(step.get_feature_names_out())
    of_columns = [feature_of(name, list(rows.columns)) for name in names]
    contributions = contributions_of(trees, inputs)
    if None in of_columns or contributions.shape[-1] != len(names) + 1:
        return None
    weights = np.abs(contributions[..., :-1]).mean(axis=tuple(range(contributions.ndim - 1)))
    by_feature = pd.Series(weights).groupby(of_columns).sum()
    return by_feature.reindex(rows.columns, fill_value=0.0).to_numpy(np.float64)


def _of_xgboost(trees: Any, inputs: Any) -> Floats:
    from xgboost import DMatrix  # what other models do without

    matrix = DMatrix(inputs, missing=trees.missing, enable_categorical=True)
    tree_range = (0, getattr(trees, "best_iteration", -1) + 1)  # where early stopping chose no iteration, all of them
    contributions = trees.get_booster().predict(
        matrix, pred_contribs=True, validate_features=False, iteration_range=tree_range
    )
    return np.asarray(contributions, dtype=np.float64)


def _of_lightgbm(trees: Any, inputs: Any) -> Floats:
    contributions = np.asarray(trees.booster_.predict(inputs, pred_contrib=True), dtype=np.float64)
    return contributions.reshape(len(contributions), -1, trees.n_features_in_ + 1)


_CONTRIBUTIONS = {"xgboost": _of_xgboost, "lightgbm": _of_lightgbm}


def _by_permutation(model: Model, rows: pd.DataFrame) -> Floats:
    """Measure how far scores move when one feature's values change places, shape (features,).

    Fisher, Rudin and Dominici 2019, All Models are Wrong, but Many are Useful, Journal of Machine Learning Research 20,
    on scores instead of losses.
    """
    task, before = model.card.task, model.card.task.predict(model.estimator, rows)
    order = np.random.default_rng(model.card.seed).permutation(len(rows))
    weights = []
    for name in rows.columns:
        shuffled_rows = rows.assign(**{name: rows[name].to_numpy()[order]})
        weights.append(float(np.abs(task.predict(model.estimator, shuffled_rows) - before).mean()))
    return np.array(weights)
