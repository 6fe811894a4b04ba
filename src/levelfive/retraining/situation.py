"""What a decision to retrain is made from: the verdicts on the live model's windows, its labels and its age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import is_utc, iso
from levelfive.errors import EvidenceError, require
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.statistics.tasks.task import Task


@dataclass(frozen=True)
class Foreseen:
    """What the gate would judge a training by: mature rows of its holdout that the live model was not trained on.

    Args:
        days: Days with such rows.
        rows: Such rows.
        min_days: The days that are asked for.
        min_rows: The rows that are asked for.
        because: Why there could be no training at all, or why more is asked for than the gate does; may be empty.
    """

    days: int
    rows: int
    min_days: int
    min_rows: int
    because: str = ""

    def __post_init__(self) -> None:
        """Refuse counts that no measurement gives."""
        _check("foreseen days and rows at least 0", (self.days, self.rows), min(self.days, self.rows) >= 0)

    @property
    def is_enough(self) -> bool:
        """Whether the gate could judge by it."""
        return self.days >= self.min_days and self.rows >= self.min_rows


@dataclass(frozen=True)
class Situation:
    """All that a decision is made from.

    Args:
        as_of: The logical time of the decision.
        windows: The verdicts on the windows of the live model, oldest first.
        skill_at_training: The live model's skill on its training's holdout, or None if not known.
        labels_at_training: Labelled rows that the live model's training had.
        labels_now: Labelled rows that a training at `as_of` would have.
        trained_at: The `as_of` of the live model's training.
        task: What it predicts, which says by which limit of the policy its mean scores are judged.
        last_retraining: The `as_of` of the last decision to retrain, or None if there was none. One whose training
            was refused for too little evidence does not count.
        foreseen: What the gate would judge a training by; None where it passes without evidence.

    Raises:
        EvidenceError: A time is not in UTC or lies after `as_of`, windows are out of order, or their numbers or the
            counts of labels make no sense.
    """

    as_of: datetime
    windows: tuple[KnownVerdict, ...]
    skill_at_training: float | None
    labels_at_training: int
    labels_now: int
    trained_at: datetime
    task: Task
    last_retraining: datetime | None = None
    foreseen: Foreseen | None = None

    def __post_init__(self) -> None:
        """Refuse what a decision at `as_of` cannot know."""
        ends = [verdict.window.end for verdict in self.windows]
        past = [*ends, self.trained_at, *filter(None, [self.last_retraining])]
        for moment in (self.as_of, *past):
            _check("times in UTC", moment, is_utc(moment))
        _check(f"no time after as_of {iso(self.as_of)}", max(past), max(past) <= self.as_of)
        _check("windows oldest first", [str(verdict.window) for verdict in self.windows], ends == sorted(ends))
        for verdict in self.windows:
            _check_numbers(verdict)
        labels = (self.labels_at_training, self.labels_now)
        _check("labels at training above 0, now at least 0", labels, labels[0] > 0 and labels[1] >= 0)


def _check_numbers(verdict: KnownVerdict) -> None:
    _check("days and rows at least 0", (verdict.days, verdict.rows), min(verdict.days, verdict.rows) >= 0)
    _check("a drifted share from 0 to 1", verdict.drifted_share, 0 <= verdict.drifted_share <= 1)
    for low, high in filter(None, (verdict.calibration, verdict.skill)):
        _check("an interval's low end before its high end", (low, high), not low > high)


def _check(demand: str, value: object, is_met: bool) -> None:
    whole = f"a decision to retrain takes {demand}"
    require(is_met, whole, got=value, remedy="correct what was measured", error=EvidenceError)
