"""ControlTables: small tables of facts, such as runs, promotions and verdicts, that jobs write and read row by row.

To read ten rows costs Spark as much planning as ten million: most of a second on a laptop. So stages reach such tables
through this port: Spark serves it on a workspace, and on a laptop another engine of Delta.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from levelfive.storage.commits import Write

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import DataclassInstance

Where = Mapping[str, object]
"""By column, the value that it must have, or a collection of values of which it must have one."""
Between = Mapping[str, tuple[object | None, object | None]]
"""By column, its least and its greatest value, both included; None where there is no such end."""
RECENT = timedelta(days=40)
"""How far back the newest rows before a time nearly always lie: all of a table is asked only where none is there."""


class ControlTables(Protocol):
    """Reads and writes the small tables of one schema.

    What is written are records, see `levelfive.storage.records`. Columns of theirs that the table lacks are added to
    it; columns of the table that they lack are null.
    """

    def rows(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        between: Between | None = None,
    ) -> list[dict[str, Any]]:
        """Read the rows of a table, by their columns' names; none where there is no table. Times are in UTC.

        A column that the record of the table's rows has, and the table lacks, is null in all rows: an earlier levelfive
        wrote them. So it has no value that is asked for, nor does null itself: a null is not equal to anything.

        Args:
            table: The logical name.
            columns: What to read; everything by default.
            where: Values that columns must have; a collection of them means one of these.
            between: The least and the greatest value of columns. Files whose statistics say that they have no such row
                are not read, so that the rows of a day cost what that day wrote.

        Raises:
            TableError: Neither the table nor the record of its rows has such a column.
        """
        ...

    def add(self, table: str, records: Sequence[DataclassInstance], keys: Sequence[str] = ()) -> Write:
        """Add records, in one commit; the first ones make the table.

        Args:
            table: The logical name.
            records: What to add: at least one, all of one class.
            keys: Records whose values in these columns are in the table already are left out; of two writers at the
                same time, one looks again at what is there by then.

        Returns:
            The write, with the number of rows that were added.

        Raises:
            TableConflict: Others were first again and again.
            TableError: The records do not fit the table.
        """
        ...

    def replace(self, table: str, records: Sequence[DataclassInstance], of: Sequence[str]) -> Write:
        """Put records in the place of all rows that agree with one of them in the columns `of`, in one commit.

        Raises:
            TableConflict: Another writer was first.
            TableError: The records do not fit the table.
        """
        ...

    def remove(self, table: str, where: Where) -> Write | None:
        """Remove all rows with some values, one a column, in one commit; None where there are none.

        Raises:
            TableConflict: Another writer was first.
            TableError: Neither the table nor the record of its rows has such a column.
        """
        ...


def columns_to_read(columns: Sequence[str] | None, where: Where | None, between: Between | None) -> set[str]:
    """List the columns that a read of rows names."""
    return {*(columns or ()), *(where or ()), *(between or ())}


def is_several(value: object) -> TypeGuard[Collection[Any]]:
    """Tell whether a value stands for a collection of them."""
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


def times_of(data: pa.Table, keys: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Tell the least and the greatest value of those keys that are dates or times: rows with these keys lie between."""
    ends = {}
    for key in keys:
        values = data[key].to_pylist()
        if all(isinstance(value, date) for value in values):
            ends[key] = (min(values), max(values))
    return ends
