"""What a training would be trained on and judged by, told beforehand from counts of labels by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.days import start_of
from levelfive.core.windows import first_of
from levelfive.features.labels import LabelledDay
from levelfive.training.split import Split, split_by_holdout
from levelfive.usecase.use_case import UseCase


@dataclass(frozen=True)
class HoldoutCount:
    """Days and labelled rows of a holdout that no model was trained on."""

    days: int
    rows: int


def split_of_days(use_case: UseCase, days: Sequence[LabelledDay], *, as_of: datetime) -> Split:
    """Hold out the newest days that have labels; see `split_by_holdout`.

    Args:
        use_case: Its gate, its maturity, and when its days begin.
        days: Those with mature labels that are not left out; at least one.
        as_of: The logical now.

    Raises:
        EvidenceError: There are too few days.
    """
    earliest = first_of(day.first for day in days) or as_of
    return split_by_holdout(
        as_of,
        earliest,
        use_case.gate,
        maturity=use_case.maturity,
        day_starts_at=use_case.day_starts_at,
        days={day.day for day in days if day.first >= earliest},
    )


def count_holdout(use_case: UseCase, days: Sequence[LabelledDay], *, as_of: datetime) -> HoldoutCount:
    """Count what the gate would see of a training: the days of its holdout whose rows are newer than the champion.

    Args:
        use_case: Its gate, its maturity, and when its days begin.
        days: Those with mature labels that are not left out; at least one.
        as_of: The logical now.

    Raises:
        EvidenceError: There are too few days to train on.
    """
    start = split_of_days(use_case, days, as_of=as_of).holdout.start
    newer = [day for day in days if day.newer and _start(use_case, day) >= start]
    return HoldoutCount(len(newer), sum(day.newer for day in newer))


def _start(use_case: UseCase, day: LabelledDay) -> datetime:
    return start_of(day.day, use_case.day_starts_at)
