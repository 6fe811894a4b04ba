"""Tables without a person's rows, and without the versions that had them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

from levelfive.core.conditions import quoted_name
from levelfive.data.raw_tables import QUARANTINE
from levelfive.data.staging import discard, staging_table
from levelfive.erasure.files import cells_of_line, texts_of_object
from levelfive.erasure.person import KeyValues, Person
from levelfive.erasure.place import Removal
from levelfive.formats.texts import REFUSALS
from levelfive.storage.predictions import FEATURES, LOOKUP_KEYS, SLICES
from levelfive.storage.tables import Tables
from levelfive.usecase.columns import SOURCE_FILE, own
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Columns of `predictions` that hold others, which may name a person.
_NESTED = (FEATURES, LOOKUP_KEYS, SLICES)
_MALFORMED = tuple(f"row: {why}" for why in REFUSALS)
_QUARANTINE_COLUMNS = ("source", SOURCE_FILE, "row")


@dataclass(frozen=True)
class TableRows:
    """The rows of a table: their columns have the values that name a person, or a key of theirs.

    Args:
        tables: The lakehouse.
        table: The logical name.
        person: Whose rows.
    """

    tables: Tables
    table: str
    person: Person

    @property
    def name(self) -> str:
        """What the place is called."""
        return self.table

    @property
    def can_hold_theirs(self) -> bool:
        """Whether the table, which is there, has columns by which rows of theirs would be found."""
        schema = self.tables.read(self.table).schema
        return any(all(cells_of(schema, name) for name in way.columns) for way in self.person.names)

    def count(self) -> Removal:
        """Count the rows that are theirs."""
        return Removal(sum(count for *_, count in self._matches()))

    def erase(self) -> Removal:
        """Delete the rows, and all versions of a table that may ever have held some."""
        count = 0
        for others, same, rows in self._matches():
            if rows:
                self.tables.erase(self.table, others, same)
            count += rows
        if self.tables.exists(self.table) and self._ways():
            self.tables.discard_versions(self.table)
        consequences = (f"what {self.table} was like before: its earlier versions are gone",) if count else ()
        return Removal(count, consequences)

    def _ways(self) -> tuple[KeyValues, ...]:
        schema = self.tables.read(self.table).schema
        names = {name for way in self.person.names for name in way.columns}
        return self.person.ways([name for name in names if any(cells_of(schema, name))])

    def _matches(self) -> Iterator[tuple[DataFrame, Column, int]]:
        """Find by each way the rows that no earlier way finds, or has removed."""
        if not self.tables.exists(self.table):
            return
        rows = self.tables.read(self.table)
        for way in self._ways():
            others, same = key_rows(self.tables, way), same_values(rows.schema, way, self.person)
            yield others, same, rows.join(others, on=same, how="left_semi").count()
            rows = rows.join(others, on=same, how="left_anti")


@dataclass(frozen=True)
class QuarantineRows:
    """Refused rows of some sources, whose texts are kept as JSON, or within the reasons.

    Args:
        tables: The lakehouse.
        sources: The sources.
        person: Whose rows.
    """

    tables: Tables
    sources: tuple[Source, ...]
    person: Person
    name: str = QUARANTINE

    def count(self) -> Removal:
        """Count the rows that are theirs."""
        return Removal(len(self._matches()))

    def erase(self) -> Removal:
        """Delete the rows, and the earlier versions of the table."""
        keys = self._matches()
        if keys:
            columns = [own(name) for name in _QUARANTINE_COLUMNS]
            others = self.tables.spark.createDataFrame(list(dict.fromkeys(keys)), _texts(columns))
            same = (F.col(name).eqNullSafe(F.col(own(name))) for name in _QUARANTINE_COLUMNS)
            self.tables.erase(QUARANTINE, others, reduce(and_, same))
        if self.tables.exists(QUARANTINE):
            self.tables.discard_versions(QUARANTINE)
        return Removal(len(keys))

    def _matches(self) -> list[tuple[str | None, ...]]:
        if not self.tables.exists(QUARANTINE):
            return []
        kinds = {source.name: source.columns for source in self.sources}
        rows = self.tables.read(QUARANTINE).where(F.col("source").isin(list(kinds)))
        return [
            (row["source"], row[SOURCE_FILE], row["row"])
            for row in rows.select(*_QUARANTINE_COLUMNS, "reasons").collect()
            if is_refused_row_of(self.person, row["row"], row["reasons"] or (), kinds[row["source"]])
        ]


@dataclass(frozen=True)
class StagedRows:
    """The table in which a run that was killed has left rows of a source: it is removed as a whole.

    Args:
        tables: The lakehouse.
        source: The source.
        person: Whose rows.
    """

    tables: Tables
    source: Source
    person: Person

    @property
    def name(self) -> str:
        """What the place is called."""
        return staging_table(self.source)

    def count(self) -> Removal:
        """Count the rows that are theirs."""
        kinds = {**self.person.kinds, **self.source.columns}
        return TableRows(self.tables, self.name, replace(self.person, kinds=kinds)).count()

    def erase(self) -> Removal:
        """Remove the table, which every run writes anew."""
        removal = self.count()
        discard(self.tables, self.source)
        return removal


def is_refused_row_of(person: Person, row: str | None, reasons: Iterable[str], kinds: Mapping[str, str]) -> bool:
    """Tell whether a refused row is theirs: by its cells; of one whose cells tell nothing, by all of its text.

    Args:
        person: Whose rows.
        row: The texts of its cells, as an object of JSON.
        reasons: Why it was refused, with what came.
        kinds: The types that its source declares.
    """
    cells = texts_of_object(row)
    if person.has(cells_of_line(cells) or cells, kinds):
        return True
    words = list(reasons)
    is_malformed = not cells or any(reason.startswith(_MALFORMED) for reason in words)
    return is_malformed and person.is_named_in(" ".join([row or "", *filter(None, cells.values()), *words]))


def cells_of(schema: T.StructType, name: str) -> list[tuple[Column, T.DataType]]:
    """List what of a table's row is called so, with its type: a column, a feature, a key of a lookup or a slice."""
    kinds = {one.name: one.dataType for one in schema.fields}
    cells = [(F.col(quoted_name(name)), kinds[name])] if name in kinds else []
    for column in _NESTED:
        kind = kinds.get(column)
        if isinstance(kind, T.StructType) and name in kind.names:
            cells.append((F.col(f"{column}.{quoted_name(name)}"), kind[name].dataType))
        elif isinstance(kind, T.MapType):
            cells.append((F.try_element_at(column, F.lit(name)), kind.valueType))
    return cells


