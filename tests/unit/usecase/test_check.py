"""What a use case has to be: what no job could run or would misread is refused before one begins."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest
from in_memory.release import a_context, a_use_case
from in_memory.tables import MemoryTables

from flight_delay import USE_CASE
from levelfive import REGRESSION, AlertRule, Later, MonitoringPolicy
from levelfive.errors import ConfigError
from levelfive.monitoring.mature_rows import AT
from levelfive.training.dataset import DAY_NUMBER, SLICE
from levelfive.usecase import columns
from levelfive.usecase.check import check
from levelfive.usecase.columns import ORDER
from levelfive.usecase.features import FeatureTable, Lookup
from levelfive.usecase.policies import RetrainingPolicy
from levelfive.usecase.sources import Reveal, Source, between, not_null, one_of
from levelfive.usecase.use_case import UseCase

HOUR = timedelta(hours=1)
ROOMS = ("data", "features", "training", "registry", "scoring", "monitoring", "retraining", "deployment")
ORDERS = Source("orders", {"id": "string", "at": "timestamp"}, key=("id",), event_time="at")
STATE = FeatureTable("state", ("id",), ("orders",), lambda raw, window: raw["orders"])
LOOKUP = Lookup("state", {"id": "id"}, ("size",), max_age=HOUR)
SHOP = replace(
    USE_CASE,
    name="shop",
    sources=(ORDERS,),
    feature_tables=(STATE,),
    key=("id",),
    spine_sources=("orders",),
    label_sources=("orders",),
    slices=("id",),
    model=replace(USE_CASE.model, spine_features=("amount",), lookups=(LOOKUP,), categorical=()),
)


def with_source(**changes: object) -> UseCase:
    return replace(SHOP, sources=(replace(ORDERS, **changes),))


def with_column(name: str) -> UseCase:
    return with_source(columns={**ORDERS.columns, name: "string"})


def with_model(**changes: object) -> UseCase:
    return replace(SHOP, model=replace(SHOP.model, **changes))


def with_lookup(**changes: object) -> UseCase:
    return with_model(lookups=(replace(LOOKUP, **changes),))


def with_table(**changes: object) -> UseCase:
    return replace(SHOP, feature_tables=(replace(STATE, **changes),))


def refusal(use_case: UseCase) -> str:
    with pytest.raises(ConfigError, match="cannot be used") as refused:
        check(use_case)
    return str(refused.value)


@pytest.mark.parametrize("use_case", [USE_CASE, SHOP], ids=lambda use_case: use_case.name)
def test_a_use_case_that_can_be_used_passes(use_case: UseCase) -> None:
    check(use_case)


def with_rule(*rule: str, limit: float | None = None) -> UseCase:
    return replace(SHOP, monitoring=MonitoringPolicy(alerts=(AlertRule(*rule, limit=limit),)))


@pytest.mark.parametrize(
    "rule",
    [
        ("metric_is_beyond",),
        ("metric_is_beyond", "auc", "id=7"),
        ("columns_unusual", "size"),
        ("columns_unusual", "(score)"),
        ("much_is_quarantined", "orders"),
        ("much_is_quarantined", "request_log"),
        ("an_alert_of_its_own", "skill"),
    ],
    ids=":".join,
)
def test_a_rule_may_be_of_what_alerts_are_of(rule: tuple[str, ...]) -> None:
    check(with_rule(*rule))


@pytest.mark.parametrize(
    ("use_case", "words"),
    [
        (
            with_rule("metric_is_beyond", "acu", limit=0.7),
            "AlertRule of 'metric_is_beyond' has metrics auc, log_loss, ",
        ),
        (with_rule("metric_is_beyond", "size"), "and none is 'size'"),
        (with_rule("metric_is_beyond", limit=0.7), "and none is ''"),
        (with_rule("columns_unusual", "sise"), "'columns_unusual' has metrics, columns and sources auc, log_loss, "),
        (with_rule("metric_is_beyond", "auc", "ids=7"), "'metric_is_beyond' has slices id, and none is 'ids'"),
    ],
    ids=["no metric", "a column", "no name", "no column", "no slice"],
)
def test_a_rule_that_nothing_would_ever_meet_is_refused(use_case: UseCase, words: str) -> None:
    assert words in refusal(use_case)


@pytest.mark.parametrize(
    "name", ["day", "fold", "score", "role", "batch_id", "raw", "place", "_order", "slice_id", "at"]
)
def test_a_feature_may_be_called_as_it_is(name: str) -> None:
    check(with_model(spine_features=(name,)))


@pytest.mark.parametrize(
    ("use_case", "words"),
    [
        (with_column("source_file"), "source 'orders' has the name 'source_file', which levelfive gives to a column"),
        (with_column("Loaded_At"), "'Loaded_At', which levelfive gives"),
        (with_column("__levelfive_raw"), "'__levelfive_raw', which levelfive gives"),
        (with_column("ID"), "'id' and 'ID', which are one name to Spark"),
        (with_column("a b"), "the name 'a b' with ' ' in it"),
        (with_column("a.b"), "the name 'a.b' with '.' in it"),
        (with_column(""), "a column without a name"),
        (with_model(spine_features=("label",)), "its features has the name 'label'"),
        (with_model(spine_features=("amount", "Size")), "'Size' and 'size', which are one name"),
        (with_model(spine_features=("Id",)), "'id' and 'Id', which are one name"),
        (with_lookup(columns=("label",)), "its features has the name 'label'"),
        (with_lookup(columns=("time",), prefix="prediction_"), "its features has the name 'prediction_time'"),
        (with_lookup(columns=("id",)), "named like a column of the spine: give the lookup another prefix"),
        (replace(SHOP, key=("id", "score")), "its key has the name 'score'"),
        (replace(SHOP, slices=("label",)), "its slices has the name 'label'"),
        (replace(SHOP, slices=("size",)), "named like a column of the spine"),
        (replace(SHOP, slices=("a%b",)), "slice 'a%b' names metrics"),
        (with_table(keys=("known_at",)), "feature table 'state' has the name 'known_at'"),
        (with_model(parameters={"a=b": 1}), "parameter 'a=b' is none that MLflow records"),
        (with_model(parameters={"levelfive.seed": 1}), "parameter 'levelfive.seed' is named like one of levelfive's"),
    ],
)
def test_a_name_that_is_taken_or_cannot_be_is_refused(use_case: UseCase, words: str) -> None:
    assert words in refusal(use_case)


@pytest.mark.parametrize(
    ("use_case", "words"),
    [
        (replace(SHOP, name="my shop"), "its name must be a Python identifier"),
        (with_source(name="Orders"), "source 'Orders' must be named by small letters"),
        (
            with_source(name="request_log"),
            "source 'request_log' is named like the folder of levelfive's own request log",
        ),
        (with_table(name="predictions"), "'predictions' is named like a table of levelfive's own"),
        (replace(SHOP, feature_tables=(STATE, STATE)), "two of its feature tables are named 'state'"),
        (replace(SHOP, key=()), "it needs a key"),
        (replace(SHOP, key="id"), "key must be a tuple of names, it is the text 'id': write ('id',)"),
        (replace(SHOP, limits="none"), "limits must be a tuple of names, it is the text 'none'"),
        (
            with_source(reveals=(Reveal("y_at", known_at="y_at"),)),
            "columns of a reveal of source 'orders' must be a tuple of names, it is the text 'y_at'",
        ),
        (
            with_source(columns={**ORDERS.columns, "code": "double"}, expectations=(one_of("code", "1.0", "3"),)),
            "expects column 'code' to be '3', which no double is written as: write '3.0'",
        ),
        (
            with_source(columns={**ORDERS.columns, "code": "decimal(6,2)"}, expectations=(one_of("code", "3"),)),
            "which no decimal(6,2) is written as: write '3.00'",
        ),
        (
            with_source(columns={**ORDERS.columns, "code": "int"}, expectations=(one_of("code", "3", "x"),)),
            "expects column 'code' to be 'x', which no int is written as: take it out",
        ),
        (
            with_source(expectations=(between("at", 0, 1),)),
            "source 'orders' expects column 'at' to be between two numbers, and it is a timestamp",
        ),
        (with_source(key=()), "source 'orders' needs a key"),
        (with_source(references=("places",)), "source 'orders' has references orders, and none is 'places'"),
        (with_source(references=("orders",)), "in a circle (orders to orders)"),
        (replace(SHOP, spine_sources=("order",)), "it has spine_sources orders, and none is 'order'"),
        (replace(SHOP, label_sources=("order",)), "it has label_sources orders, and none is 'order'"),
        (with_table(sources=("order",)), "feature table 'state' has sources orders, and none is 'order'"),
        (with_lookup(table="stat"), "the lookup of 'stat' has tables state, and none is 'stat'"),
        (with_lookup(keys={"place": "id"}), "is by place, the table's keys are id: look up by all of its keys"),
        (with_lookup(max_age=None), "needs a max_age: the table has times"),
        (with_table(timestamped=False), "has a max_age, and the table has no times: take the max_age out"),
        (
            replace(with_lookup(max_age=None, grid=HOUR), feature_tables=(replace(STATE, grid=2 * HOUR),)),
            "has a grid of 1:00:00, and the table one of 2:00:00: take a multiple of it",
        ),
        (with_model(categorical=("colour",)), "its model has categorical features amount, size, and none is 'colour'"),
        (with_model(spine_features=(), lookups=()), "its model needs a feature"),
        (
            with_source(expectations=(not_null("id"),)),
            "expectations of source 'orders' must be a tuple of what `between`",
        ),
        (with_source(expectations=between("size", 1, 2)), "expectations of source 'orders' must be a tuple of what"),
        (
            with_source(columns={"id": "strng", "at": "timestamp"}),
            "column 'id' of source 'orders' has the type 'strng'",
        ),
        (with_source(columns={"id": str, "at": "timestamp"}), "has the type <class 'str'>: give it one of Spark's SQL"),
        (with_source(columns={"id": "string", "at": None}), "column 'at' of source 'orders' has the type None"),
        (with_source(expectations=not_null("colour")), "has columns id, at, and none is 'colour'"),
        (with_source(reveals=(Reveal(("y", "at"), known_at="at"),)), "has columns id, at, and none is 'y'"),
        (with_source(reveals=(Reveal(("id",), known_at="at"),)), "must hide its known_at 'at' too"),
    ],
)
def test_what_refers_to_nothing_is_refused(use_case: UseCase, words: str) -> None:
    assert words in refusal(use_case)


@pytest.mark.parametrize(
    ("use_case", "words"),
    [
        (replace(SHOP, maturity=-HOUR), "maturity must be 0 or longer"),
        (replace(SHOP, lookback=-HOUR), "lookback must be 0 or longer"),
        (replace(SHOP, day_starts_at=24 * HOUR), "day_starts_at must be less than a day"),
        (with_lookup(max_age=0 * HOUR), "max_age of the lookup of 'state' must be longer than 0"),
        (with_lookup(max_age=None, grid=-HOUR), "grid of the lookup of 'state' must be longer than 0"),
        (with_source(freshness=-HOUR), "freshness of source 'orders' must be longer than 0"),
        (with_source(key_within=-HOUR), "key_within of source 'orders' must be 0 or longer"),
        (with_source(freshness=HOUR, event_time=None), "has a freshness and no event_time"),
        (with_source(columns={"id": "string", "at": "string"}), "event_time of source 'orders' is a string"),
        (
            with_source(max_quarantined_share=1.5),
            "max_quarantined_share of source 'orders' must be from 0 to 1, got 1.5",
        ),
        (with_source(max_quarantined_share=float("nan")), "must be from 0 to 1, got nan"),
    ],
)
def test_a_length_or_a_share_that_makes_no_sense_is_refused(use_case: UseCase, words: str) -> None:
    assert words in refusal(use_case)


@pytest.mark.parametrize(
    ("use_case", "words"),
    [
        (with_source(deletion="gone"), "has a deletion and no corrections: say later=Later.CORRECTION"),
        (with_source(later=Later.CORRECTION, deletion="at"), "deletion of source 'orders' is a timestamp"),
        (with_source(later=Later.CORRECTION, deletion="gone"), "and none is 'gone'"),
        (
            with_source(later=Later.CORRECTION, columns={**ORDERS.columns, "Change": "string"}),
            "a column 'change', which levelfive gives to such rows",
        ),
    ],
)
def test_corrections_that_cannot_be_told_are_refused(use_case: UseCase, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        check(use_case)


def test_a_source_without_corrections_may_have_a_column_of_changes() -> None:
    check(with_column("change"))


def test_a_limit_of_bias_is_of_regressions() -> None:
    biased = replace(SHOP, retraining=RetrainingPolicy(bias=5.0))

    said = "a limit of bias, which is no metric of a binary task: take it out, or set `calibration` instead."
    assert said in refusal(biased)
    check(replace(biased, model=replace(SHOP.model, task=REGRESSION)))


@pytest.mark.parametrize("name", ["seed", "features"])
def test_a_parameter_may_be_called_like_what_a_training_records_beside_it(name: str) -> None:
    check(with_model(parameters={name: 1}))


def test_all_faults_are_said_at_once() -> None:
    said = refusal(replace(SHOP, key=("score",), maturity=-HOUR))

    assert "'score'" in said
    assert "maturity" in said


def test_no_job_begins_with_a_use_case_that_cannot_be_used() -> None:
    with pytest.raises(ConfigError, match="maturity must be 0 or longer"):
        a_context(MemoryTables(), a_use_case(maturity=-HOUR))


def test_every_table_of_a_room_is_taken() -> None:
    stages = [import_module(f"levelfive.{stage}.job") for stage in ROOMS]

    # Not `raw_*`, nor `<feature tables>`.
    written = {table for job in stages for table in (*job.READS, *job.WRITES) if table.isidentifier()}

    # And the views that a workspace's monitor looks at, and that have the names of its tables' columns.
    assert written | {"runs", "inference_log", "profile_metrics", "drift_metrics"} == columns.TABLES


@pytest.mark.parametrize("name", [DAY_NUMBER, SLICE, ORDER, AT])
def test_a_column_that_is_added_to_a_use_cases_own_has_a_name_that_is_taken(name: str) -> None:
    assert "levelfive gives to a column" in refusal(with_model(spine_features=(name.upper(),)))
