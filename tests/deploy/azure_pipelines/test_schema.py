"""What Azure Pipelines gets satisfies its JSON schema."""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from azure_pipelines.expansion import expand
from azure_pipelines.project import CI
from azure_pipelines.runs import places
from jsonschema import Draft7Validator, ValidationError, validators

SCHEMAS = "LEVELFIVE_SCHEMAS"


# Every scalar of YAML is a text to Azure Pipelines, whatever type the schema gives it.
SCALARS = Draft7Validator.TYPE_CHECKER.redefine_many(
    {
        "boolean": lambda _, value: value in ("true", "false"),
        "integer": lambda _, value: isinstance(value, str) and value.isdecimal(),
    }
)

compiled = cache(re.compile)


def pattern(_: Draft7Validator, wanted: str, value: object, __: object) -> Iterator[ValidationError]:
    """Check as jsonschema does. The schema has more patterns than Python keeps compiled."""
    if isinstance(value, str) and not compiled(wanted).search(value):
        yield ValidationError(f"{value!r} does not match {wanted!r}")


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    folder = os.environ.get(SCHEMAS)
    if not folder:
        pytest.skip(f"{SCHEMAS} does not name the folder with azure-pipelines.json")
    schema = json.loads(Path(folder, "azure-pipelines.json").read_text(encoding="utf-8"))
    return validators.extend(Draft7Validator, {"pattern": pattern}, type_checker=SCALARS)(schema)


# The schema names this task, and has only its first version's inputs. Those of the second:
# https://learn.microsoft.com/azure/devops/pipelines/tasks/reference/publish-code-coverage-results-v2
COVERAGE = "PublishCodeCoverageResults@2"
INPUTS_OF_COVERAGE = {"summaryFileLocation", "pathToSources", "failIfCoverageEmpty"}


def known(pipeline):
    """The pipeline as texts, without the inputs that the schema cannot know."""
    found = as_texts(pipeline)
    for _, _, step in places(found):
        if step.get("task") == COVERAGE:
            assert step.pop("inputs").keys() <= INPUTS_OF_COVERAGE
            step["task"] = "PublishTestResults@2"
    return found


def as_texts(value):
    if isinstance(value, dict):
        return {key: as_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_texts(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else value


def test_pipelines_satisfy_the_json_schema(validator, pipeline):
    wrong = validator.iter_errors(known(pipeline))

    assert [f"{one.json_path}: {one.message}"[:300] for one in wrong] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("lockBehaviour",), "sequential"),
        (("stages", 0, "jobs", 0, "needs"), "x"),
        (("stages", 0, "jobs", 0, "steps", 1, "task"), "UsePython@0"),
        (("stages", 0, "jobs", 0, "steps", 1, "inputs", "version"), "3.12"),
    ],
    ids=str,
)
def test_the_json_schema_refuses_what_is_unknown(validator, path, value):
    wrong = known(expand(CI))
    *way, last = path
    place = wrong
    for key in way:
        place = place[key]
    place[last] = value

    assert not validator.is_valid(wrong)
