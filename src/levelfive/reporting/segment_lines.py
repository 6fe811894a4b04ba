"""What a report shows of parts of the rows: segments that were looked for, and slices that the use case names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from levelfive.core.windows import Window
from levelfive.statistics.metrics import Estimate


@dataclass(frozen=True)
class SegmentLine:
    """A segment of rows, beside the same segment at training; all rows, where it has no name.

    Attributes:
        segment: Which rows, in words.
        rows: In the odd weeks.
        loss_at_training: Mean loss in the training's odd weeks.
        loss: Mean loss in the odd weeks.
        difference: Of the two, with its interval.
        worse: Whether the interval lies above 0.
    """

    segment: str
    rows: int
    loss_at_training: float | None
    loss: float | None
    difference: Estimate
    worse: bool


@dataclass(frozen=True)
class SegmentsFound:
    """What a look for the worst segments has found.

    Attributes:
        version: Whose rows.
        weeks: The weeks that were looked at; None where none has ended yet.
        note: Why nothing was compared; empty where it was.
        segments_compared: Among how many segments was looked.
        lines: All rows, and the segments that rose in even weeks; none where nothing was compared.
    """

    version: str
    weeks: Window | None
    note: str = ""
    segments_compared: int = 0
    lines: tuple[SegmentLine, ...] = ()

    @property
    def whole(self) -> SegmentLine | None:
        """All rows; None where nothing was compared."""
        return next((line for line in self.lines if not line.segment), None)

    @property
    def risen(self) -> tuple[SegmentLine, ...]:
        """The segments that rose in even weeks."""
        return tuple(line for line in self.lines if line.segment)

    @property
    def worse(self) -> tuple[SegmentLine, ...]:
        """Those of them that are worse in odd weeks too, the worst first."""
        return tuple(sorted((one for one in self.risen if one.worse), key=lambda one: -one.difference.value))


@dataclass(frozen=True)
class SliceLine:
    """How the live predictions of a slice did, and what moved in it since the training.

    Attributes:
        slice: Which rows, in words; empty of all rows.
        scored: Rows with a prediction.
        mature: Of them, rows whose label is known.
        metrics: On these, by name; empty where there are none.
        label_mean: Of these; None where there are none.
        score_mean: Of all rows.
        score_psi: PSI of the scores against those of the same slice at training; None where that is not known.
        label_psi: The same of the labels.
    """

    slice: str
    scored: int
    mature: int
    metrics: Mapping[str, Estimate]
    label_mean: float | None
    score_mean: float | None
    score_psi: float | None
    label_psi: float | None


@dataclass(frozen=True)
class SlicesMeasured:
    """The slices of a window.

    Attributes:
        window: The time of the rows.
        provisional: Whether too few labels are known for the metrics to be final.
        lines: The slices, in any order.
    """

    window: Window
    provisional: bool
    lines: tuple[SliceLine, ...]
