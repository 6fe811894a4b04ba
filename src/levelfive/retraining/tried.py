"""What earlier trainings settled, and what the gate would judge the next one by.

A training that the gate refused for too little evidence settled nothing, unless a whole holdout judged it: there is no
more to be had. So its trigger is not used up, and the next training waits until there is a whole holdout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.days import start_of
from levelfive.core.windows import iso
from levelfive.errors import EvidenceError
from levelfive.features.labels import LabelledDay
from levelfive.registry.gate import VerdictKind
from levelfive.retraining.policy import Action
from levelfive.retraining.records import DecisionRecord, RetrainingRecord
from levelfive.retraining.situation import Foreseen
from levelfive.training import evidence
from levelfive.usecase.policies import NoEvidence
from levelfive.usecase.use_case import UseCase


@dataclass(frozen=True)
class Tried:
    """What earlier trainings settled.

    Args:
        labels: How many labels each training that was judged had.
        decision_times: The `as_of` of each decision to retrain that led to a judgement, or may still.
        unsettled_at: The `as_of` of the last training for the live model that settled nothing, or None.
    """

    labels: tuple[int, ...]
    decision_times: tuple[datetime, ...]
    unsettled_at: datetime | None


def tried(
    use_case: UseCase,
    days: Sequence[LabelledDay],
    decisions: Sequence[DecisionRecord],
    trainings: Sequence[RetrainingRecord],
    *,
    live_version: str,
) -> Tried:
    """Tell what trainings settled.

    Args:
        use_case: Its gate, its maturity, and when its days begin.
        days: Those with mature labels; `newer` are the rows that the live model was not trained on.
        decisions: The decisions so far.
        trainings: The trainings that they led to.
        live_version: The live model.
    """
    about = {one.decision_id: one.live_version for one in decisions}
    unsettled_times = {
        one.decision_id: one.as_of
        for one in trainings
        if _is_unsettled(use_case, days, one, of_live=about.get(one.decision_id) == live_version)
    }
    retrainings_asked_for = (one for one in decisions if one.action is Action.RETRAIN)
    return Tried(
        labels=tuple(one.labels for one in trainings if one.decision_id not in unsettled_times),
        decision_times=tuple(one.as_of for one in retrainings_asked_for if one.decision_id not in unsettled_times),
        unsettled_at=max(
            (at for decision, at in unsettled_times.items() if about.get(decision) == live_version), default=None
        ),
    )


def foreseen(
    use_case: UseCase, days: Sequence[LabelledDay], *, as_of: datetime, unsettled_at: datetime | None = None
) -> Foreseen | None:
    """Tell what the gate would judge a training by; None where it passes without evidence.

    Args:
        use_case: Its gate, its maturity, and when its days begin.
        days: Those with mature labels that are not left out; `newer` are rows that the live model was not trained on.
        as_of: The logical now.
        unsettled_at: When a training settled nothing, or None: then a whole holdout is asked for.
    """
    gate = use_case.gate
    if gate.no_evidence is NoEvidence.PROMOTE:
        return None
    min_days, min_rows, because = max(gate.min_days, 1), max(gate.min_rows, 1), ""
    if unsettled_at is not None:
        min_days = max(min_days, gate.holdout_days)
        because = f"with less, the gate could not tell as of {iso(unsettled_at)}"
    if not days:
        return Foreseen(0, 0, min_days, min_rows, "there are no mature labels")
    try:
        holdout = evidence.count_holdout(use_case, days, as_of=as_of)
    except EvidenceError as err:
        return Foreseen(0, 0, min_days, min_rows, str(err))
    return Foreseen(holdout.days, holdout.rows, min_days, min_rows, because)


def _is_unsettled(use_case: UseCase, days: Sequence[LabelledDay], training: RetrainingRecord, *, of_live: bool) -> bool:
    if training.passed or training.verdict != VerdictKind.NOT_ENOUGH_EVIDENCE:
        return False
    if not of_live:
        return True
    ripe, offset = training.as_of - use_case.maturity, use_case.day_starts_at
    starts = (start_of(day.day, offset) for day in days if day.newer)
    return sum(start < ripe for start in starts) < use_case.gate.holdout_days
