"""A candidate against the champion: the rows that neither was trained on, the gate's evidence on them, its verdict.

A training and an admission judge alike: they differ only in where the rows come from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from levelfive.core.windows import Window
from levelfive.models.package import Model
from levelfive.registry.gate import GateEvidence, GateVerdict, judge_candidate, without_lost_champion
from levelfive.registry.promotions import Promotion
from levelfive.statistics.metrics import row_loss
from levelfive.statistics.tasks.task import Task
from levelfive.training.dataset import DAY_NUMBER
from levelfive.training.split import moved_back
from levelfive.usecase.columns import LABEL
from levelfive.usecase.policies import GatePolicy


@dataclass(frozen=True, eq=False)
class Losses:
    """A model's loss on each of some labelled rows, with their labels and days, all of shape (rows,)."""

    loss: NDArray[Any]
    labels: NDArray[Any]
    days: NDArray[Any]


def losses(model: Model, rows: pd.DataFrame | None, scores: NDArray[Any] | None = None) -> Losses:
    """Compute a model's loss on each of some labelled rows.

    Args:
        model: The model.
        rows: The features of the model, `label` and `DAY_NUMBER`; None where there are no rows.
        scores: What the model says of the rows, where that is known already.
    """
    if rows is None or rows.empty:
        return Losses(np.empty(0), np.empty(0), np.empty(0, np.int64))
    labels, scores = rows[LABEL].to_numpy(np.float64), model.score(rows) if scores is None else scores
    return Losses(row_loss(model.card.task, labels, scores), labels, rows[DAY_NUMBER].to_numpy())


def _constant_loss(task: Task, labels: NDArray[Any], constant: tuple[float, ...]) -> NDArray[Any]:
    return row_loss(task, labels, task.repeated(constant, labels.size)) if labels.size else np.empty(0)


@dataclass(frozen=True)
class Contest:
    """A candidate against the champion.

    Args:
        candidate: Who wants to go live.
        live: The champion's promotion, or None where nothing is live.
        champion: The model of that version; None where nothing is live, or its files are gone or damaged.
        holdout: The newest days.
    """

    candidate: Model
    live: Promotion | None
    champion: Model | None
    holdout: Window

    @property
    def evaluated_from(self) -> datetime:
        """From when on no model was trained on a row."""
        models = (self.candidate, self.champion)
        return max(self.holdout.start, *(model.card.trained_until for model in models if model is not None))

    @property
    def unseen(self) -> Window | None:
        """The part of the holdout that no model was trained on, or None where there is none."""
        since, end = self.evaluated_from, self.holdout.end
        return Window(since, end) if since < end else None

    def judge(
        self, candidate: Losses, champion: Losses | None, policy: GatePolicy, *, constant: tuple[float, ...]
    ) -> GateVerdict:
        """Let the gate judge, and say what it could not compare with, and how far back it had to look.

        Args:
            candidate: The candidate's losses on the unseen rows.
            champion: The champion's on the same rows, or None without champion.
            policy: The gate's.
            constant: What a constant prediction says that knows the labels of the candidate's training.

        Raises:
            EvidenceError: The losses are not of the same rows, or not finite.
        """
        verdict = judge_candidate(self._evidence(candidate, champion, constant), policy)
        verdict = replace(verdict, reasons=(*verdict.reasons, *moved_back(self.holdout, policy)))
        if self.live is not None and self.champion is None:
            return without_lost_champion(verdict, self.live.version)
        return verdict

    def _evidence(self, candidate: Losses, champion: Losses | None, constant: tuple[float, ...]) -> GateEvidence:
        return GateEvidence(
            candidate_loss=candidate.loss,
            constant_loss=_constant_loss(self.candidate.card.task, candidate.labels, constant),
            days=candidate.days,
            evaluated_from=self.evaluated_from,
            candidate_trained_until=self.candidate.card.trained_until,
            champion_loss=None if champion is None else champion.loss,
            champion_trained_until=None if self.champion is None else self.champion.card.trained_until,
        )
