"""No field is unknown: to the typed classes of the bundle's package, and to the bundle's JSON schema."""

import json
import os
from pathlib import Path

import pytest
import yaml
from bundle.offline import NAMES, ROOT
from bundle.targets import deployment
from databricks.bundles.dashboards import Dashboard
from databricks.bundles.experiments import MlflowExperiment
from databricks.bundles.jobs import Job
from databricks.bundles.registered_models import RegisteredModel
from databricks.bundles.schemas import Schema
from databricks.bundles.volumes import Volume
from jsonschema import Draft202012Validator

CLASSES = {
    "jobs": Job,
    "schemas": Schema,
    "volumes": Volume,
    "experiments": MlflowExperiment,
    "registered_models": RegisteredModel,
    "dashboards": Dashboard,
}
FILES = [ROOT / "databricks.yml", ROOT / "environments.yml", *sorted((ROOT / "resources").glob("*.yml"))]
SCHEMAS = "LEVELFIVE_SCHEMAS"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    folder = os.environ.get(SCHEMAS)
    if not folder:
        pytest.skip(f"{SCHEMAS} does not name the folder with databricks-bundle.json")
    return Draft202012Validator(json.loads(Path(folder, "databricks-bundle.json").read_text(encoding="utf-8")))


def test_every_kind_of_resource_has_its_class():
    assert CLASSES.keys() == NAMES.keys()


def test_typed_classes_take_every_resource(deployed):
    for kind, found in deployed.resources.items():
        for resource in found.values():
            CLASSES[kind].from_dict(resource)


def test_typed_classes_refuse_an_unknown_field():
    job = deployment("dev").jobs["scoring"]
    task = {**job["tasks"][0], "max_retry": 1}

    with pytest.raises(ValueError, match="Unexpected field 'max_retry'"):
        Job.from_dict({**job, "tasks": [task]})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_files_satisfy_the_json_schema(validator, file):
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if "bundle" in content:
        content["bundle"].setdefault("name", "of the file that includes it")

    wrong = validator.iter_errors(content)

    assert [f"{one.json_path}: {one.message}"[:300] for one in wrong] == []


def test_the_json_schema_refuses_an_unknown_field(validator):
    assert not validator.is_valid({"bundle": {"name": "levelfive", "motor": "direct"}})
