"""Feature tables that several use cases look up: who reads what, and no change that takes it away from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import shop

from levelfive.config import Settings
from levelfive.errors import ConfigError
from levelfive.usecase import sharing
from levelfive.usecase.check import check
from levelfive.usecase.features import Lookup
from levelfive.usecase.use_case import UseCase

RETURNS = "shop.store_returns"
HOUR = timedelta(hours=1)


def reading(**changes: object) -> UseCase:
    """A use case that looks up what the shop computes."""
    (lookup,) = shop.USE_CASE.model.lookups
    lookups = (replace(lookup, **{"table": RETURNS, **changes}),)
    return replace(
        shop.USE_CASE, name="refunds", feature_tables=(), model=replace(shop.USE_CASE.model, lookups=lookups)
    )


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "installed", lambda: iter((shop.USE_CASE, reading())))


def test_a_table_of_another_use_case_is_found_by_both_names() -> None:
    found = reading().feature_table(RETURNS)

    assert (found.name, found.keys, found.compute) == (RETURNS, ("store",), shop.store_returns)
    check(reading())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"table": "shop.gone"}, "there is no feature table 'gone'"),
        (
            {"table": "nobody.store_returns"},
            "no use case 'nobody'; installed are .*: install the package that",
        ),
        ({"keys": {"town": "store"}}, "look up by all of its keys"),
        ({"max_age": None}, "needs a max_age: the table has times"),
    ],
)
def test_a_lookup_that_does_not_fit_the_table_of_another_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check(reading(**changes))


@pytest.mark.usefixtures("installed")
def test_who_reads_what_is_listed_on_both_sides() -> None:
    assert [*sharing.describe_sharing(shop.USE_CASE)] == ["use case refunds looks up store_returns: returned_share"]
    assert [*sharing.describe_sharing(reading())] == ["it looks up shop.store_returns: returned_share"]


def test_a_package_that_cannot_be_imported_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def load(self) -> object:
            raise ImportError("no such module")

    class Whole:
        def load(self) -> object:
            return reading()

    monkeypatch.setattr(sharing, "entry_points", lambda group: [Broken(), Whole()])

    assert [use_case.name for use_case in sharing.installed()] == ["refunds"]


@pytest.mark.usefixtures("installed")
def test_a_column_that_somebody_reads_cannot_go() -> None:
    (table,) = shop.USE_CASE.feature_tables
    readers = sharing.readers_of(shop.USE_CASE)[table.name]

    sharing.refuse_breaking(table, ("store", "known_at", "returned_share", "one_more"), readers)
    with pytest.raises(ConfigError, match="has no longer column returned_share, which use case 'refunds' looks up"):
        sharing.refuse_breaking(table, ("store", "known_at", "share"), readers)
    more_keys = replace(table, keys=("store", "hour"))
    with pytest.raises(ConfigError, match="has no longer the keys store"):
        sharing.refuse_breaking(more_keys, ("store", "hour", "known_at", "returned_share"), readers)


@pytest.mark.parametrize(
    ("table", "lookup", "words"),
    [
        ({"timestamped": False}, {}, "has no longer times"),
        ({"timestamped": False}, {"max_age": None, "grid": HOUR}, "has no longer times"),
        ({}, {"max_age": None}, "has no longer one row a key, without times"),
        ({"grid": 2 * HOUR}, {"max_age": None, "grid": HOUR}, "has no longer the grid of 1:00:00"),
    ],
)
def test_times_and_ticks_that_somebody_reads_by_cannot_go(
    table: dict[str, Any], lookup: dict[str, Any], words: str
) -> None:
    (before,) = shop.USE_CASE.feature_tables
    readers = {"refunds": reading(**lookup).model.lookups}

    with pytest.raises(ConfigError, match=f"{words}, which use case 'refunds' looks up"):
        sharing.refuse_breaking(replace(before, **table), ("store", "known_at", "returned_share"), readers)


def test_a_finer_grid_takes_nothing_away() -> None:
    (before,) = shop.USE_CASE.feature_tables
    readers = {"refunds": reading(max_age=None, grid=HOUR).model.lookups}

    sharing.refuse_breaking(replace(before, grid=HOUR / 4), ("store", "known_at", "returned_share"), readers)


@pytest.mark.usefixtures("installed")
def test_a_table_that_somebody_reads_cannot_go() -> None:
    readers = sharing.readers_of(shop.USE_CASE)

    sharing.refuse_gone(shop.USE_CASE, readers)
    with pytest.raises(ConfigError, match="has no feature table store_returns any more, which use case refunds looks"):
        sharing.refuse_gone(replace(shop.USE_CASE, feature_tables=()), readers)


@pytest.mark.parametrize(
    ("settings", "schema"),
    [
        ({}, "shop"),
        ({"table_schema": "main.refunds"}, "main.shop"),
        ({"table_schema": "dev.dev_anna_refunds"}, "dev.dev_anna_shop"),
        ({"table_schema": "main.elsewhere", "shared_schemas": "shop=main.sales"}, "main.sales"),
    ],
)
def test_the_schema_of_another_use_case_is_named_as_ours_is_unless_a_setting_says_so(
    settings: dict[str, str], schema: str
) -> None:
    assert Settings(use_case="refunds", **settings).schema_of("shop") == schema


def test_a_schema_that_tells_nothing_needs_a_setting() -> None:
    with pytest.raises(ConfigError, match="add it to the setting shared_schemas"):
        Settings(use_case="refunds", table_schema="main.elsewhere").schema_of("shop")


def test_two_use_cases_may_look_up_tables_of_each_other() -> None:
    """To find one does not check it, which would find the other one, and so on."""
    itself = Lookup(RETURNS, {"store": "store"}, ("returned_share",), max_age=timedelta(days=2))

    check(replace(shop.USE_CASE, model=replace(shop.USE_CASE.model, lookups=(itself,))))
