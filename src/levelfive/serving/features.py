"""From a request's values and what the online store knows to the features, as the batch join gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from levelfive.core.windows import to_micros
from levelfive.errors import ConfigError, NotServing
from levelfive.models.card import ModelCard
from levelfive.online.store import Ask, OnlineTable, StoredValues, TableState
from levelfive.serving.cells import Cell, Convert, of_key, of_request, of_table
from levelfive.serving.requests import columns_of
from levelfive.usecase.features import Lookup

_PUBLISH = "run `levelfive features publish --as-of TIME`"


@dataclass(frozen=True)
class Reach:
    """From when on and up to when a table is known, in microseconds; None for a table without times."""

    reaches_to: int | None
    kept_from: int | None


class TableLookup:
    """One lookup, bound to the table that is in the store.

    Args:
        lookup: What the version looks up.
        table: What is in the store.
        places: Of the columns of a request.
        categorical: The version's categories.

    Raises:
        NotServing: The table lacks a key or a column.
        ConfigError: A number of the version is none in the table.
    """

    def __init__(
        self, lookup: Lookup, table: OnlineTable, places: Mapping[str, int], categorical: Sequence[str]
    ) -> None:
        """Find where values are, and how they are converted."""
        if absent := {*lookup.columns} - {*table.columns} | {*table.keys} ^ {*lookup.keys}:
            raise NotServing(
                f"table {table.name!r} of the online store lacks {', '.join(sorted(absent))}, which the version looks "
                f"up: {_PUBLISH}"
            )
        self.lookup = lookup
        self._table = table.name
        columns = [(lookup.keys[key], kind) for key, kind in _key_kinds(table)]
        self._keys = [(places[column], of_key(column, kind)) for column, kind in columns]
        self._grid = None if lookup.grid is None else lookup.grid // timedelta(microseconds=1)
        self._max_age = None if lookup.max_age is None else lookup.max_age // timedelta(microseconds=1)
        self.timestamped = table.timestamped
        kinds = dict(zip(table.columns, table.types, strict=True))
        self._converts: list[tuple[int, Convert]] = []
        for place, (column, feature) in enumerate(zip(lookup.columns, lookup.features, strict=True)):
            convert = of_table(feature, kinds[column].partition("(")[0], feature in categorical)
            if convert is not None:
                self._converts.append((place, convert))
        self._nothing: list[Cell] = [None] * len(lookup.columns)

    def ask(self, row: tuple[Any, ...], at: int, reach: Reach) -> Ask:
        """Say what of the store a row needs.

        Args:
            row: The values of the request.
            at: The prediction time, in microseconds.
            reach: Of the table.
        """
        key = tuple(row[i] if write is None or row[i] is None else write(row[i]) for i, write in self._keys)
        if not self.timestamped:
            return Ask(self._table, key, None, None, self.lookup.columns)
        if self._grid is None:
            oldest = None if self._max_age is None else at - self._max_age
            return Ask(self._table, key, at, oldest, self.lookup.columns)
        # Within a grid a state holds for its tick alone; of ticks that are not there yet, the last one that is.
        newest = at if reach.reaches_to is None else min(at, reach.reaches_to - 1)
        tick = newest // self._grid * self._grid
        return Ask(self._table, key, tick, tick, self.lookup.columns)

    def cells(self, answer: StoredValues | None, at: int) -> Sequence[Cell]:
        """Convert what is known to the lookup's features; all are missing where nothing is.

        Raises:
            RequestError: A value is no number, and the version takes one.
        """
        if answer is None:
            return self._nothing
        if not self._converts:
            return answer.values  # type: ignore[return-value]  # what is no cell has a converter
        cells: list[Any] = list(answer.values)
        for place, convert in self._converts:
            if cells[place] is not None:
                cells[place] = convert(cells[place], at)
        return cells


@dataclass(frozen=True)
class FeatureRow:
    """The features of one row.

    Args:
        at: The prediction time, in microseconds.
        cells: In the order of `FeaturePlan.names`.
        known_at: For each lookup, when what it found became known, in microseconds; None where it found nothing.
    """

    at: int
    cells: list[Cell]
    known_at: list[int | None]


class FeaturePlan:
    """How the features of a version are put together from requests and the tables of a store.

    Args:
        card: Of the version.
        tables: What is in the store, by logical name.

    Raises:
        ConfigError: The version does not fit the tables, or tells no key.
        NotServing: A table was not published, or lacks a column.
    """

    def __init__(self, card: ModelCard, tables: Mapping[str, OnlineTable]) -> None:
        """Bind the version's lookups to the tables."""
        if absent := {lookup.table for lookup in card.lookups} - {*tables}:
            raise NotServing(f"the online store has no table {', '.join(sorted(absent))}: {_PUBLISH}")
        self.columns = columns_of(card, _key_types(card, tables))
        places = {column.name: i for i, column in enumerate(self.columns)}
        self.lookups = [TableLookup(one, tables[one.table], places, card.categorical) for one in card.lookups]
        self.names, spine = feature_names(card), spine_features(card)
        self.lookup_of = {name: i for i, lookup in enumerate(card.lookups) for name in lookup.features}
        self._spine = [
            (places[name], of_request(self.columns[places[name]], name in card.categorical)) for name in spine
        ]

    def asks(self, rows: Sequence[tuple[Any, ...]], times: Sequence[int], reaches: Mapping[str, Reach]) -> list[Ask]:
        """Say what of the store some rows need: the asks of the first row, then of the next."""
        pairs = [(lookup, reaches[lookup.lookup.table]) for lookup in self.lookups]
        return [lookup.ask(row, at, reach) for row, at in zip(rows, times, strict=True) for lookup, reach in pairs]

    def rows(
        self, rows: Sequence[tuple[Any, ...]], times: Sequence[int], answers: Sequence[StoredValues | None]
    ) -> list[FeatureRow]:
        """Put the features of rows together.

        Args:
            rows: The values of the requests.
            times: Their prediction times, in microseconds.
            answers: The answers to `asks`.

        Raises:
            RequestError: A value is no number, and the version takes one.
        """
        width, vectors = len(self.lookups), []
        for number, (row, at) in enumerate(zip(rows, times, strict=True)):
            cells: list[Cell] = [row[i] if convert is None else convert(row[i], at) for i, convert in self._spine]
            values = answers[number * width : (number + 1) * width]
            for lookup, one in zip(self.lookups, values, strict=True):
                cells += lookup.cells(one, at)
            vectors.append(FeatureRow(at, cells, [None if one is None else one.known_at for one in values]))
        return vectors


