"""Files without some of their rows: what stays is as it was, to the byte where a format is text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

    from levelfive.formats.texts import Texts

Chooser: TypeAlias = "Callable[[pa.Table], Sequence[bool]]"
"""Tells of each row of `Texts.rows` whether it is to be left out."""


def count_of(batches: Iterable[Texts], is_chosen: Chooser) -> int:
    """Count the rows that are chosen."""
    return sum(sum(is_chosen(batch.rows)) for batch in batches)


def left_over(records: Sequence[str], count: Callable[[Sequence[str]], int]) -> list[str]:
    """Leave out the records that are chosen, which are found by halving.

    How a format reads a record as a row is known to its reader alone: so it is asked, of all and of each half that has
    some, and a few chosen ones cost a few reads of the file.

    Args:
        records: Texts of a row each.
        count: Reads some of them, and tells how many are chosen.
    """
    if not "".join(records).strip() or not count(records):
        return list(records)
    if len(records) == 1:
        return []
    middle = len(records) // 2
    return left_over(records[:middle], count) + left_over(records[middle:], count)
