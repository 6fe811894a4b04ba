"""A use case is tried on the first rows of its files: each fault is a sentence, and no table is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window as Over
from sklearn.linear_model import LogisticRegression

from flight_delay import USE_CASE
from levelfive import BINARY, Later
from levelfive.core.conditions import in_window
from levelfive.core.windows import Window, iso, utc
from levelfive.errors import TableError
from levelfive.features.grid import grid_state
from levelfive.features.grid_spec import Flow, GridSpec
from levelfive.formats import JsonLines
from levelfive.statistics.tasks.task import Estimator
from levelfive.trial import first_rows, trial
from levelfive.trial.findings import Part
from levelfive.usecase.columns import KNOWN_AT, LABEL, LABELLED, OUTCOME, PREDICTION_TIME
from levelfive.usecase.features import FeatureTable, Lookup
from levelfive.usecase.model import ModelSpec
from levelfive.usecase.sources import Reveal, Source, not_null
from levelfive.usecase.use_case import UseCase

ORDERS = Source(
    "orders",
    {"id": "string", "shop": "string", "at": "timestamp", "amount": "double", "returned": "int"},
    key=("id",),
    expectations=not_null("at"),
    event_time="at",
    format=JsonLines(),
)


def spine(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    return (
        raw["orders"]
        .select("id", "shop", "amount", F.col("at").alias(PREDICTION_TIME))
        .where(in_window(PREDICTION_TIME, window))
    )


def labels(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    rows = raw["orders"].select(
        "id",
        F.col("at").alias(PREDICTION_TIME),
        F.col("returned").cast("double").alias(LABEL),
        F.lit(LABELLED).alias(OUTCOME),
        (F.col("at") + F.expr("INTERVAL 1 DAY")).alias(KNOWN_AT),
    )
    return rows.where(in_window(KNOWN_AT, window))


def shops(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    return raw["orders"].groupBy("shop").agg(F.avg("amount").alias("usual"))


def build(numeric: object, categorical: object, seed: int) -> Estimator:
    return LogisticRegression()


SHOP = UseCase(
    name="shop",
    sources=(ORDERS,),
    feature_tables=(FeatureTable("shops", ("shop",), ("orders",), shops, timestamped=False),),
    key=("id",),
    spine_sources=("orders",),
    spine=spine,
    label_sources=("orders",),
    labels=labels,
    maturity=timedelta(days=2),
    model=ModelSpec(BINARY, ("amount",), (Lookup("shops", {"shop": "shop"}, ("usual",)),), (), build),
)


def landing(folder: Path, **changes: Any) -> Path:
    (folder / "orders").mkdir()
    with (folder / "orders" / "2024.jsonl").open("w") as file:
        for i in range(60):
            at = f"2024-01-{1 + i // 4:02}T12:00:00Z"
            row = {"id": f"o{i}", "shop": f"s{i % 3}", "at": at, "amount": i % 7 + 0.5, "returned": i % 2, **changes}
            file.write(json.dumps(row) + "\n")
    return folder


def test_a_use_case_in_order_is_read_computed_and_fitted_and_no_table_is_made(
    spark: SparkSession, tmp_path: Path
) -> None:
    before = {row["namespace"] for row in spark.sql("SHOW SCHEMAS").collect()}

    found = trial.run(spark, SHOP, landing(tmp_path), limit=40)

    assert (found.faults, found.notes) == ([], [])
    assert [(part.what, part.rows) for part in found.parts] == [
        ("source orders", 40),
        ("feature table 'shops'", 3),
        ("`spine`", 40),
        ("`labels`", 40),
        ("labelled rows with their features", 40),
        ("scores of a model that was fitted on them", 40),
    ]
    assert {row["namespace"] for row in spark.sql("SHOW SCHEMAS").collect()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["orders"]


def twice(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    return spine(raw, window).unionAll(spine(raw, window))


def other_keys(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    return labels(raw, window).withColumn("id", F.upper("id"))


def whole_keys(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    return labels(raw, window).withColumn("id", F.crc32("id"))


def of_one_class(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    return labels(raw, window).withColumn(LABEL, F.lit(1.0))


def fails(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    raise ZeroDivisionError("a mistake of theirs")


def at_run_time(rows: DataFrame, references: Mapping[str, DataFrame]) -> DataFrame:
    return rows.withColumn("odd", F.raise_error(F.lit("a mistake in a row")).cast("int"))


class Stubborn(LogisticRegression):
    def fit(self, X: Any, y: Any) -> Any:
        raise ValueError("these features cannot be learned")


def with_shops(compute: Any) -> UseCase:
    return replace(SHOP, feature_tables=(replace(SHOP.feature_tables[0], compute=compute),))


@pytest.mark.parametrize(
    ("use_case", "changes", "words"),
    [
        (SHOP, {"amount": "dear"}, "Most frequent: amount: not a double (60 rows)"),
        (SHOP, {"more": 1}, "expected the header of source 'orders'"),
        (SHOP, {"id": "o"}, "59 of the first 60 rows repeat a key (id)"),
        (replace(SHOP, sources=(replace(ORDERS, derive=at_run_time),)), {}, "Spark cannot take the rows of 2024.jsonl"),
        (with_shops(lambda raw, window: raw["orders"].select("shop")), {}, "each key once"),
        (with_shops(lambda raw, window: raw["orders"].select("shop").distinct()), {}, "has no column usual"),
        (replace(SHOP, spine=twice), {}, "`spine` of the use case returned several rows of id o0"),
        (replace(SHOP, spine=fails), {}, "`spine` of the use case failed: ZeroDivisionError: a mistake of theirs."),
        (replace(SHOP, labels=of_one_class), {}, "all 60 labels are 1, and a classifier learns from both"),
        (replace(SHOP, labels=other_keys), {}, "no row of `spine` has the id of a row of `labels`"),
        (replace(SHOP, labels=whole_keys), {}, "id is a string in `spine` and a bigint in `labels`: cast one."),
        (SHOP, {"returned": 2}, "labels must be 0 or 1 for a binary task, got 2.0"),
        (
            replace(SHOP, model=replace(SHOP.model, spine_features=("amount", "shop"))),
            {},
            "feature 'shop' is a string, and no category",
        ),
        (
            replace(SHOP, model=replace(SHOP.model, build=lambda numeric, categorical, seed: Stubborn())),
            {},
            "what `build` of the model returns failed: ValueError: these features cannot be learned.",
        ),
    ],
    ids=[
        "a type",
        "a header",
        "a key that names several rows",
        "a derivation",
        "a feature table's key twice",
        "a column that a lookup misses",
        "a spine's key twice",
        "a function that fails",
        "one class",
        "keys of another writing",
        "keys of another type",
        "labels of another task",
        "a text that is no category",
        "an estimator",
    ],
)
def test_a_fault_is_one_sentence(
    spark: SparkSession, tmp_path: Path, use_case: UseCase, changes: dict[str, Any], words: str
) -> None:
    found = trial.run(spark, use_case, landing(tmp_path, **changes))

    (fault,) = found.faults
    assert words in fault


REVEALED = replace(
    ORDERS,
    derive=lambda rows, references: rows.withColumn("back_at", F.col("at") + F.expr("INTERVAL 1 DAY")),
    known_at="at",
    reveals=(Reveal(("returned", "back_at"), known_at="back_at"),),
)
"""Orders that are known once they were made, and a day later whether they came back."""


def last_amounts(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Tell what the last order of a shop cost, from when it was made on."""
    rows = raw["orders"].groupBy("shop", F.col("at").alias(KNOWN_AT)).agg(F.max("amount").alias("usual"))
    return rows.where(in_window(KNOWN_AT, window))


