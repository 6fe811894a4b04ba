"""What every feature store does: the laptop's, and the workspace's, whose client takes what every version takes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from feature_engineering.fake import Metastore, fake_engineering
from pyspark.sql import DataFrame, SparkSession

from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError, TableError
from levelfive.features.databricks_store import DatabricksFeatureStore
from levelfive.features.store import LocalFeatureStore
from levelfive.features.watermarks import watermark
from levelfive.storage.feature_stores import FeatureStore
from levelfive.storage.tables import Tables
from levelfive.usecase.features import FeatureTable, Lookup

DAY = Window(utc(2013, 1, 1), utc(2013, 1, 2))
NEXT_DAY = Window(utc(2013, 1, 2), utc(2013, 1, 3))
STATE = FeatureTable("state", ("place",), (), lambda raw, window: raw["none"])
STATE_ROW = "place string, known_at timestamp, value int, seen_at timestamp"
LOOKUP = Lookup("state", {"place": "origin"}, ("value",), max_age=timedelta(hours=3), prefix="at_")
HOURLY = Lookup("state", {"place": "origin"}, ("value",), grid=timedelta(hours=1))
FACTS = FeatureTable("facts", ("kind", "number"), (), lambda raw, window: raw["none"], timestamped=False)
FACTS_ROW = "kind string, number int, size int"
SPINE_ROW = "id int, origin string, kind string, number int, prediction_time timestamp"


def at(hour: int, minute: int = 0) -> datetime:
    return utc(2013, 1, 1, hour, minute)


@dataclass(frozen=True)
class Place:
    """A store and the schema that it serves."""

    tables: Tables
    store: FeatureStore

    def write(self, *rows: tuple[str | None, datetime, int], window: Window = DAY) -> None:
        known = [(*row, row[1] - timedelta(hours=1)) for row in rows]
        self.store.put(STATE, self.tables.spark.createDataFrame(known, STATE_ROW), window, made_of={})

    def write_facts(self, *rows: tuple[str, int, int], made_of: Mapping[str, int]) -> None:
        self.store.put(FACTS, self.tables.spark.createDataFrame(list(rows), FACTS_ROW), DAY, made_of=made_of)

    def rows(self, table: FeatureTable, *columns: str) -> list[tuple[Any, ...]]:
        return sorted(tuple(row) for row in self.tables.read(table.name).selectExpr(*columns).collect())

    def spine(self, *rows: tuple[str | None, datetime]) -> DataFrame:
        numbered = [(i, origin, "K", i, moment) for i, (origin, moment) in enumerate(rows)]
        return self.tables.spark.createDataFrame(numbered, SPINE_ROW)

    def found(self, spine: DataFrame, *lookups: Lookup) -> list[tuple[Any, ...]]:
        frame = self.store.assemble(spine, lookups, self.tables.read, DAY)
        features = [name for lookup in lookups for name in lookup.features]
        return [tuple(row[name] for name in features) for row in sorted(frame.collect(), key=lambda row: row["id"])]


@pytest.fixture(params=["local", "databricks"])
def store_of(request: pytest.FixtureRequest, spark: SparkSession) -> Callable[[Tables], FeatureStore]:
    if request.param == "local":
        return LocalFeatureStore
    engineering = fake_engineering(spark, Metastore())
    return lambda tables: DatabricksFeatureStore(tables, lambda: engineering)


@pytest.fixture
def here(tables: Tables, store_of: Callable[[Tables], FeatureStore]) -> Place:
    return Place(tables, store_of(tables))


@pytest.fixture
def elsewhere(
    here: Place, open_tables: Callable[[str], Tables], store_of: Callable[[Tables], FeatureStore]
) -> Iterator[Place]:
    tables = open_tables(f"{here.tables.schema}_elsewhere")
    yield Place(tables, store_of(tables))
    tables.spark.sql(f"DROP SCHEMA {tables.schema} CASCADE")


SHOWN = ("place", "date_format(known_at, 'dd HH')", "value")


def test_of_two_writes_of_one_key_the_newer_one_stays(here: Place) -> None:
    here.write(("X", at(8), 1), ("Y", at(8), 1))
    here.write(("X", utc(2013, 1, 2, 8), 3), window=NEXT_DAY)

    here.write(("X", at(8), 2), ("Y", at(8), 1))

    assert here.rows(STATE, *SHOWN) == [("X", "01 08", 2), ("X", "02 08", 3), ("Y", "01 08", 1)]


def test_rows_of_the_window_that_were_not_computed_again_are_gone(here: Place) -> None:
    here.write(("X", at(8), 1), ("Y", at(8), 1))
    here.write(("X", utc(2013, 1, 2, 8), 3), window=NEXT_DAY)

    here.write(("Y", at(8), 2), ("Z", at(9), 1))

    assert here.rows(STATE, *SHOWN) == [("X", "02 08", 3), ("Y", "01 08", 2), ("Z", "01 09", 1)]


def test_rows_with_a_null_in_their_key_are_left_out(here: Place) -> None:
    here.write((None, at(8), 1), ("X", at(8), 2))

    assert here.rows(STATE, *SHOWN) == [("X", "01 08", 2)]
    assert here.found(here.spine((None, at(9)), ("X", at(9))), LOOKUP) == [(None,), (2,)]


def test_a_table_without_times_is_replaced_as_a_whole_once_its_sources_changed(here: Place) -> None:
    here.write_facts(("K", 0, 10), ("K", 1, 11), made_of={"raw": 1})
    here.write_facts(("K", 7, 17), made_of={"raw": 1})
    as_first_made = here.rows(FACTS, "number", "size")

    here.write_facts(("K", 1, 12), made_of={"raw": 2})

    assert as_first_made == [(0, 10), (1, 11)]
    assert here.rows(FACTS, "number", "size") == [(1, 12)]


def test_a_store_tells_how_far_a_table_reached_before_a_time(here: Place) -> None:
    before = watermark(here.tables, "state", before=utc(2014, 1, 1))
    here.write(("X", at(8), 1))
    here.write(("X", utc(2013, 1, 2, 8), 3), window=NEXT_DAY)

    reached = [watermark(here.tables, "state", before=end) for end in (DAY.end, NEXT_DAY.end, utc(2014, 1, 1))]

    assert [before, *reached] == [None, None, DAY.end, NEXT_DAY.end]


def test_the_newest_value_known_at_the_prediction_time_is_found_and_none_beyond_its_age(here: Place) -> None:
    here.write(("X", at(8), 8), ("X", at(10), 10), ("X", at(12) + timedelta(microseconds=1), 12), ("Y", at(8), 1))
    times = (at(7), at(8), at(9, 59), at(10), at(12), at(13))
    just_old_enough, too_old = at(11), at(11) + timedelta(seconds=1)

    found = here.found(here.spine(*(("X", time) for time in times), ("Y", just_old_enough), ("Y", too_old)), LOOKUP)

    assert [value for (value,) in found] == [None, 8, 8, 10, 10, 12, 1, None]


def test_a_time_becomes_minutes_before_the_prediction_time(here: Place) -> None:
    here.write(("X", at(8), 8))

    assert here.found(here.spine(("X", at(8, 30))), replace(LOOKUP, columns=("seen_at", "value"))) == [(90.0, 8)]
    assert here.found(here.spine(("X", at(8, 45))), replace(HOURLY, columns=("seen_at", "value"))) == [(105.0, 8)]


def test_of_a_table_on_a_grid_the_row_of_the_last_tick_is_found_and_none_older(here: Place) -> None:
    here.write(("X", at(8), 8), ("X", at(9), 9), ("X", at(11), 11))

    found = here.found(here.spine(*(("X", time) for time in (at(8), at(9, 59), at(10, 30), at(11, 1)))), HOURLY)

    assert [value for (value,) in found] == [8, 9, None, 11]


def test_one_table_is_looked_up_by_several_ages_keys_and_names(here: Place) -> None:
    here.write(("X", at(8), 8), ("K", at(8), 7))
    lookups = (
        LOOKUP,
        replace(LOOKUP, max_age=timedelta(minutes=30), prefix="fresh_"),
        replace(LOOKUP, keys={"place": "kind"}, prefix="kind_"),
        replace(LOOKUP, prefix="again_"),
    )

    assert here.found(here.spine(("X", at(9))), *lookups) == [(8, None, 7, 8)]


def test_keys_are_compared_by_name_in_whatever_order_a_lookup_names_them(here: Place) -> None:
    here.write_facts(("K", 0, 10), ("K", 1, 11), made_of={})
    sizes = Lookup("facts", {"number": "number", "kind": "kind"}, ("size",), prefix="fact_")

    assert here.found(here.spine(("X", at(9)), ("X", at(9)), ("X", at(9))), sizes) == [(10,), (11,), (None,)]


def test_the_spine_comes_first_with_its_label_and_then_the_features_in_their_order(here: Place) -> None:
    here.write(("X", at(8), 8))
    here.write_facts(("K", 0, 10), made_of={})
    labelled = here.spine(("X", at(9))).selectExpr("id + 5 AS label", "*")
    lookups = (
        replace(LOOKUP, columns=("value", "seen_at")),
        Lookup("facts", {"kind": "kind", "number": "number"}, ("size",)),
    )

    frame = here.store.assemble(labelled, lookups, here.tables.read, DAY, label="label")

    assert frame.columns == [*labelled.columns, "at_value", "at_seen_at", "size"]
    assert [(row["label"], row["at_value"], row["at_seen_at"], row["size"]) for row in frame.collect()] == [
        (5, 8, 120.0, 10)
    ]


def test_names_are_bound_when_they_are_used_so_a_model_scores_elsewhere_after_its_first_place_is_gone(
    here: Place, elsewhere: Place
) -> None:
    here.write(("X", at(8), 1))
    elsewhere.write(("X", at(8), 2))
    trained = here.found(here.spine(("X", at(9))), LOOKUP)

    here.tables.spark.sql(f"DROP TABLE {here.tables.name('state')}")

    assert not here.tables.spark.catalog.tableExists(here.tables.name("state"))
    assert (trained, elsewhere.found(elsewhere.spine(("X", at(9))), LOOKUP)) == ([(1,)], [(2,)])


def test_a_table_that_is_not_there_is_named_and_the_room_that_makes_it(here: Place) -> None:
    with pytest.raises(TableError, match=rf"{here.tables.name('state')} does not exist yet: run the stage"):
        here.found(here.spine(("X", at(9))), LOOKUP)


@pytest.mark.parametrize(
    ("lookup", "said"),
    [
        (replace(LOOKUP, columns=("wrong",)), "has no column wrong"),
        (replace(LOOKUP, max_age=None), "needs a max_age"),
        (Lookup("state", {"place": "origin"}, ("value",), max_age=timedelta(1), prefix="at_"), "named at_value"),
    ],
)
def test_a_lookup_that_cannot_be_is_refused(here: Place, lookup: Lookup, said: str) -> None:
    here.write(("X", at(8), 1))
    lookups = (LOOKUP, lookup) if "named" in said else (lookup,)

    with pytest.raises(ConfigError, match=said):
        here.found(here.spine(("X", at(9))), *lookups)
