"""How far columns move from their baseline in windows without change, learned from the days of the baseline.

One statistic a column is tested, the logarithm of its PSI. Rows of one day are not independent, so that windows of
whole days are drawn from the baseline, in blocks, and compared with its other days. Each is studentised by windows
drawn from those other days alone, which repeats what is done with a real window; so the columns' nulls have one scale,
and are pooled (Storey and Tibshirani 2003, Statistical Significance for Genomewide Studies, PNAS 100(16)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from levelfive.errors import ConfigError
from levelfive.monitoring.drift import population_stability
from levelfive.statistics.baseline import DailyCounts
from levelfive.statistics.histograms import Floats

MIN_BASELINE_DAYS = 14
# A week holds each weekday once, and weather persists.
BLOCK_DAYS = 7

# How many windows are drawn, and how many studentise each.
_DRAWN, _INNER = 40, 16
# Below these, a distance and the spread of its logarithm count as this: no column is constant for ever.
_LEAST_PSI, _LEAST_SPREAD = 1e-4, 0.1


@dataclass(frozen=True)
class UsualPsi:
    """How a column's PSI lies in windows without change: its logarithm has this mean and standard deviation."""

    middle: float
    spread: float

    def deviations(self, psi: float) -> float:
        """Tell how many standard deviations above what is usual a PSI lies; negative below."""
        return float((np.log(max(psi, _LEAST_PSI)) - self.middle) / self.spread)


@dataclass(frozen=True, eq=False)
class UsualDrift:
    """How columns lie in windows without change.

    Args:
        columns: By name; a column of too few days is left out.
        nulls: Studentised logarithms of PSI without change, of all columns together, increasing.
    """

    columns: Mapping[str, UsualPsi]
    nulls: Floats

    def p_value(self, column: str, psi: float) -> float:
        """Tell how often a window without change lies as far out: (b + 1) / (B + 1), b of B nulls at least so great.

        Phipson and Smyth 2010, Permutation P-values Should Never Be Zero, Statistical Applications in Genetics and
        Molecular Biology 9(1).
        """
        z = self.columns[column].deviations(psi)
        above = self.nulls.size - int(np.searchsorted(self.nulls, z, side="left"))
        return (above + 1) / (self.nulls.size + 1)

    def limit(self, column: str, level: float) -> float:
        """Find the PSI above which the p-value is at most `level`; infinite where the nulls are too few to say so."""
        beyond = int(np.floor(level * (self.nulls.size + 1) * (1 + 1e-12))) - 1
        if beyond < 0:
            return float("inf")
        usual = self.columns[column]
        z = self.nulls[max(self.nulls.size - 1 - beyond, 0)]
        return float(np.exp(usual.middle + usual.spread * z))


def usual_drift(daily: Mapping[str, DailyCounts], days: int) -> UsualDrift:
    """Learn from a baseline's days how columns lie in windows of so many days without change.

    Args:
        daily: Counts by day, in order, and by bin, of each column. Days without values are passed over.
        days: Length of the window.

    Raises:
        ConfigError: The window has no days.
    """
    if days < 1:
        raise ConfigError(f"a window has at least one day, got {days!r}")
    columns, nulls = {}, [np.empty(0)]
    for name, of_column in daily.items():
        counts = np.array([day for day in of_column if any(day)], dtype=np.float64)
        if len(counts) >= days_needed(days):
            columns[name], of_windows = _usual_psi(counts, _draw(len(counts), days))
            nulls.append(of_windows)
    return UsualDrift(columns, np.sort(np.concatenate(nulls)))


def days_needed(days: int) -> int:
    """Tell how many days of the baseline windows of so many days need: two apart from each other, and a block."""
    block = min(days, BLOCK_DAYS)
    return max(MIN_BASELINE_DAYS, days + (-(-days // block) + 1) * block)


class _Draw(NamedTuple):
    """Windows of a baseline's days: which days each holds, and what its PSI is divided by, as a logarithm.

    Shapes (windows, days) of `inside`, and (windows, windows within the others, days) of `within`.
    """

    inside: Floats
    scale: float
    within: Floats
    scale_within: float
    scale_of_all: float


@lru_cache(maxsize=8)
def _draw(there: int, days: int) -> _Draw:
    """Draw windows, and for each of them windows of the days that are left; all are seeded."""
    random = np.random.default_rng(0)
    inside = _windows(there, days, _DRAWN, random)
    within = np.zeros((len(inside), _INNER, there))
    for window, of_window in zip(inside, within, strict=True):
        of_window[:, window == 0] = _windows(there - days, days, _INNER, random)
    return _Draw(
        inside, _scale(days, there - days), within, _scale(days, there - 2 * days), scale_of_all=_scale(days, there)
    )


def _windows(there: int, days: int, number: int, random: np.random.Generator) -> Floats:
    """Choose the days of windows, shape (number, there), 1 for one that is inside: blocks of days that do not overlap.

    Kuensch 1989, The Jackknife and the Bootstrap for General Stationary Observations, Annals of Statistics 17(3).
    """
    block = min(days, BLOCK_DAYS)
    several = -(-days // block)
    if several == 1:
        starts = np.linspace(0, there - block, number).round().astype(np.intp)[:, None]
    else:
        room = there - several * block
        offsets = random.integers(0, min(block, room + 1), size=number)
        starts = np.stack([_blocks(there - offset, block, several, random) + offset for offset in offsets])
    places = (starts[:, :, None] + np.arange(block)).reshape(number, -1)[:, :days]
    inside = np.zeros((number, there))
    np.put_along_axis(inside, places, 1.0, axis=1)
    return inside


def _blocks(there: int, block: int, several: int, random: np.random.Generator) -> npt.NDArray[np.intp]:
    return np.asarray(random.permutation(there // block)[:several] * block)


def _scale(days: int, others: int) -> float:
    """Tell what PSI without change is in proportion to: the sum of one over the days of either side; as a logarithm."""
    return float(np.log(1 / days + 1 / others))


def _usual_psi(counts: Floats, draw: _Draw) -> tuple[UsualPsi, Floats]:
    """Learn how the PSI of a column's windows lies, and studentise each by windows of the days outside of it."""
    windows = draw.inside @ counts
    others = counts.sum(axis=0) - windows
    within = draw.within @ counts
    logs = _log_psi(others, windows) - draw.scale
    logs_within = _log_psi(others[:, None] - within, within) - draw.scale_within
    spreads = np.maximum(logs_within.std(axis=1, ddof=1), _LEAST_SPREAD)
    usual = UsualPsi(float(logs.mean()) + draw.scale_of_all, max(float(logs.std(ddof=1)), _LEAST_SPREAD))
    return usual, (logs - logs_within.mean(axis=1)) / spreads


def _log_psi(baseline: Floats, current: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(population_stability(baseline, current), _LEAST_PSI)))
