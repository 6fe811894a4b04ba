"""Templates expand, and all that is declared or named in them is there."""

import re

import pytest
import yaml
from azure_pipelines.expansion import EXPRESSION, FOLDER, ExpansionError, expand, files, read
from azure_pipelines.project import CD, CI, PROD_MODEL, QA_MODEL, SERVING, release, started
from azure_pipelines.runs import places, script

MACRO = re.compile(r"\$\(([A-Za-z][\w.]*)\)")
# https://learn.microsoft.com/azure/devops/pipelines/build/variables
PREDEFINED = {
    "Agent.OS",
    "Build.ArtifactStagingDirectory",
    "Build.BuildId",
    "Build.RequestedForEmail",
    "Build.SourcesDirectory",
    "Pipeline.Workspace",
    "System.DefinitionId",
    "System.PipelineStartTime",
    "System.TeamProjectId",
}
VARIABLES = read(FOLDER / "variables.yml")["variables"]


def everything(value):
    """All texts of a value, those of its keys too."""
    return yaml.safe_dump(value, width=10_000)


def test_every_choice_of_models_is_tested():
    values = {one["name"]: tuple(one.get("values", ())) for one in read(CD)["parameters"]}

    free = dict.fromkeys(("qa_version", "dev_model", "prod_version"), ())
    assert values == {"qa_model": QA_MODEL, "prod_model": PROD_MODEL, **free}


def test_no_expression_is_left(pipeline):
    assert EXPRESSION.findall(everything(pipeline)) == []


def test_every_template_is_used():
    named = {
        (file.parent / name).resolve()
        for file in files()
        for name in re.findall(r"template: (\S+)", file.read_text(encoding="utf-8"))
    }

    assert named == set(files()) - {CI, CD, SERVING}


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_every_parameter_that_is_declared_is_used(file):
    content = read(file)
    declared = {one["name"] for one in content.pop("parameters", [])}

    assert declared == set(re.findall(r"parameters\.(\w+)", everything(content)))


@pytest.mark.parametrize(
    ("template", "given", "message"),
    [
        ("check.yml", {"job": "checks", "displayName": "Checks"}, "needs targets"),
        ("cli.yml", {"folder": "x", "version": "1"}, "does not declare version"),
        ("bundle.yml", {"command": "plan", "target": "dev", "displayName": "Plan"}, "takes no target 'dev'"),
        ("promote.yml", {"target": "qa", "version": "newest"}, "takes no version 'newest'"),
        ("run.yml", {"job": "a", "target": "qa", "displayName": "c", "params": "x=1"}, "takes no params 'x=1'"),
        ("test.yml", {"job": "a", "target": "b", "displayName": "c", "withCli": "yes"}, "takes no withCli 'yes'"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(template, given, message):
    with pytest.raises(ExpansionError, match=message):
        expand(FOLDER / "templates" / template, **given)


def test_every_variable_that_is_named_is_declared(pipeline):
    assert set(MACRO.findall(everything(pipeline))) <= VARIABLES.keys() | PREDEFINED


def test_every_variable_that_is_declared_is_used():
    used = {name for one in started().values() for name in MACRO.findall(everything(one))}

    assert VARIABLES.keys() == used & VARIABLES.keys()


def test_versions_are_pinned_in_one_place():
    pins = {VARIABLES[name] for name in ("pythonVersion", "javaVersion", "cliVersion")}
    others = [file for file in files() if file.name != "variables.yml"]

    assert [
        (file.name, pin) for file in others for pin in pins if re.search(rf"\b{re.escape(pin)}\b", file.read_text())
    ] == []


def test_the_cli_is_one_that_the_bundle_takes():
    oldest = yaml.safe_load((FOLDER.parents[1] / "environments.yml").read_text())["bundle"]["databricks_cli_version"]

    def numbers(version):
        return [int(one) for one in re.findall(r"\d+", version)]

    assert numbers(VARIABLES["cliVersion"]) >= numbers(oldest)


def test_names_of_a_pipelines_jobs_are_unique_in_their_stage(pipeline):
    for stage in pipeline["stages"]:
        names = [one.get("job") or one["deployment"] for one in stage["jobs"]]
        assert len(names) == len(set(names)), stage["stage"]


def test_a_script_has_what_it_reads_of_the_environment(pipeline):
    for _, _, step in places(pipeline):
        read_there = set(re.findall(r"\$(?:\{)?([A-Z_]+)\b", script(step) or ""))
        assert read_there <= step.get("env", {}).keys(), step


def test_what_a_job_takes_was_published_before():
    for name in PROD_MODEL:
        published = {("ci", step["artifact"]) for _, _, step in places(expand(CI)) if "publish" in step}
        for _, _, step in places(release(prod=name)):
            if "publish" in step:
                published.add(("current", step["artifact"]))
            if "download" in step:
                assert (step["download"], step["artifact"]) in published


def test_a_stage_depends_on_stages_before_it(pipeline):
    names = [stage["stage"] for stage in pipeline["stages"]]

    for at, stage in enumerate(pipeline["stages"]):
        given = stage.get("dependsOn", [])
        assert set([given] if isinstance(given, str) else given) <= set(names[:at]), stage["stage"]


def test_paths_of_what_is_gathered_exist():
    contents = [step["inputs"] for _, _, step in places(expand(CI)) if step.get("task") == "CopyFiles@2"]

    names = {name for one in contents for name in one["Contents"].split()}
    assert names == {
        "databricks.yml",
        "environments.yml",
        "use_cases/**",
        "resources/**",
        "notebooks/**",
        "dist/*.whl",
        "deploy/azure-pipelines/*.sh",
        "deploy/azure-ml/**",
        "deploy/kubernetes/**",
        "requirements/serving*.txt",
        "HEAD",
    }
    for name in names - {"dist/*.whl", "HEAD"}:
        assert list(FOLDER.parents[1].glob(name)), name


def test_cached_paths_are_keyed_by_files_that_exist():
    keys = [step["inputs"]["key"] for _, _, step in places(expand(CI)) if step.get("task") == "Cache@2"]

    paths = {part for key in keys for part in key.split(" | ") if not part.startswith('"') and "/" in part}
    assert paths == {"requirements/jars.txt"}
    assert all((FOLDER.parents[1] / path).is_file() for path in paths)
