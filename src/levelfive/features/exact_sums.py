"""Exact sums on an axis of ticks: of whole numbers with all their digits, of floats rounded once at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from levelfive.errors import ConfigError

MICROS = 1_000_000
_NARROW = 2**62  # sums of less need no more than 64 bits, whatever their order

Floats: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.int64]
Exact: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.object_]


@dataclass(frozen=True)
class Axis:
    """Ticks `first` to `first + length - 1`, in units of `step` seconds since 1970."""

    first: int
    length: int
    step: int

    def places(self, at: Floats) -> Floats:
        """Find the first tick at or after each time, as a place on the axis; NaN stays."""
        return np.asarray(np.ceil(at / (self.step * MICROS)) - self.first)

    def running(self, at: Floats, values: Exact | None = None) -> Exact:
        """Sum whole numbers that became known on the axis, up to each of its ticks; shape (length,)."""
        places = self.places(at)
        inside = (places >= 0) & (places < self.length)
        amounts = np.ones(inside.sum(), dtype=np.int64) if values is None else values[inside]
        # Python's own numbers have as many digits as it takes, and take longer to add.
        wide = sum(map(abs, amounts.tolist())) >= _NARROW
        sums = np.zeros(self.length, dtype=object if wide else np.int64)
        np.add.at(sums, places[inside].astype(np.int64), amounts.astype(sums.dtype))
        return np.asarray(sums.cumsum())


@dataclass(frozen=True)
class Running:
    """The sums of a flow up to each tick of an axis, as whole numbers.

    Args:
        name: The flow's, for messages.
        total: The sums, or what they are a part of, shape (length,).
        scale: The sums are `total / scale`, as float64; None: they are `total`, as int64.
    """

    name: str
    total: Exact
    scale: int | None

    def between(self, since: int, until: int, end: int) -> Whole | Floats:
        """Sum what became known after place `since` up to `until`, then one place later, until `end` is reached.

        Raises:
            ConfigError: A sum is beyond its type.
        """
        sums = self.total[until:end] - self.total[since : end - (until - since)]
        try:
            if self.scale is None:
                return np.asarray(sums.astype(np.int64))
            return np.asarray((sums.astype(object) / self.scale).astype(np.float64))
        except OverflowError as err:
            kind = "long" if self.scale is None else "double"
            raise ConfigError(
                f"flow {self.name!r} sums up to more than a {kind} holds: sum values of a larger unit, or quarantine "
                "values that cannot be"
            ) from err


def running(axis: Axis, name: str, at: Floats, values: npt.NDArray[Any] | None) -> Running:
    """Sum the values of a flow, or count its events, on an axis.

    Args:
        axis: The ticks.
        name: The flow's, for messages.
        at: When each event became known, in microseconds, NaN where it has not, shape (rows,).
        values: Whole numbers, or floats with null as NaN, shape (rows,); None to count.

    Raises:
        ConfigError: A value is infinite.
    """
    if values is None or values.dtype.kind in "iu":
        return Running(name, axis.running(at, values), None)
    numbers = np.where(np.isnan(values), 0.0, values)
    if not np.isfinite(numbers).all():
        raise ConfigError(f"flow {name!r} sums values that are infinite: quarantine such rows")
    exact, scale = _exact(numbers)
    return Running(name, axis.running(at, exact), scale)


def _exact(numbers: Floats) -> tuple[Exact, int]:
    """Write floats as whole numbers over one common denominator, a power of 2."""
    ratios = [number.as_integer_ratio() for number in numbers.tolist()]
    scale = max((lower for _, lower in ratios), default=1)
    return np.array([upper * (scale // lower) for upper, lower in ratios], dtype=object), scale
