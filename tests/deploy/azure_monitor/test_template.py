"""The template makes an action group, alert rules that tell it, and a workbook, on one component."""

import json
import re

import pytest
from azure_monitor import ALERTS, FOLDER, GROUPS, WORKBOOKS, criterion_of, resources, template

# What Azure takes of a log search alert, in minutes.
FREQUENCIES = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H", "P1D"}
WINDOWS = FREQUENCIES | {"P2D"}


def test_every_parameter_is_used_and_every_one_that_is_used_is_declared() -> None:
    declared = template()["parameters"]
    used = set(re.findall(r"parameters\('(\w+)'\)", json.dumps(template()["resources"] + [template()["variables"]])))

    assert used == declared.keys()
    assert all(one["metadata"]["description"] for one in declared.values())


def test_the_page_explains_every_parameter_and_every_rule() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    rules = [re.findall(r"\{0\}-([\w-]+)'", one["name"])[0] for one in resources(ALERTS)]

    assert {name for name in template()["parameters"] if f"`{name}`" not in page} == set()
    assert {rule for rule in rules if f"`{rule}`" not in page} == set()
    assert len(rules) > 5


def test_the_example_gives_what_has_no_default() -> None:
    given = json.loads((FOLDER / "prod.parameters.json").read_text(encoding="utf-8"))["parameters"]
    needed = {name for name, one in template()["parameters"].items() if "defaultValue" not in one}

    assert needed <= given.keys() <= template()["parameters"].keys()


@pytest.mark.parametrize("alert", resources(ALERTS), ids=lambda alert: alert["name"])
def test_an_alert_rule_tells_the_action_group_of_the_component_and_closes_by_itself(alert: dict) -> None:
    properties, (group,) = alert["properties"], resources(GROUPS)
    assert group["name"] == "[parameters('name')]"
    of_group = "[resourceId('Microsoft.Insights/actionGroups', parameters('name'))]"

    assert properties["actions"] == {"actionGroups": [of_group]}
    assert alert["dependsOn"] == [of_group]
    assert properties["scopes"] == ["[parameters('componentId')]"]
    assert (properties["enabled"], properties["autoMitigate"]) == (True, True)
    assert 0 <= properties["severity"] <= 4
    assert properties["description"].endswith(".")


@pytest.mark.parametrize("alert", resources(ALERTS), ids=lambda alert: alert["name"])
def test_an_alert_rule_is_evaluated_over_a_time_that_azure_takes(alert: dict) -> None:
    properties, criterion = alert["properties"], criterion_of(alert)

    assert properties["evaluationFrequency"] in FREQUENCIES
    assert properties["windowSize"] in WINDOWS
    assert properties.get("overrideQueryTimeRange", "P2D") == "P2D"
    measures = "metricMeasureColumn" in criterion
    assert (criterion["timeAggregation"] == "Count") != measures
    assert criterion["failingPeriods"] == {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1}


def test_names_of_what_is_made_differ() -> None:
    names = [one["name"] for one in template()["resources"]]

    assert len(set(names)) == len(names)


def test_the_workbook_shows_its_queries_over_the_time_that_its_reader_chooses() -> None:
    (workbook,) = resources(WORKBOOKS)
    items = template()["variables"]["workbook"]["items"]
    chosen = [one["name"] for item in items if item["type"] == 9 for one in item["content"]["parameters"]]

    assert workbook["properties"]["serializedData"] == "[string(variables('workbook'))]"
    assert workbook["properties"]["sourceId"] == "[parameters('componentId')]"
    shown = [item["content"] for item in items if item["type"] == 3]
    assert {one["timeContextFromParameter"] for one in shown} == set(chosen) == {"TimeRange"}
    assert {one["resourceType"] for one in shown} == {"microsoft.insights/components"}
    assert all(one["title"] for one in shown)


def test_no_text_of_the_workbook_is_taken_for_an_expression() -> None:
    """Azure evaluates every text that begins with a bracket."""
    texts = re.findall(r'"(\[[^"]*)"', json.dumps(template()["variables"]))

    assert texts == ["[parameters('componentId')]"]