def spine_features(card: ModelCard) -> tuple[str, ...]:
    """List the features that a request brings along itself."""
    looked_up = {name for lookup in card.lookups for name in lookup.features}
    return tuple(name for name in card.features if name not in looked_up)


def feature_names(card: ModelCard) -> tuple[str, ...]:
    """List all features in the order in which rows hold their cells."""
    return (*spine_features(card), *(name for lookup in card.lookups for name in lookup.features))


def reaches_of(states: Mapping[str, TableState]) -> dict[str, Reach]:
    """Tell up to when each table is known."""
    return {name: Reach(_micros(state.reaches_to), _micros(state.kept_from)) for name, state in states.items()}


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _key_kinds(table: OnlineTable) -> list[tuple[str, str]]:
    return list(zip(table.keys, table.key_types, strict=True))


def _key_types(card: ModelCard, tables: Mapping[str, OnlineTable]) -> dict[str, str]:
    """Tell by which type each spine column is compared.

    Raises:
        ConfigError: Two tables compare one by different types.
    """
    types: dict[str, str] = {}
    for lookup in card.lookups:
        for key, kind in _key_kinds(tables[lookup.table]):
            name = lookup.keys.get(key)
            if name is not None and types.setdefault(name, kind) != kind:
                raise ConfigError(
                    f"{name} is compared with keys of types {types[name]} and {kind}: let the feature tables agree"
                )
    return types
