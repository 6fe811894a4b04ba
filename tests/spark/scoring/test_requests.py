"""Files of the request log become rows of `predictions`, each once, and what they rest on is computed again."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import shop
from in_memory.release import a_model
from pyspark.sql import functions as F

from levelfive import ServingPolicy
from levelfive.core.windows import Window, iso, utc
from levelfive.data.landed import LANDING_FILES
from levelfive.data.raw_tables import QUARANTINE
from levelfive.errors import LandingError
from levelfive.features.store import LocalFeatureStore
from levelfive.monitoring.consistency_join import ServedBy, compare_served
from levelfive.scoring import requests
from levelfive.storage.predictions import PREDICTIONS, Role, scored_by
from levelfive.storage.runs import JobContext, Run
from levelfive.storage.tables import Tables

pytestmark = pytest.mark.nightly
NOON = utc(2024, 1, 2, 12)
DAY = Window(utc(2024, 1, 2), utc(2024, 1, 3))
HOUR = timedelta(hours=1)
MODEL = "levelfive.test.shop"
SCHEMA = (
    "order_id long, prediction_time timestamp, score double, reference_score double, slices map<string, string>, "
    "features struct<store: string, price: double, returned_share: double, orders: int>, model_name string, "
    "model_version string, role string, batch_id string, scored_as_of timestamp"
)
BATCH = (7, NOON, 0.2, None, {"store": "north"}, ("north", 10.0, 0.5, 3), MODEL, "1", "champion", "b", NOON + HOUR)
Land = Callable[..., Path]


class Registry:
    """Knows no version."""

    name = MODEL

    def load_if_there(self, version: str) -> None:
        return None


def a_line(request_id: str, **fields: Any) -> dict[str, Any]:
    features = {"store": "north", "price": 10.0, "returned_share": 0.5, "orders": 3, **fields.pop("features", {})}
    usual = {
        "request_id": request_id,
        "keys": {"order_id": 7, "store": "north"},
        "prediction_time": iso(NOON),
        "scores": {"score": 0.1 + 0.2},
        "slices": {"store": "north"},
        "features": features,
        "known_at": {"returned_share": iso(NOON - HOUR)},
        "reaches_to": {"store_returns": iso(NOON)},
        "model": MODEL,
        "version": "1",
        "path": "fast",
        "served_at": iso(NOON + timedelta(minutes=1)),
        "sample_rate": 1.0,
    }
    return {**usual, **fields}


@pytest.fixture
def context(tables: Tables) -> JobContext:
    tables.append(PREDICTIONS, tables.spark.createDataFrame([BATCH], SCHEMA))
    use_case = replace(shop.USE_CASE, serving=ServingPolicy(max_staleness=HOUR))
    return JobContext(tables, use_case, LocalFeatureStore(tables))


@pytest.fixture
def land(tmp_path: Path) -> Land:
    """Let a file of the log land; a line that is a text is written as it is."""

    def landed(name: str, *lines: dict[str, Any] | str) -> Path:
        file = tmp_path / "request_log" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        return tmp_path

    return landed


def read(context: JobContext, landing: Path, as_of: Any = DAY.end) -> requests.RequestsResult:
    result = requests.run(context, Registry(), landing=landing, as_of=as_of)  # type: ignore[arg-type]  # in its place
    assert result is not None
    return result


def answers(context: JobContext) -> list[dict[str, Any]]:
    rows = context.tables.read(PREDICTIONS).where(scored_by(MODEL, role=Role.SERVED)).orderBy("request_id").collect()
    return [row.asDict(recursive=True) for row in rows]


def test_nothing_landed_is_no_run(context: JobContext, tmp_path: Path) -> None:
    (tmp_path / "request_log").mkdir()
    (tmp_path / "request_log" / "requests_1.jsonl.tmp").write_text("{}\n")

    assert requests.run(context, Registry(), landing=tmp_path, as_of=DAY.end) is None  # type: ignore[arg-type]  # see above


def test_an_answer_is_a_row_of_its_own_role_with_the_types_of_a_batch(context: JobContext, land: Land) -> None:
    line = a_line("a", features={"returned_share": None, "orders": 4.0, "price": "-Infinity"}, sample_rate=0.1)

    result = read(context, land("1.jsonl", line))

    (row,) = answers(context)
    assert row["features"] == {"store": "north", "price": float("-inf"), "returned_share": None, "orders": 4}
    assert (row["order_id"], row["prediction_time"], row["score"]) == (7, NOON.replace(tzinfo=None), 0.1 + 0.2)
    assert (row["role"], row["batch_id"], row["request_id"], row["sample_rate"]) == ("served", "1.jsonl", "a", 0.1)
    assert row["scored_as_of"] == (NOON + timedelta(minutes=1)).replace(tzinfo=None)
    assert row["lookup_keys"] == {"order_id": "7", "store": "north"}
    assert row["reaches_to"] == {"store_returns": NOON.replace(tzinfo=None)}
    assert row["slices"] == {"store": "north"}
    assert result.in_words == "1 answers of 1 new file became predictions, 0 quarantined, 0 there before"
    batch = context.tables.read(PREDICTIONS).where(scored_by(MODEL)).select("order_id", "score", "request_id")
    assert [tuple(one) for one in batch.collect()] == [(7, 0.2, None)]


def test_a_line_that_cannot_be_read_is_quarantined_with_its_reason(context: JobContext, land: Land) -> None:
    bad: dict[str, dict[str, Any] | str] = {
        "row: not a JSON object: {cut off": "{cut off",
        "features: missing": a_line("b") | {"features": None},
        "features.orders: not of type int: 4.5": a_line("c", features={"orders": 4.5}),
        "keys.order_id: not of type bigint: x": a_line("d", keys={"order_id": "x"}),
        "scores: not a finite number between 0 and 1": a_line("e", scores={"score": 1.5}),
        "slices: not a JSON object": a_line("f", slices="north"),
        "prediction_time: not a timestamp: 'noon'": a_line("g", prediction_time="noon"),
    }

    result = read(context, land("1.jsonl", a_line("a"), *bad.values()))

    assert [row["request_id"] for row in answers(context)] == ["a"]
    rows = context.tables.read(QUARANTINE).where(F.col("source") == "request_log").collect()
    assert sorted(row["reasons"][0] for row in rows) == sorted(bad)
    (file,) = result.files
    assert (file.rows_in, file.accepted, file.quarantined, file.duplicates) == (8, 1, 7, 0)


def test_a_file_is_read_once_and_an_id_counts_once(context: JobContext, land: Land) -> None:
    read(context, land("1.jsonl", a_line("a"), a_line("a", scores={"score": 0.9}), a_line("b")))

    again = read(context, land("2.jsonl", a_line("b"), a_line("c")))

    assert [row["request_id"] for row in answers(context)] == ["a", "b", "c"]
    assert [(file.source_file, file.accepted, file.duplicates) for file in again.files] == [("2.jsonl", 1, 1)]
    assert read(context, land("2.jsonl", a_line("b"), a_line("c"))).files == ()


def test_a_run_that_was_killed_after_its_commit_doubles_nothing(
    context: JobContext, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = land("1.jsonl", a_line("a"), a_line("b"))
    with monkeypatch.context() as patch:
        patch.setattr(requests, "add_files", lambda run, files: _killed())
        with pytest.raises(KeyboardInterrupt):
            read(context, landing)
    assert context.tables.control_tables.rows(LANDING_FILES) == []

    result = read(context, landing)

    assert [row["request_id"] for row in answers(context)] == ["a", "b"]
    assert [(file.accepted, file.duplicates) for file in result.files] == [(2, 0)]


def _killed() -> None:
    raise KeyboardInterrupt


def test_a_file_that_begins_after_the_logical_now_is_left(context: JobContext, land: Land) -> None:
    land("1.jsonl", a_line("a"))
    landing = land("2.jsonl", a_line("b", prediction_time=iso(NOON + 2 * HOUR)))

    first = read(context, landing, NOON + HOUR)
    second = read(context, landing)

    assert (first.left, [file.source_file for file in second.files]) == (("2.jsonl",), ["2.jsonl"])
    assert [row["request_id"] for row in answers(context)] == ["a", "b"]


def test_a_file_that_was_changed_is_refused_by_its_name(context: JobContext, land: Land) -> None:
    read(context, land("1.jsonl", a_line("a")))

    with pytest.raises(LandingError, match=r"1\.jsonl was changed after it was ingested"):
        read(context, land("1.jsonl", a_line("b"), a_line("c")))


def test_what_an_answer_rests_on_is_computed_again(context: JobContext, land: Land) -> None:
    """The table has 0.5 at eleven and 0.75 at half past eleven; the store had reached a quarter past, or noon."""
    table = [("north", NOON - HOUR, 0.5), ("north", NOON - HOUR / 2, 0.75)]
    rows = context.tables.spark.createDataFrame(table, "store string, known_at timestamp, returned_share double")
    context.tables.append("store_returns", rows)
    early = {"reaches_to": {"store_returns": iso(NOON - HOUR * 3 / 4)}}
    too_early = {"reaches_to": {"store_returns": iso(NOON - 3 * HOUR / 2)}}
    landing = land(
        "1.jsonl",
        a_line("same", features={"returned_share": 0.75}),
        a_line("other"),
        a_line("behind", **early),
        a_line("long behind", **too_early),
        a_line("missing", features={"returned_share": None}),
        a_line("unknown key", keys={"order_id": 7, "store": "west"}, features={"returned_share": None}),
        a_line("extra", keys={"order_id": 7, "store": None}),
    )
    read(context, landing)
    card = a_model(DAY.start).card
    use_case = shop.USE_CASE
    card = replace(card, features=use_case.model.features, categorical=("store",), lookups=use_case.model.lookups)

    (one,) = compare_served(context, Run(context.tables, "a-run"), ServedBy(MODEL, "1", card, DAY))

    assert (one.day, one.feature, one.answers) == (DAY.start.date(), "returned_share", 7)
    assert (one.matches, one.mismatches, one.missing, one.extra, one.behind) == (2, 3, 1, 1, 1)
    assert (one.max_difference, one.mean_difference) == (0.25, 0.75 / 4)
    assert not one.computed_anew
