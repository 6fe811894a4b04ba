"""Feature tables that several use cases look up: one of them computes a table, the others only read it.

In a lookup, such a table is named by its use case and its own name: `flight_delay.origin_state`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import entry_points

from levelfive.errors import ConfigError
from levelfive.usecase.features import FeatureTable, Lookup, owner_of
from levelfive.usecase.use_case import ENTRY_POINT_GROUP, UseCase


def installed() -> Iterator[UseCase]:
    """List the use cases that packages offer here; one that cannot be imported is passed over: it reads nothing."""
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            use_case = point.load()
        except Exception:  # whatever the code of a package raises as it is imported
            continue
        if isinstance(use_case, UseCase):
            yield use_case


def owners_of(use_case: UseCase) -> list[str]:
    """List the other use cases whose feature tables a use case looks up."""
    return sorted({owner_of(lookup.table) for lookup in use_case.model.lookups} - {"", use_case.name})


def readers_of(owner: UseCase) -> dict[str, dict[str, tuple[Lookup, ...]]]:
    """List who looks up the feature tables of a use case.

    Returns:
        By the table's name, by the name of another use case that is installed here, its lookups.
    """
    readers: dict[str, dict[str, tuple[Lookup, ...]]] = defaultdict(dict)
    prefix = f"{owner.name}."
    for other in installed():
        if other.name == owner.name:
            continue
        for lookup in other.model.lookups:
            if lookup.table.startswith(prefix):
                of_table = readers[lookup.table.removeprefix(prefix)]
                of_table[other.name] = (*of_table.get(other.name, ()), lookup)
    return dict(readers)


def refuse_breaking(table: FeatureTable, columns: Collection[str], readers: Mapping[str, tuple[Lookup, ...]]) -> None:
    """Refuse to write a feature table that lacks what another use case looks up.

    Args:
        table: What is to be written.
        columns: The columns of its rows.
        readers: Lookups of this table, by use case.

    Raises:
        ConfigError: A column is gone that somebody reads, or the table has other keys, times or ticks.
    """
    for reader, lookups in sorted(readers.items()):
        for lookup in lookups:
            if what := _gone(table, columns, lookup):
                raise ConfigError(
                    f"feature table {table.name!r} has no longer {what}, which use case {reader!r} looks up. Nothing "
                    "was written: compute a table of another name beside it, and drop this one once nobody reads it"
                )


def _gone(table: FeatureTable, columns: Collection[str], lookup: Lookup) -> str:
    """Say what a lookup asks for and a table lacks; empty where it has all."""
    if absent := [name for name in (*lookup.keys, *lookup.columns) if name not in columns]:
        return f"column {', '.join(absent)}"
    if set(lookup.keys) != set(table.keys):
        return f"the keys {', '.join(lookup.keys)}"
    by_time = lookup.grid is not None or lookup.max_age is not None
    if by_time != table.timestamped:
        return "times" if by_time else "one row a key, without times"
    return f"the grid of {lookup.grid}" if table.lacks_ticks_of(lookup) else ""


def refuse_gone(owner: UseCase, readers: Mapping[str, Collection[str]]) -> None:
    """Refuse to go on without a feature table that another use case looks up.

    Raises:
        ConfigError: A table is not declared any more, and has readers.
    """
    names = sorted(readers.keys() - {table.name for table in owner.feature_tables})
    if names:
        who = ", ".join(sorted({reader for name in names for reader in readers[name]}))
        raise ConfigError(
            f"use case {owner.name!r} has no feature table {', '.join(names)} any more, which use case {who} looks up: "
            "declare it again until nobody reads it"
        )


def describe_sharing(use_case: UseCase) -> Iterator[str]:
    """Say which feature tables of others a use case looks up, and who looks up its own."""
    for table, readers in sorted(readers_of(use_case).items()):
        for reader, lookups in sorted(readers.items()):
            columns = dict.fromkeys(name for lookup in lookups for name in lookup.columns)
            yield f"use case {reader} looks up {table}: {', '.join(columns)}"
    for lookup in use_case.model.lookups:
        if owner_of(lookup.table):
            yield f"it looks up {lookup.table}: {', '.join(lookup.columns)}"
