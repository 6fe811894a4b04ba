"""The sources of a use case: landing files, and the contract that their rows must satisfy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from levelfive.errors import ConfigError, require

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from levelfive.formats import Format


class ExpectationKind(StrEnum):
    """What an expectation demands of a column; nulls satisfy all but `NOT_NULL`."""

    NOT_NULL = "not_null"
    BETWEEN = "between"
    ONE_OF = "one_of"
    MATCHES = "matches"


@dataclass(frozen=True)
class Expectation:
    """One demand on one column of a source.

    Raises:
        ConfigError: What it compares with is not what its kind takes.
    """

    column: str
    kind: ExpectationKind
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    pattern: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be compared with."""
        match self.kind:
            case ExpectationKind.BETWEEN:
                low, high = self.low, self.high
                are_numbers = isinstance(low, int | float) and isinstance(high, int | float) and low <= high
                self._check("two numbers, the lower one first", (low, high), are_numbers)
            case ExpectationKind.ONE_OF:
                are_texts = bool(self.values) and all(isinstance(value, str) for value in self.values)
                self._check("texts, at least one; a number is compared by its text", self.values, are_texts)
            case ExpectationKind.MATCHES:
                self._check("a regular expression", self.pattern, isinstance(self.pattern, str))

    def _check(self, demand: str, value: object, is_met: bool) -> None:
        demand = f"{self.kind} of column {self.column!r} takes {demand}"
        require(is_met, demand, got=value, remedy="correct the use case", error=ConfigError)

    def __str__(self) -> str:
        """Say the demand as a reason for quarantine."""
        match self.kind:
            case ExpectationKind.NOT_NULL:
                return f"{self.column}: missing"
            case ExpectationKind.BETWEEN:
                return f"{self.column}: not between {self.low:g} and {self.high:g}"
            case ExpectationKind.ONE_OF:
                first = ", ".join(self.values[:5]) + (", ..." if len(self.values) > 5 else "")
                return f"{self.column}: not one of {first}"
            case ExpectationKind.MATCHES:
                return f"{self.column}: does not match {self.pattern}"


def not_null(*columns: str) -> tuple[Expectation, ...]:
    """Demand a value in each of the columns."""
    return tuple(Expectation(column, ExpectationKind.NOT_NULL) for column in columns)


def between(column: str, low: float, high: float) -> Expectation:
    """Demand values from `low` to `high`, both included."""
    return Expectation(column, ExpectationKind.BETWEEN, low=low, high=high)


def one_of(column: str, *values: str) -> Expectation:
    """Demand one of the values; of numbers, their texts: `one_of("month", "1", "2")` of an int, "1.0" of a double."""
    return Expectation(column, ExpectationKind.ONE_OF, values=values)


def matches(column: str, pattern: str) -> Expectation:
    """Demand that the whole text match a regular expression (without `^` and `$`)."""
    return Expectation(column, ExpectationKind.MATCHES, pattern=pattern)


@dataclass(frozen=True)
class Reveal:
    """Columns of a row that become known together, at the time in `known_at` (itself one of them)."""

    columns: tuple[str, ...]
    known_at: str


class Later(StrEnum):
    """What a later row of a key is that is there already."""

    DUPLICATE = "duplicate"
    CORRECTION = "correction"


def _csv() -> Format:
    # Not at import: commands that read no file need not wait for Arrow.
    from levelfive.formats import Csv

    return Csv()


@dataclass(frozen=True)
class Source:
    """A kind of landing file, or a table that somebody else writes, and the contract that its rows must satisfy.

    Args:
        name: The folder below the landing place; the table is `raw_<name>`.
        columns: Column names in the file's order, each with its Spark SQL type.
        key: Columns that identify a row. `later` says what a second row of one key is.
        expectations: Demands on the columns, derived ones included; the key may never be null.
        derive: Adds columns, such as times in UTC, given the raw tables of `references`.
        references: Sources whose raw tables `derive` reads; they are ingested first.
        event_time: The column that dates a row, or None for a source without dates.
        key_within: Rows of one key lie at most this far apart in `event_time`; None where that is not known. It spares
            looking for a key among rows of all times; 0 where the key holds the event time.
        known_at: The column with the time at which the whole row became known, or None for "always".
        reveals: Parts of a row that become known later than the row itself.
        freshness: How far the newest row may lie behind `as_of` before a file counts as missing.
        max_quarantined_share: Above this share of quarantined rows a file is refused as a whole.
        format: How the files are written: one of `levelfive.formats`, by default CSV as R writes it.
        delta_table: The Delta table that the rows come from instead of files, by its name on a workspace; on a laptop,
            a table that lies in the source's folder below the landing place.
        later: A later row of a key is a duplicate, and the first one stays; or it is a correction, which counts from
            the run on that ingested it.
        deletion: Of a source with corrections, the boolean column that is true where a row says that the row of its key
            was deleted. A change data feed of `delta_table` says so by itself.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    expectations: tuple[Expectation, ...] = ()
    derive: Callable[[DataFrame, Mapping[str, DataFrame]], DataFrame] | None = None
    references: tuple[str, ...] = ()
    event_time: str | None = None
    key_within: timedelta | None = None
    known_at: str | None = None
    reveals: tuple[Reveal, ...] = ()
    freshness: timedelta | None = None
    max_quarantined_share: float = 0.1
    format: Format = field(default_factory=_csv)
    delta_table: str | None = None
    later: Later = Later.DUPLICATE
    deletion: str | None = None

    @property
    def has_corrections(self) -> bool:
        """Whether a later row of a key is a correction."""
        return self.later is Later.CORRECTION

    @property
    def table(self) -> str:
        """The logical name of the raw table."""
        return f"raw_{self.name}"