def next_amounts(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Tell what the next order of a shop will cost, as if that were known."""
    by_time = Over.partitionBy("shop").orderBy("at")
    rows = raw["orders"].groupBy("shop", "at").agg(F.max("amount").alias("amount"))
    rows = rows.withColumn("usual", F.lead("amount").over(by_time))
    return rows.select("shop", F.col("at").alias(KNOWN_AT), "usual").where(in_window(KNOWN_AT, window))


def of_known_orders(table: FeatureTable, **changes: Any) -> UseCase:
    (lookup,) = SHOP.model.lookups
    age = timedelta(days=9) if table.timestamped else None
    model = replace(SHOP.model, lookups=(replace(lookup, max_age=age),))
    return replace(SHOP, sources=(REVEALED,), feature_tables=(table,), model=model, **changes)


def with_returned(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Offer whether an order came back as its amount."""
    return (
        spine(raw, window).drop("amount").join(raw["orders"].select("id", F.col("returned").alias("amount")), on="id")
    )


TIMED = FeatureTable("shops", ("shop",), ("orders",), last_amounts)


def test_features_of_what_was_known_are_no_fault(spark: SparkSession, tmp_path: Path) -> None:
    found = trial.run(spark, of_known_orders(TIMED), landing(tmp_path))

    assert (found.faults, found.notes) == ([], [])


def test_a_feature_that_knows_what_comes_next_is_named_with_the_first_row(spark: SparkSession, tmp_path: Path) -> None:
    """Each of the three shops has orders on each day; of the last one before the middle, the next is known later."""
    use_case = of_known_orders(replace(TIMED, compute=next_amounts))

    fault = trial.run(spark, use_case, landing(tmp_path)).faults[0]

    assert fault.startswith("feature table 'shops' says usual = nothing for shop s0, known_at 2024-01-")
    assert "(3 of 21 rows differ)" in fault
    assert "compute each row from what was known by its known_at" in fault


UNDATED = replace(REVEALED, known_at=None)
"""The same orders, where nobody says when a row becomes known."""


def test_a_feature_of_rows_that_are_dated_later_is_noted_where_no_source_says_when_they_are_known(
    spark: SparkSession, tmp_path: Path
) -> None:
    """In daily runs the next order is not there yet, and in the first one on all that landed it is."""
    use_case = replace(of_known_orders(replace(TIMED, compute=next_amounts)), sources=(UNDATED,))

    found = trial.run(spark, use_case, landing(tmp_path))

    assert [one for one in found.faults if "feature table" in one] == []
    (note,) = (one for one in found.notes if "feature table" in one)
    assert note.startswith("feature table 'shops' says usual = nothing for shop s0, known_at 2024-01-")
    assert "(3 of 21 rows differ), since rows dated later are not there yet" in note


def test_rows_that_are_known_before_their_date_are_no_foresight(spark: SparkSession, tmp_path: Path) -> None:
    """Each order is dated a day after it was made, and known when it was made."""
    later = replace(
        UNDATED,
        derive=lambda rows, references: rows.withColumns(
            {"made_at": F.col("at") - F.expr("INTERVAL 1 DAY"), "back_at": F.col("at") + F.expr("INTERVAL 1 DAY")}
        ),
        reveals=(*UNDATED.reveals, Reveal(("amount", "made_at"), known_at="made_at")),
    )

    def made(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
        rows = raw["orders"].groupBy("shop", F.col("made_at").alias(KNOWN_AT)).agg(F.max("amount").alias("usual"))
        return rows.where(in_window(KNOWN_AT, window))

    found = trial.run(
        spark, replace(of_known_orders(replace(TIMED, compute=made)), sources=(later,)), landing(tmp_path)
    )

    assert [one for one in (*found.faults, *found.notes) if "feature table" in one] == []


def test_a_spine_that_offers_what_is_revealed_later_is_named(spark: SparkSession, tmp_path: Path) -> None:
    (fault,) = trial.run(spark, of_known_orders(TIMED, spine=with_returned), landing(tmp_path)).faults

    assert fault.startswith("`spine` of the use case says amount = nothing for id o")
    assert "declare as such in the source" in fault


@pytest.mark.parametrize("hours", [1, 13])
def test_what_a_spine_offers_is_looked_at_as_of_the_very_time_of_a_row(
    spark: SparkSession, tmp_path: Path, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome is known an hour after an order: a cut in between two orders is later than that for most hours."""
    reveal = F.col("at") + F.expr("INTERVAL 1 HOUR")
    orders = replace(REVEALED, derive=lambda rows, references: rows.withColumn("back_at", reveal))
    use_case = replace(of_known_orders(TIMED, spine=with_returned), sources=(orders,))
    monkeypatch.setattr(first_rows, "CUT", (7 + hours / 24) / 14)

    faults = trial.run(spark, use_case, landing(tmp_path)).faults

    assert faults[0].startswith("`spine` of the use case says amount = nothing for id o")


def test_a_table_without_times_whose_values_change_is_noted(spark: SparkSession, tmp_path: Path) -> None:
    found = trial.run(spark, of_known_orders(SHOP.feature_tables[0]), landing(tmp_path))

    assert found.faults == []
    (note,) = found.notes
    assert note.startswith("feature table 'shops' says usual = ")
    assert "(3 of 3 rows differ)" in note
    assert "give it known_at where its values change" in note


def test_a_lookback_that_is_too_short_is_named_with_a_row_that_needs_more(spark: SparkSession, tmp_path: Path) -> None:
    """Each shop's largest amount so far, of which no lookback knows enough."""

    def largest(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
        so_far = Over.partitionBy("shop").orderBy("at").rangeBetween(Over.unboundedPreceding, 0)
        rows = raw["orders"].withColumn("usual", F.sum("amount").over(so_far))
        by_time = rows.groupBy("shop", F.col("at").alias(KNOWN_AT)).agg(F.max("usual").alias("usual"))
        return by_time.where(in_window(KNOWN_AT, window))

    short = of_known_orders(replace(TIMED, compute=largest, lookback=timedelta(days=2)))
    long = of_known_orders(replace(TIMED, lookback=timedelta(days=2)), labels_lookback=timedelta(days=2))
    folder = landing(tmp_path)

    (fault,) = trial.run(spark, short, folder).faults

    assert fault.startswith("feature table 'shops' looks back further than its lookback of 2 days, 0:00:00: ")
    assert "24 of 24 rows differ, such as that of shop s0, known_at 2024-01-" in fault
    assert trial.run(spark, long, folder).faults == []
    assert "`labels` of the use case looks back further" in " ".join(
        trial.run(spark, of_known_orders(TIMED, labels_lookback=timedelta(hours=1)), folder).faults
    )


def with_shared(lookup: Lookup) -> UseCase:
    """Look up what another use case computes, in place of a table of one's own."""
    shared = replace(lookup, table="sales.shops")
    return replace(SHOP, feature_tables=(), model=replace(SHOP.model, lookups=(shared,)))


def test_features_of_another_use_case_are_read_as_it_wrote_them(spark: SparkSession, tmp_path: Path) -> None:
    asked: list[str] = []

    def read(name: str) -> DataFrame:
        asked.append(name)
        return spark.createDataFrame([(f"s{i}", float(i)) for i in range(3)], "shop string, usual double")

    found = trial.run(spark, with_shared(SHOP.model.lookups[0]), landing(tmp_path), read_shared=read)

    assert (found.faults, found.notes, asked) == ([], [], ["sales.shops"])
    assert found.parts[-1] == Part("scores of a model that was fitted on them", 60)


def test_a_column_that_another_use_case_does_not_write_is_a_fault(spark: SparkSession, tmp_path: Path) -> None:
    (fault,) = trial.run(
        spark,
        with_shared(SHOP.model.lookups[0]),
        landing(tmp_path),
        read_shared=lambda name: spark.createDataFrame([("s0", 1.0)], "shop string, mean double"),
    ).faults

    assert fault == "feature table 'sales.shops' has no column usual"


def test_a_table_of_another_use_case_that_is_not_there_yet_is_said(spark: SparkSession, tmp_path: Path) -> None:
    def read(name: str) -> DataFrame:
        raise TableError(f"table {name} does not exist yet: run the stage that writes it first")

    found = trial.run(spark, with_shared(SHOP.model.lookups[0]), landing(tmp_path), read_shared=read)

    assert found.faults == []
    assert found.notes == [
        "feature table 'sales.shops' was not looked at: table sales.shops does not exist yet: run the stage that "
        "writes it first.",
        "the model was not looked at: it needs feature table sales.shops.",
    ]


def test_rows_that_are_corrected_or_deleted_by_later_ones_are_tried_as_they_are_then(
    spark: SparkSession, tmp_path: Path
) -> None:
    columns = {**ORDERS.columns, "gone": "boolean"}
    orders = replace(ORDERS, columns=columns, later=Later.CORRECTION, deletion="gone")
    with (landing(tmp_path, gone=None) / "orders" / "2025.jsonl").open("w") as file:
        for i in range(20):
            row = {"id": f"o{i}", "shop": "s0", "at": "2024-01-02T12:00:00Z", "amount": 3 + i, "returned": i % 2}
            file.write(json.dumps({**row, "gone": i == 0}) + "\n")

    found = trial.run(spark, replace(SHOP, sources=(orders,)), tmp_path)

    assert (found.faults, found.notes) == ([], [])
    assert found.parts[0] == Part("source orders", 80, "20 repeat a key, 1 delete")
    assert [part.rows for part in found.parts if part.what == "`spine`"] == [59]


def test_what_a_grid_costs_is_told(spark: SparkSession, tmp_path: Path) -> None:
    def ticks(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
        keys = raw["orders"].select("shop").distinct().withColumn("usual", F.lit(1.0))
        times = [(moment.start,) for moment in window.split(timedelta(hours=6))]
        at = spark.createDataFrame(times, f"{KNOWN_AT} timestamp")
        return keys.crossJoin(at).where(in_window(KNOWN_AT, window) & (F.hour(KNOWN_AT) % 6 == 0))

    use_case = of_known_orders(replace(TIMED, compute=ticks))
    lookup = replace(use_case.model.lookups[0], grid=timedelta(hours=6))
    use_case = replace(use_case, model=replace(use_case.model, lookups=(lookup,)))

    notes = trial.run(spark, use_case, landing(tmp_path)).notes

    assert any("a row for each key and tick, 4 ticks a day" in note and "about 12 rows a day" in note for note in notes)


def a_year_of_many_keys(folder: Path) -> Path:
    """Let 60 orders of 20 shops land, whose keys are numbers, one each six days."""
    (folder / "orders").mkdir()
    with (folder / "orders" / "2024.jsonl").open("w") as file:
        for i in range(60):
            at = utc(2024, 1, 1, 12) + timedelta(days=6 * i)
            row = {"id": i, "shop": i % 20, "at": iso(at), "amount": i % 7 + 0.5, "returned": i % 2}
            file.write(json.dumps(row) + "\n")
    return folder


def hourly(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Count a shop's orders so far, at each hour from its first one on."""
    week = {"1w": timedelta(days=7)}
    spec = GridSpec(("shop",), timedelta(hours=1), week, {"usual": Flow("at")}, ("usual",), {}, {})
    keys = raw["orders"].groupBy("shop").agg(F.min("at").alias(KNOWN_AT))
    return grid_state(raw["orders"], keys, spec, window).withColumnRenamed("usual_1w", "usual")


def of_all_orders(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
    """Count all orders of a shop, of later ones too."""
    counts = raw["orders"].groupBy("shop").agg(F.count("*").alias("usual"))
    return hourly(raw, window).drop("usual").join(counts, on="shop")


def on_a_fine_grid(compute: Any, **changes: Any) -> UseCase:
    orders = replace(REVEALED, columns={**ORDERS.columns, "id": "long", "shop": "int"})
    use_case = of_known_orders(replace(TIMED, compute=compute), **changes)
    lookup = replace(use_case.model.lookups[0], max_age=None, grid=timedelta(hours=1))
    return replace(use_case, sources=(orders,), model=replace(use_case.model, lookups=(lookup,)))


def test_of_a_fine_grid_of_many_keys_a_shorter_time_is_tried_and_said(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year has 170,000 rows of 20 keys; of thousands of keys and a grid of minutes, the trial never ended."""
    monkeypatch.setattr(first_rows, "MOST_ROWS", 2_000)

    found = trial.run(spark, on_a_fine_grid(hourly), a_year_of_many_keys(tmp_path))

    assert found.faults == []
    (part,) = (one for one in found.parts if one.what == "feature table 'shops'")
    assert 0 < part.rows <= 4_000
    assert part.message.startswith("of 4.2 of 356.0 days, ")
    assert any(note.startswith("the model was not looked at: fewer than 50 rows lie in ") for note in found.notes)


@pytest.mark.parametrize(
    ("use_case", "says"),
    [
        (on_a_fine_grid(of_all_orders), "feature table 'shops' says usual = "),
        (on_a_fine_grid(hourly, spine=with_returned), "`spine` of the use case says amount = nothing for id "),
    ],
    ids=["a future value", "a spine"],
)
def test_a_leak_is_named_within_the_shorter_time_too(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use_case: UseCase, says: str
) -> None:
    monkeypatch.setattr(first_rows, "MOST_ROWS", 2_000)

    faults = trial.run(spark, use_case, a_year_of_many_keys(tmp_path)).faults

    assert [fault for fault in faults if fault.startswith(says)]


def test_what_rests_on_a_source_at_fault_is_named_and_the_others_are_looked_at(
    spark: SparkSession, tmp_path: Path
) -> None:
    prices = replace(ORDERS, name="prices")
    use_case = replace(
        SHOP, sources=(prices, ORDERS), feature_tables=(replace(SHOP.feature_tables[0], sources=("prices",)),)
    )

    found = trial.run(spark, use_case, landing(tmp_path))

    (fault,) = found.faults
    assert "source 'prices': expected files" in fault
    assert "feature table 'shops' was not looked at: it needs source prices." in found.notes
    assert "`labels`" in [part.what for part in found.parts]


def test_one_row_of_a_wild_date_does_not_ask_for_centuries(spark: SparkSession, tmp_path: Path) -> None:
    folder = landing(tmp_path)
    with (folder / "orders" / "2024.jsonl").open("a") as file:
        rows = [(f"x{at}", at) for at in ("0213-01-01T00:00:00Z", "2924-01-01T00:00:00Z")]
        for name, at in rows:
            file.write(json.dumps({"id": name, "shop": "s1", "at": at, "amount": 1.0, "returned": 0}) + "\n")
        for i in range(100):
            at = f"2024-01-20T12:{i % 60:02}:00Z"
            file.write(json.dumps({"id": f"y{i}", "shop": "s1", "at": at, "amount": 1.0, "returned": 0}) + "\n")

    windows: list[Window] = []

    def seen(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
        windows.append(window)
        return shops(raw, window)

    found = trial.run(spark, with_shops(seen), folder)

    assert found.faults == []
    assert windows[0] == Window(utc(2023, 12, 31, 12), utc(2024, 1, 21, 12, 59))
    assert [window.start for window in windows] == [windows[0].start] * 2


def test_the_flights_are_in_order(spark: SparkSession, fixtures: Path) -> None:
    """All that `levelfive check` looks at, on the first rows of the flights."""
    found = trial.run(spark, USE_CASE, fixtures, limit=2_000)

    assert found.faults == []
