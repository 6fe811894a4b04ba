"""Rows that share a key: what computes them fails, so that they are counted by the action that stores them.

A failed action says little, and no two engines say it alike: what is wrong is looked for once it has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over

from levelfive.errors import DataError, LevelfiveError, TableConflict
from levelfive.usecase.columns import own

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SHOWN = 3
_TIMES = own("times")


@dataclass(frozen=True)
class Keyed:
    """Rows of which no two may share a key.

    Args:
        what: What they are, for the message.
        keys: The columns that identify a row.
        rows: The rows.
        remedy: What to do about rows that share a key.
    """

    what: str
    keys: tuple[str, ...]
    rows: DataFrame
    remedy: str

    def once(self) -> DataFrame:
        """Let the action that computes these rows fail where two of them share a key."""
        rows = self.rows.withColumn(_TIMES, F.count(F.lit(1)).over(Over.partitionBy(*self.keys)))
        failing = F.raise_error(F.lit(f"{self.what}: a key twice")).cast("boolean")
        return rows.where(F.when(F.col(_TIMES) == 1, F.lit(True)).otherwise(failing)).drop(_TIMES)

    def fault(self) -> DataError | None:
        """Look for rows that share a key."""
        twice = self.rows.groupBy(*self.keys).agg(F.count(F.lit(1)).alias(_TIMES)).where(F.col(_TIMES) > 1)
        # As texts: a time that Spark collects depends on the process's time zone.
        examples = twice.select(*(F.col(key).cast("string") for key in self.keys)).limit(SHOWN).collect()
        return more_than_one(self.what, self.keys, [tuple(row) for row in examples], self.remedy) if examples else None


def more_than_one(what: str, keys: Sequence[str], examples: Sequence[Sequence[object]], remedy: str) -> DataError:
    """Build the error of rows that share a key."""
    names = written(keys, examples)
    return DataError(f"{what}: expected one row of each {', '.join(keys)}, got several of {names}. {remedy}")


def written(keys: Sequence[str], examples: Iterable[Sequence[object]]) -> str:
    """Write some keys for a message."""
    return "; ".join(", ".join(f"{key} {value}" for key, value in zip(keys, one, strict=True)) for one in examples)


def repeated_keys(keys: Sequence[str], rows: pd.DataFrame) -> pd.DataFrame:
    """Find the keys that several rows have, each once, in their order as texts."""
    twice = rows.loc[rows.duplicated(list(keys)), list(keys)].drop_duplicates()
    return twice.sort_values(list(keys), key=lambda column: column.astype(str))


def check_once(what: str, keys: Sequence[str], rows: pd.DataFrame, remedy: str) -> None:
    """Refuse rows in memory of which two share a key.

    Raises:
        DataError: Names the keys, and a few of those that are there more than once.
    """
    twice = repeated_keys(keys, rows).head(SHOWN)
    if len(twice):
        raise more_than_one(what, keys, list(twice.itertuples(index=False, name=None)), remedy)


class explained:
    """Looks for the reason of what failed in the block; what has none of these reasons passes as it is.

    Args:
        looks: Each looks for one reason.
    """

    def __init__(self, *looks: Callable[[], LevelfiveError | None]) -> None:
        """Remember what to look for."""
        self._looks = looks

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _: object, err: BaseException | None, __: object) -> None:
        """Raise the first reason that is found."""
        if not isinstance(err, Exception) or isinstance(err, TableConflict):
            return
        for look in self._looks:
            reason = None
            # What fails for another reason may fail here too, and is raised as it was.
            with suppress(Exception):
                reason = look()
            if reason is not None:
                raise reason from err
