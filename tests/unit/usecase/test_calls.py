"""What the functions of a use case return is looked at before anything rests on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql.types import DataType, DateType, StringType, StructField, StructType, TimestampType

from flight_delay import USE_CASE
from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError
from levelfive.usecase.calls import derived, feature_rows, labels_of, spine_of
from levelfive.usecase.features import FeatureTable, Lookup
from levelfive.usecase.use_case import UseCase

WINDOW = Window(utc(2013, 1, 1), utc(2013, 1, 2))
LOOKUP = Lookup("state", {"place": "origin"}, ("size",))


@dataclass(frozen=True)
class Rows:
    """Rows of which only the columns are known."""

    schema: StructType


def rows(*names: str, **kinds: DataType) -> Rows:
    times = {name: TimestampType() for name in ("prediction_time", "known_at", "sched_dep_at") if name in names}
    fields = [StructField(name, kinds.get(name, times.get(name, StringType()))) for name in names]
    return Rows(StructType(fields))


def a_use_case(spine: Callable[[Any, Any], Any]) -> UseCase:
    return replace(USE_CASE, key=("id",), slices=("region",), spine=spine)


def test_a_spine_that_holds_what_is_asked_for_is_taken_as_it_is() -> None:
    returned = rows("id", "prediction_time", "region", "amount", "origin", "more")

    found = spine_of(a_use_case(lambda raw, window: returned), {}, WINDOW, features=("amount",), lookups=(LOOKUP,))

    assert found is returned


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (rows("id", "prediction_time"), "returned no column region, amount, origin, it returned id, prediction_time"),
        (rows("id", "prediction_time", "region", "amount", "origin", "label"), "returned label, a name that levelfive"),
        (rows("id", "prediction_time", "region", "amount", "origin", "ID"), "returned two columns named id"),
        (
            rows("id", "prediction_time", "region", "amount", "origin", prediction_time=DateType()),
            "returned prediction_time as date, it must be a timestamp",
        ),
        (None, "must return rows, it returned NoneType"),
    ],
    ids=["columns that lack", "the label's name", "one name twice", "a day as a time", "nothing"],
)
def test_a_spine_that_cannot_be_used_says_what_to_change(returned: Any, words: str) -> None:
    with pytest.raises(ConfigError, match="`spine` of the use case") as refused:
        spine_of(a_use_case(lambda raw, window: returned), {}, WINDOW, features=("amount",), lookups=(LOOKUP,))

    assert words in str(refused.value)


def test_what_spark_says_of_a_function_names_the_function_and_the_column() -> None:
    def compute(raw: Any, window: Window) -> Any:
        raise AnalysisException("[UNRESOLVED_COLUMN] A column with name `amuont` cannot be resolved.\nMore.")

    with pytest.raises(ConfigError, match=r"`compute` of feature table 'state' failed: .*`amuont` cannot be resolved"):
        feature_rows(FeatureTable("state", ("place",), (), compute), {}, WINDOW)


def test_a_source_that_a_function_does_not_name_is_said() -> None:
    case = replace(USE_CASE, labels=lambda raw, window: raw["orders"])

    with pytest.raises(ConfigError, match="`labels` of the use case reads 'orders', and is given flights"):
        labels_of(case, {"flights": rows()}, WINDOW)


def test_a_mistake_in_the_function_itself_is_not_hidden() -> None:
    with pytest.raises(KeyError, match="colour"):
        spine_of(
            a_use_case(lambda raw, window: {}["colour"] if "orders" in raw else None),
            {"orders": 1, "colour": 2},
            WINDOW,
        )


def test_a_derivation_that_drops_the_time_of_a_row_is_refused() -> None:
    flights = replace(USE_CASE.source("flights"), derive=lambda rows, references: rows)

    with pytest.raises(ConfigError, match="`derive` of source 'flights' returned no column sched_dep_at, "):
        derived(flights, rows("dep_time"), {})
