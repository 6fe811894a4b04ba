"""Whose rows are meant: values that columns must have together, and which sources can hold them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from levelfive.erasure.values import canonical
from levelfive.errors import ConfigError
from levelfive.formats.texts import MALFORMED
from levelfive.usecase.features import Lookup
from levelfive.usecase.sources import Source
from levelfive.usecase.use_case import UseCase

Values = tuple[str, ...]
"""Of some columns, each in the form that `canonical` writes."""


@dataclass(frozen=True)
class KeyValues:
    """Rows are meant whose values in some columns are one of these tuples."""

    columns: tuple[str, ...]
    values: frozenset[Values]


@dataclass(frozen=True)
class Person:
    """Whose rows are meant, in what they are called by, and in the keys of what is predicted of them.

    Attributes:
        identifiers: The columns and values that were named: all of them together.
        row_keys: The use case's key of each row of theirs, as far as it is not what was named.
        kinds: The types of these columns, by names of Spark's SQL.
        looked_up: The same values under the names of a feature table's keys, by which lookups find it.
    """

    identifiers: KeyValues
    row_keys: KeyValues = field(default_factory=lambda: KeyValues((), frozenset()))
    kinds: Mapping[str, str] = field(default_factory=dict)
    looked_up: tuple[KeyValues, ...] = ()

    @property
    def names(self) -> tuple[KeyValues, ...]:
        """All by which rows of theirs may be known."""
        return tuple(one for one in (self.identifiers, self.row_keys, *self.looked_up) if one.columns)

    def ways(self, columns: Collection[str]) -> tuple[KeyValues, ...]:
        """List by what rows of some columns are known to be theirs; nothing where no row of theirs can be there."""
        return tuple(one for one in self.names if one.values and set(one.columns) <= set(columns))

    def in_table(self, table: str, lookups: Iterable[Lookup]) -> Person:
        """Tell the same person in a feature table, whose keys may be called otherwise than what they are compared with.

        Args:
            table: The logical name.
            lookups: Of the use case's model.
        """
        keys = [lookup.keys for lookup in lookups if lookup.table == table]
        others = {_under(one, way) for one in keys for way in self.names if set(way.columns) <= set(one.values())}
        kinds = {name: self.kinds[column] for one in keys for name, column in one.items() if column in self.kinds}
        return replace(self, kinds={**kinds, **self.kinds}, looked_up=tuple(others - set(self.names)))

    def has(self, row: Mapping[str, str | None], kinds: Mapping[str, str] | None = None) -> bool:
        """Tell whether a row, by the texts of its columns, is theirs; `kinds` are types that differ from ours."""
        types = {**self.kinds, **(kinds or {})}
        return any(
            tuple(canonical(row[name], types[name]) for name in way.columns) in way.values for way in self.ways(row)
        )

    def is_named_in(self, text: str) -> bool:
        """Tell whether all that names them stands in a text, each as a word of its own."""
        rows = (values for way in self.names for values in way.values)
        return any(all(_as_word(value).search(text) for value in values) for values in rows)

    def chosen(self, rows: pa.Table, kinds: Mapping[str, str]) -> list[bool]:
        """Tell of each row of a file whether it is theirs; of a row that no cell can be told of, by all of its text.

        Args:
            rows: Columns of texts; `malformed` says why a row was refused, and what came.
            kinds: The types that the source declares.
        """
        columns = [name for name in rows.column_names if name != MALFORMED]
        flags = [False] * rows.num_rows
        for way in self.ways(columns):
            cells = zip(*(self._column(rows, name, kinds) for name in way.columns), strict=True)
            flags = [before or values in way.values for before, values in zip(flags, cells, strict=True)]
        if MALFORMED in rows.column_names:
            texts = rows.column(MALFORMED).to_pylist()
            flags = [
                before or (text is not None and self.is_named_in(text))
                for before, text in zip(flags, texts, strict=True)
            ]
        return flags

    def _column(self, rows: pa.Table, name: str, kinds: Mapping[str, str]) -> list[str | None]:
        kind = {**self.kinds, **kinds}[name]
        texts = rows.column(name)
        forms = {text: canonical(text, kind) for text in texts.unique().to_pylist()}
        return [forms[text] for text in texts.to_pylist()]


@dataclass(frozen=True)
class ErasurePlan:
    """Whose rows are meant, and the sources whose files name them."""

    person: Person
    anchors: tuple[Source, ...]


def parse_keys(keys: Sequence[str]) -> dict[str, str]:
    """Read what is given as COLUMN=VALUE; a value may hold any sign, and is taken as it stands.

    Raises:
        ConfigError: It is not given like that, or a column is named twice.
    """
    values: dict[str, str] = {}
    for key in keys:
        column, mark, value = key.partition("=")
        if not mark or not column or not value:
            raise ConfigError(f"a key is COLUMN=VALUE, such as customer_id=4711, got {column!r}: give --key like that")
        if column in values:
            raise ConfigError(f"column {column!r} is given twice, and a row has one value: give it once")
        values[column] = value
    if not values:
        raise ConfigError("whose rows? Give --key COLUMN=VALUE, once for each column that names them")
    return values


def plan(use_case: UseCase, keys: Mapping[str, str]) -> ErasurePlan:
    """Find the sources whose files have all columns that name a person.

    Args:
        use_case: Its sources declare columns with their types.
        keys: By column, the value as a person writes it.

    Raises:
        ConfigError: There is no such column, no source has all of them, or a value is not of its column's type.
    """
    column_names = {name for source in use_case.sources for name in source.columns}
    if absent := sorted(keys.keys() - column_names):
        raise ConfigError(
            f"no source declares a column {', '.join(absent)}; the columns are {_by_source(use_case.sources)}. Name "
            "columns that the files have: what `derive` adds is in tables alone"
        )
    anchors = tuple(source for source in use_case.sources if keys.keys() <= source.columns.keys())
    if not anchors:
        raise ConfigError(
            f"no source has all of {', '.join(sorted(keys))}: name columns of one source. They are "
            f"{_by_source(use_case.sources)}"
        )
    kinds = {name: anchors[0].columns[name] for name in keys}
    values = tuple(_typed(name, keys[name], kind) for name, kind in kinds.items())
    return ErasurePlan(Person(KeyValues(tuple(kinds), frozenset({values})), kinds=kinds), anchors)


def _under(keys: Mapping[str, str], way: KeyValues) -> KeyValues:
    """Name values as the keys of a feature table that are compared with their columns."""
    names = {name: way.columns.index(column) for name, column in keys.items() if column in way.columns}
    values = frozenset(tuple(values[place] for place in names.values()) for values in way.values)
    return KeyValues(tuple(names), values)


def _typed(name: str, text: str, kind: str) -> str:
    value = canonical(text, kind)
    if value is None:
        raise ConfigError(f"column {name!r} is a {kind}, and the value that was given is none: write it as files do")
    return value


def _by_source(sources: Iterable[Source]) -> str:
    return "; ".join(f"of {source.name}: {', '.join(source.columns)}" for source in sources)


def _as_word(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