def key_rows(tables: Tables, way: KeyValues) -> DataFrame:
    """Hand the values that are wanted to Spark, as columns of texts: nothing of them gets into a statement."""
    columns = [_value_column(place) for place in range(len(way.columns))]
    return tables.spark.createDataFrame(sorted(way.values), _texts(columns))


def same_values(schema: T.StructType, way: KeyValues, person: Person) -> Column:
    """Say when a row of a table agrees with one of `key_rows`, each value compared in its own type."""
    pairs = (
        (cells_of(schema, name), person.kinds[name], _value_column(place)) for place, name in enumerate(way.columns)
    )
    each = (reduce(or_, (_is_same(*cell, kind, texts) for cell in cells)) for cells, kind, texts in pairs)
    return reduce(and_, each)


def _is_same(cell: Column, kind_there: T.DataType, kind: str, text_column: str) -> Column:
    value = F.col(text_column)
    if isinstance(kind_there, T.StringType):
        return cell == value if kind.lower() == "string" else cell.try_cast(kind) == value.try_cast(kind)
    return cell == value.try_cast(kind_there)


def _value_column(place: int) -> str:
    return own(f"wanted_{place}")


def _texts(columns: Iterable[str]) -> str:
    return ", ".join(f"{quoted_name(name)} string" for name in columns)
