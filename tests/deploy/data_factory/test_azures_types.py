"""Every field of a resource is known to Azure and has its type, and none is missing."""

import re

import pytest
from azure.mgmt.datafactory import types
from data_factory.references import places
from data_factory.template import BACKFILL, DAILY, FACTORIES, ON_LANDING, SCORING, deployed
from data_factory.wire import faults

BODIES = {
    FACTORIES: types.Factory,
    f"{FACTORIES}/linkedservices": types.LinkedServiceResource,
    f"{FACTORIES}/pipelines": types.PipelineResource,
    f"{FACTORIES}/triggers": types.TriggerResource,
}
IN_THE_TEMPLATE_ONLY = {"type", "apiVersion", "name", "dependsOn"}


def test_every_resource_fits_azures_types(resources):
    bodies = [one for one in resources.resources if one["type"] in BODIES]

    assert {one["type"] for one in bodies} == BODIES.keys()
    for one in bodies:
        body = {key: value for key, value in one.items() if key not in IN_THE_TEMPLATE_ONLY}
        assert list(faults(body, BODIES[one["type"]], one["name"])) == []
        assert one["apiVersion"] == "2018-06-01"


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("pipelines", SCORING, "activities", 1, "typeProperties", "jobPath"), "/x", "has no 'jobPath'"),
        (("pipelines", SCORING, "activities", 1, "typeProperties"), {}, "needs 'jobId'"),
        (
            ("pipelines", SCORING, "activities", 1, "type"),
            "DatabricksJobs",
            "type 'DatabricksJobs' is not known",
        ),
        (
            ("pipelines", BACKFILL, "activities", 1, "typeProperties", "batchCount"),
            "2",
            "expected int, got '2'",
        ),
        (("triggers", DAILY, "typeProperties", "frequency"), "Day", "'Day' is none of"),
        (("triggers", DAILY, "pipelines"), [], "has no 'pipelines'"),
        (
            ("triggers", ON_LANDING, "typeProperties", "events"),
            ["Created"],
            "'Created' is none of",
        ),
        (("linkedservices", "databricks", "typeProperties", "token"), "x", "has no 'token'"),
    ],
    ids=str,
)
def test_azures_types_refuse_what_does_not_fit(path, value, fault):
    kind = BODIES[f"{FACTORIES}/{path[0]}"]

    found = list(faults({"properties": deployed("prod").changed(*path, value=value)}, kind))
    assert [one for one in found if fault in one], found


def test_linked_services_have_no_dash_and_activities_a_name_of_their_own(resources, pipelines):
    assert all(re.fullmatch(r"\w+", name) for name in resources.of("linkedservices"))
    for name, pipeline in pipelines.items():
        names = [place.activity["name"] for place in places(pipeline["activities"])]
        assert len(names) == len(set(names)), name
