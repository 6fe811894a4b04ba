"""The template, its parameters files, and the page that explains them."""

import json
import re

import pytest
from bundle.targets import deployment
from data_factory.expressions import parse, references
from data_factory.template import (
    AZURE_DATABRICKS,
    FACTORIES,
    FOLDER,
    TemplateError,
    computed,
    given,
    resolve,
    resource_id,
    template,
)

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def test_each_environment_gives_every_parameter_and_no_other(environment):
    assert given(environment).keys() == template()["parameters"].keys()


def test_the_workspace_is_the_one_of_the_bundles_target(environment):
    assert given(environment)["workspaceUrl"] == deployment(environment).config["workspace"]["host"]


def test_every_parameter_of_the_template_is_used_and_declared():
    config = template()
    found = [one for text in computed([config["resources"], config["outputs"]]) for one in references(parse(text))]

    assert {one.arguments[0] for one in found if one.name == "parameters"} == config["parameters"].keys()
    assert {one.name for one in found} == {"parameters", "resourceId", "reference"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"backfillBatch": 0},
        {"backfillBatch": 5},
        {"backfillBatch": "2"},
        {"environment": "dev"},
        {"factoryNam": "levelfive"},
    ],
    ids=str,
)
def test_a_parameter_that_does_not_fit_is_refused(wrong):
    with pytest.raises(TemplateError):
        resolve(template(), given("prod") | wrong)


def test_the_environment_is_the_target(environment, resources, bundle):
    tags = bundle.jobs["scoring"]["tags"]
    assert resources.factory["tags"] == {name: tags[name] for name in ("project", "environment")}


def test_a_second_use_case_shares_the_factory_and_changes_nothing_that_the_first_runs(environment, resources):
    """Azure puts a resource in the place of one of the same kind and name, and leaves all others."""
    of_shop = resolve(
        template(), given(environment) | {"useCase": "shop", "landingPath": "/landing/blobs/shop/orders/"}
    )
    ours, theirs = ({(one["type"], one["name"]): one for one in of.resources} for of in (resources, of_shop))

    both = ours.keys() & theirs.keys()
    assert {key: ours[key] for key in both} == {key: theirs[key] for key in both}
    assert {key[1].split("/")[-1] for key in both} >= {"databricks", "find-job"}
    assert all("/flight_delay-" in name for _, name in ours.keys() - both)
    assert all("/shop-" in name for _, name in theirs.keys() - both)
    assert {"pipelines", "triggers"} == {kind.rpartition("/")[2] for kind, _ in theirs.keys() - both}
    assert "flight_delay" not in json.dumps(of_shop.resources)


def test_resources_wait_for_those_they_name(resources):
    known = {resource_id(one["type"], one["name"]) for one in resources.resources}

    for one in resources.resources:
        assert set(one.get("dependsOn", [])) <= known, one["name"]
        named = set(named_resources(one, resources.factory["name"]))
        assert named <= set(one.get("dependsOn", [])), one["name"]


def named_resources(value, factory):
    kinds = {
        "PipelineReference": "pipelines",
        "LinkedServiceReference": "linkedservices",
        "TriggerReference": "triggers",
    }
    if isinstance(value, dict):
        if value.get("type") in kinds:
            yield resource_id(f"{FACTORIES}/{kinds[value['type']]}", factory, value["referenceName"])
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from named_resources(item, factory)


def test_ids_are_placeholders(environment):
    texts = [
        (FOLDER / name).read_text(encoding="utf-8") for name in ("template.json", f"{environment}.parameters.json")
    ]

    ids = {one for text in texts for one in GUID.findall(text)}
    assert {one[:-1] for one in ids - {AZURE_DATABRICKS}} == {"00000000-0000-0000-0000-00000000000"}


def test_the_page_lists_pipelines_triggers_and_parameters(pipelines, triggers):
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    tables = {table.splitlines()[0].split("|")[1].strip(): table for table in page.split("\n\n") if table[0] == "|"}

    def listed(head):
        return [row.split("|")[1].strip().strip("`") for row in tables[head].splitlines()[2:]]

    assert listed("pipeline") == [name.removeprefix("flight_delay-") for name in pipelines]
    assert listed("trigger") == [name.removeprefix("flight_delay-") for name in triggers]
    assert listed("parameter") == list(template()["parameters"])
