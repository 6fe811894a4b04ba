"""Worst segments: found on even weeks, measured on odd ones, so that what is said is not what chance picked out.

Of hundreds of segments some always look bad. So weeks are halved, those of the training too: the segments are chosen by
the even weeks against the training's even ones, and how much they are worse is told from the odd weeks against the
training's odd ones, which played no part in the choice. Days next to each other are alike: errors are those of blocks
of days, with a t distribution (Ibragimov and Mueller 2010, t-Statistic Based Correlation and Heterogeneity Robust
Inference, Journal of Business and Economic Statistics 28(4)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from levelfive.statistics.day_blocks import ratio_and_error, t_quantile
from levelfive.statistics.histograms import Floats
from levelfive.statistics.segments import BlockSums, Ints, SegmentColumn, Segments, is_odd

# Two weeks, of two blocks each; fewer say little of how far weeks differ by themselves.
MIN_BLOCKS = 4
# So many segments are measured at most: each makes the intervals of all wider.
MAX_FOUND = 5
CONFIDENCE = 0.9
FALSE_FINDINGS = "Without a change, at most one look in twenty names such a segment."
# From so many errors above its training on, a segment is found.
_LEAST_T = 1.5
# A group alone is told of, and no part of it, where it rose at least so far in proportion.
_NEARLY = 0.7
# What more than so large a share of the rows are in is no segment: all rows are told of beside.
_LARGEST_SHARE = 0.5
# The error of a few blocks counts as much as what segments usually have does, of so many blocks.
_USUAL_BLOCKS = 4
_DIGITS = 6


@dataclass(frozen=True)
class HalfLosses:
    """Losses of segments in even or in odd weeks; each of shape (segments,).

    Args:
        rows: How many rows.
        loss: Their mean loss, NaN without rows.
        error: Its standard error by blocks of days, NaN where there are fewer than two.
        blocks: The number of blocks with rows.
    """

    rows: tuple[int, ...]
    loss: tuple[float, ...]
    error: tuple[float, ...]
    blocks: tuple[int, ...]


@dataclass(frozen=True)
class TrainingLosses:
    """Losses of a training set's rows by models that had not seen them, by segment.

    Args:
        columns: How columns are grouped.
        segments: The numbers of the segments that have rows and blocks enough in both halves, all rows first; none
            where the training was too short.
        even: Their losses in even weeks.
        odd: And in odd ones.
    """

    columns: tuple[SegmentColumn, ...]
    segments: tuple[int, ...]
    even: HalfLosses
    odd: HalfLosses

    @cached_property
    def grid(self) -> Segments:
        """All segments of the columns."""
        return Segments(self.columns)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TrainingLosses:
        """Read what `asdict` made of one, and JSON of that.

        Raises:
            KeyError: Something is missing; TypeError where it is of another kind.
        """
        columns = tuple(map(SegmentColumn.from_record, record["columns"]))
        halves = (
            HalfLosses(**{name: tuple(values) for name, values in record[half].items()}) for half in ("even", "odd")
        )
        return cls(columns, tuple(record["segments"]), *halves)


@dataclass(frozen=True)
class SegmentLoss:
    """How a segment does in odd weeks, beside the training's odd weeks.

    Args:
        segment: Its number; 0 are all rows.
        rows: Rows in the odd weeks.
        rows_at_training: Rows in the training's odd weeks.
        loss: Mean loss, in the loss's unit.
        loss_at_training: The same at training.
        difference: Of the two; above 0, the segment does worse.
        low: The lower end of its interval, of 90 % for all segments that were found together.
        high: The upper end.
        blocks: How many blocks of days the interval rests on.
    """

    segment: int
    rows: int
    rows_at_training: int
    loss: float
    loss_at_training: float
    difference: float
    low: float
    high: float
    blocks: int

    @property
    def is_worse(self) -> bool:
        """Whether its loss rose by more than by chance."""
        return self.low > 0


@dataclass(frozen=True)
class WorstSegments:
    """What was found.

    Args:
        whole: All rows, with an interval of their own: it says what a rise is that all segments share.
        risen: The segments whose loss rose in the even weeks, by what the odd weeks say of them, the worst first.
        segments_compared: Among how many segments with rows enough they were looked for.
    """

    whole: SegmentLoss
    risen: tuple[SegmentLoss, ...]
    segments_compared: int


def training_losses(columns: tuple[SegmentColumn, ...], sums: BlockSums, *, least_rows: int) -> TrainingLosses:
    """Keep the losses of large segments of a training set, rounded: processors differ in the last digits.

    Args:
        columns: How columns are grouped.
        sums: Of losses by models that had not seen the rows.
        least_rows: Segments with fewer rows in even or in odd weeks are left out.
    """
    every = np.arange(sums.rows.shape[1])
    even, odd = (half_losses(sums, every, odd=odd) for odd in (False, True))
    segments = np.flatnonzero(_is_enough(even, least_rows) & _is_enough(odd, least_rows))
    if 0 not in segments:
        segments = segments[:0]
    halves = (half_losses(sums, segments, odd=odd, digits=_DIGITS) for odd in (False, True))
    return TrainingLosses(columns, tuple(segments.tolist()), *halves)


def half_losses(sums: BlockSums, segments: Ints, *, odd: bool, digits: int | None = None) -> HalfLosses:
    """Compute the losses of some segments in the odd weeks, or in the even ones.

    Args:
        sums: By block.
        segments: Which segments.
        odd: Which weeks.
        digits: To how many of them losses and errors are rounded.
    """
    blocks = is_odd(sums.blocks) == odd
    rows, losses = (of[blocks][:, segments] for of in (sums.rows, sums.losses))
    loss, error = ratio_and_error(losses, rows)
    loss, error = (_rounded(values, digits) for values in (loss, error))
    counts = (rows.sum(axis=0), (rows > 0).sum(axis=0))
    of_rows, of_blocks = (tuple(map(int, count)) for count in counts)
    return HalfLosses(of_rows, tuple(loss.tolist()), tuple(error.tolist()), of_blocks)


def has_evidence(blocks: npt.NDArray[Any]) -> bool:
    """Tell whether some blocks of days, such as all that there could be, are enough to find and to measure by."""
    odd = is_odd(np.unique(blocks))
    return min(int(odd.sum()), int((~odd).sum())) >= MIN_BLOCKS


def worst_segments(training: TrainingLosses, sums: BlockSums, *, least_rows: int) -> WorstSegments:
    """Find the segments whose loss rose most against their own at training, and measure by how much.

    Args:
        training: What is known of the training; it has segments.
        sums: Of the rows that were scored since, on the same segments; there is evidence.
        least_rows: Segments with fewer rows in even or in odd weeks are passed over.
    """
    segments = np.array(training.segments, dtype=np.intp)
    even, odd = (half_losses(sums, segments, odd=odd) for odd in (False, True))
    enough = _is_enough(even, least_rows) & _is_enough(odd, least_rows)
    enough &= np.array(even.rows) <= _LARGEST_SHARE * even.rows[0]
    places = _find(training, even, enough)
    whole = _measured(training, odd, 0, CONFIDENCE)
    # Bonferroni: the intervals of all that were found hold together.
    confidence = 1 - (1 - CONFIDENCE) / max(len(places), 1)
    losses = [_measured(training, odd, place, confidence) for place in places]
    losses.sort(key=lambda one: (-one.difference, one.segment))
    return WorstSegments(whole, tuple(losses), int(enough.sum()))


def _find(training: TrainingLosses, even: HalfLosses, enough: npt.NDArray[np.bool_]) -> list[int]:
    """Choose places of segments by the even weeks, furthest first; no two share a group of a column."""
    rise = np.array(even.loss) - np.array(training.even.loss)
    distance = np.where(enough, rise / _moderate_error(training, even, enough), -np.inf)
    places: list[int] = []
    groups_found: set[tuple[int, int]] = set()
    for place in np.argsort(-distance, kind="stable"):
        if len(places) == MAX_FOUND or not distance[place] >= _LEAST_T:
            break
        simplest = _simplest(training, distance, int(place))
        groups = {*training.grid.groups_in(training.segments[simplest]).items()}
        if not groups & groups_found:
            places.append(simplest)
            groups_found |= groups
    return places


def _simplest(training: TrainingLosses, distance: Floats, place: int) -> int:
    """Choose one of the two groups of a segment in its place, where that rose nearly as far: it has more rows."""
    groups = training.grid.groups_in(training.segments[place])
    alone = [training.grid.segment_of(*group) for group in groups.items()]
    places = [training.segments.index(one) for one in alone if one in training.segments]
    best = max(places, key=lambda one: float(distance[one]), default=place)
    return best if distance[best] >= _NEARLY * distance[place] else place


def _moderate_error(training: TrainingLosses, even: HalfLosses, enough: npt.NDArray[np.bool_]) -> Floats:
    """Estimate the error of each rise: of a few blocks, it is drawn towards what segments of as many rows have.

    Smyth 2004, Linear Models and Empirical Bayes Methods for Assessing Differential Expression, Statistical
    Applications in Genetics and Molecular Biology 3(1): else the smallest of many errors, which are small by chance,
    choose the segments.
    """
    variance, rows = np.square(even.error), np.maximum(even.rows, 1)
    by_row = np.where(enough, variance * rows, np.nan)
    usual = float(np.nanmedian(by_row)) if enough.any() else 0.0
    degrees = np.maximum(np.array(even.blocks) - 1, 0)
    moderate = (degrees * variance + _USUAL_BLOCKS * usual / rows) / (degrees + _USUAL_BLOCKS)
    total = moderate + np.square(training.even.error)
    return np.asarray(np.sqrt(np.where(total > 0, total, np.inf)))


def _measured(training: TrainingLosses, odd: HalfLosses, place: int, confidence: float) -> SegmentLoss:
    """Measure a segment by the odd weeks; the fewer blocks of the two sides say how far its interval reaches."""
    loss, loss_before = odd.loss[place], training.odd.loss[place]
    error = float(np.hypot(odd.error[place], training.odd.error[place]))
    blocks = min(odd.blocks[place], training.odd.blocks[place])
    reach = t_quantile(blocks, confidence) * error
    return SegmentLoss(
        segment=training.segments[place],
        rows=odd.rows[place],
        rows_at_training=training.odd.rows[place],
        loss=loss,
        loss_at_training=loss_before,
        difference=loss - loss_before,
        low=loss - loss_before - reach,
        high=loss - loss_before + reach,
        blocks=blocks,
    )


def _is_enough(half: HalfLosses, least_rows: int) -> npt.NDArray[np.bool_]:
    rows, blocks = np.array(half.rows), np.array(half.blocks)
    return np.asarray((rows >= least_rows) & (blocks >= MIN_BLOCKS))


def _rounded(values: Floats, digits: int | None) -> Floats:
    if digits is None:
        return values
    return np.array([float(f"{value:.{digits}g}") for value in values])
