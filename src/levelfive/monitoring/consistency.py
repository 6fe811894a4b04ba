"""What was found of the features that single requests saw, beside those that the batch join gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

CONSISTENCY = "consistency"
# Of a table that was computed anew since, corrections may make few answers differ; another unit does most of them.
SHARE_OF_ANEW, ANSWERS_OF_ANEW = 0.5, 10


@dataclass(frozen=True)
class FeatureDay:
    """A feature in the answers of a day.

    Args:
        day: Of the use case, by prediction time.
        feature: Its name.
        answers: How many there are.
        mismatches: Both have a value, and another one.
        missing: The answer had none, and the batch has one.
        extra: The answer had one, and the batch has none.
        behind: Of these three together, those that the age of the last publication explains.
        max_difference: Of numbers, the greatest absolute difference; None where no answer and its batch both have one.
        mean_difference: The mean of all absolute differences, also those that are 0.
        first_served_at: When the first of the answers was given.
        computed_anew: Whether the feature table was computed anew after that, for times that were looked up.
    """

    day: date
    feature: str
    answers: int
    mismatches: int
    missing: int
    extra: int
    behind: int
    max_difference: float | None
    mean_difference: float | None
    first_served_at: datetime
    computed_anew: bool = False

    @property
    def matches(self) -> int:
        """Answers in which both have the same value, or none."""
        return self.answers - self.different

    @property
    def different(self) -> int:
        """Answers in which the feature differs, for whatever reason."""
        return self.mismatches + self.missing + self.extra

    @property
    def unexplained(self) -> int:
        """Answers in which it differs, and the age of the last publication is no reason."""
        return self.different - self.behind

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to look: at one answer, as parity is exact, or at most where there is another reason."""
        if self.computed_anew:
            return self.answers >= ANSWERS_OF_ANEW and self.unexplained > SHARE_OF_ANEW * self.answers
        return self.unexplained > 0


def worst_first(days: Iterable[FeatureDay]) -> list[FeatureDay]:
    """Order features and days by the share of answers that nothing explains, then of those that differ."""
    return sorted(
        days, key=lambda one: (-one.unexplained / one.answers, -one.different / one.answers, one.day, one.feature)
    )
