"""The factory's identity, and who is told of failures."""

from data_factory.template import FACTORIES, FOLDER, given, resource_id, template


def test_the_factory_signs_in_with_its_own_identity_and_no_secret(environment, resources, bundle):
    (service,) = resources.of("linkedservices").values()

    assert resources.factory["identity"] == {"type": "SystemAssigned"}
    assert service["typeProperties"] == {
        "domain": bundle.config["workspace"]["host"],
        "authentication": "MSI",
        "workspaceResourceId": given(environment)["workspaceResourceId"],
    }
    assert "/Microsoft.Databricks/workspaces/" in given(environment)["workspaceResourceId"]
    assert {rule["type"] for rule in template()["parameters"].values()} <= {"string", "int"}


def test_the_group_of_the_page_may_run_what_the_factory_runs_and_cannot_promote_a_model(bundle):
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, job in bundle.jobs.items():
        (group,) = (one["group_name"] for one in job["permissions"] if one["level"] == "CAN_MANAGE_RUN")
        assert (f"`{group}`" in page) == (name != "release")


def test_failed_runs_alert_the_action_group(environment, resources):
    factory = resource_id(FACTORIES, resources.factory["name"])
    metrics = []
    for alert in resources.alerts:
        (rule,) = alert["properties"]["criteria"]["allOf"]
        metrics.append(rule["metricName"])
        assert (rule["metricNamespace"], rule["timeAggregation"]) == (FACTORIES, "Total")
        assert (rule["operator"], rule["threshold"]) == ("GreaterThan", 0)
        assert alert["properties"]["enabled"] is True
        assert alert["properties"]["scopes"] == [factory]
        assert alert["properties"]["actions"] == [{"actionGroupId": given(environment)["actionGroupId"]}]

    assert metrics == ["PipelineFailedRuns", "TriggerFailedRuns"]
