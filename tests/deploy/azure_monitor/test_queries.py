"""The queries of the alert rules and of the workbook are sound, and ask for what is sent."""

import re

import pytest
from azure_monitor import (
    ALERTS,
    KustoParser,
    alert_queries,
    criterion_of,
    names_in,
    resources,
    workbook_queries,
)

from levelfive.monitoring.drift_statistics import DRIFT_STATISTICS
from levelfive.statistics.tasks.binary import BINARY
from levelfive.telemetry.names import ATTRIBUTES, METRICS, RESOURCE, SERVICE
from levelfive.usecase.alert_rules import Severity
from levelfive.usecase.policies import MonitoringPolicy

QUERIES = {**alert_queries(), **workbook_queries()}
PLACE = re.compile(r"customDimensions\['([^']+)'\]")


def test_every_query_is_one_to_microsofts_parser(parser: KustoParser) -> None:
    """Node loads a parser of five megabytes."""
    found = dict(zip(QUERIES, parser.diagnose(list(QUERIES.values())), strict=True))

    assert found == {name: [] for name in QUERIES}


def test_a_query_with_a_fault_is_found(parser: KustoParser) -> None:
    """Node loads a parser of five megabytes."""
    wrong = {
        "wher": "requests | wher success",
        "succeeded": "requests | where succeeded",
        ")": "customMetrics | summarize sum(value",
        "pageViews": "pageViews | take 1",
    }

    found = parser.diagnose(list(wrong.values()))

    assert all(word in " ".join(said) for word, said in zip(wrong, found, strict=True))


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_only_for_names_that_are_sent(name: str) -> None:
    attributes = {one.name for one in ATTRIBUTES.values()} | set(RESOURCE)
    metrics = {one.name for one in METRICS}
    asked = set(PLACE.findall(QUERIES[name]))

    assert names_in(QUERIES[name])
    assert asked <= attributes
    assert names_in(QUERIES[name]) - asked <= metrics


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_looks_at_nothing_but_what_levelfive_sent(name: str) -> None:
    table, first, *_ = QUERIES[name].split(" | ")

    assert table in {"requests", "dependencies", "customMetrics", "traces"}
    assert first == f"where cloud_RoleName == '{SERVICE}'"


def test_the_values_that_queries_ask_for_are_said() -> None:
    text = " ".join(QUERIES.values())
    metric = re.search(r"performance\.metric'\]\) == '(\w+)'", text)
    statistic = re.search(r"drift\.statistic'\]\) == '(\w+)'", text)

    assert metric is not None
    assert statistic is not None
    assert metric[1] in {one.name for one in BINARY.metrics}
    assert statistic[1] in DRIFT_STATISTICS


def test_of_alerts_that_open_each_urgency_that_is_told_has_one_rule_which_leaves_out_the_muted() -> None:
    queries = [query for query in alert_queries().values() if "'alert opened'" in query]

    urgencies = [re.findall(r"urgency == '(\w+)'", query) for query in queries]
    told = [str(one) for one in Severity if one.rank <= MonitoringPolicy().told_from.rank]
    assert urgencies == [[one] for one in told]
    leaves_out = f"tostring(customDimensions['{ATTRIBUTES['muted'].name}']) != 'true'"
    assert [query for query in queries if leaves_out not in query] == []


@pytest.mark.parametrize("alert", resources(ALERTS), ids=lambda alert: alert["name"])
def test_what_an_alert_measures_and_splits_by_is_what_its_query_gives(alert: dict) -> None:
    criterion = criterion_of(alert)
    given = {part.split(" = ")[0] for part in criterion["query"].split("project ")[-1].split(", ")}

    assert {one["name"] for one in criterion["dimensions"]} <= given
    assert criterion.get("metricMeasureColumn", "useCase") in given
