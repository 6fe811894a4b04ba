"""Every script is one call, which a person can make too, and names nothing that is not there."""

import re
from dataclasses import replace

import pytest
from azure_pipelines.calls import APPLIER, BUILDER, INSTALLER, CallError, parse
from azure_pipelines.expansion import FOLDER
from azure_pipelines.project import DEV_MODEL, started
from azure_pipelines.runs import places, script
from bundle.offline import PRODUCTION
from bundle.targets import deployment

PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
BY_HAND = [line.strip() for line in re.findall(r"^    (\S.*)$", PAGE, re.MULTILINE) if not line.startswith("- ")]


def calls(pipeline):
    return [(stage, job, parse(text)) for stage, job, step in places(pipeline) if (text := script(step))]


def test_every_script_is_one_call_and_names_what_exists(pipeline, project):
    found = calls(pipeline)

    assert found
    assert [(stage, job, list(project.faults(call))) for stage, job, call in found if list(project.faults(call))] == []


def test_a_shell_runs_nothing_but_make_the_installer_and_the_bundle(pipeline):
    for _, _, step in places(pipeline):
        if (text := script(step)) is not None:
            in_azure = step.get("task") == "AzureCLI@2"
            assert (parse(text).is_bundle or parse(text).words[:2] in (BUILDER, APPLIER)) == in_azure, text
        assert step.get("task", "") not in {"Bash@3", "CmdLine@2", "PowerShell@2", "PythonScript@0"}


@pytest.mark.parametrize(
    "wrong",
    [
        "make lint && make types",
        "make lint; make types",
        "make lint | tee log",
        "make lint\nmake types",
        "make lint &",
        "deploy/azure-pipelines/install-cli.sh 1.13.0",  # a published artefact keeps no permission to execute
        "(make lint)",
        "make lint ARGS=$(cat HEADER)",
        "make lint ARGS=`date`",
        "pytest tests",
        "databricks jobs list",
        "az login",
        "curl https://example.com",
    ],
)
def test_what_is_not_one_such_call_is_refused(wrong):
    with pytest.raises(CallError):
        parse(wrong)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ("make tests", "make has no target tests"),
        ("make lint ARGS=-x", "make lint does not take ARGS"),
        ("levelfive scores", "no command 'scores'"),
        ("levelfive registry demote 3", "no command 'demote'"),
        ("levelfive scoring --asof now", "no option --asof"),
        ("databricks bundle destroy -t qa", "destroy is not used"),
        ("databricks bundle deploy -t quality", "not one target"),
        ("databricks bundle deploy", "not one target"),
        ("databricks bundle deploy -t qa --force", "takes no --force"),
        ("databricks bundle deploy -t qa --var revision=1", "no variable revision"),
        ("databricks bundle deploy -t qa --select jobs.score", "no resource jobs.score"),
        ("databricks bundle run score -t qa", "no job score"),
        ("databricks bundle run scoring -t qa --params asof=1", "has no parameter asof"),
        ("databricks bundle run release -t qa --params step=demote", "has no step 'demote'"),
        ("databricks bundle run release -t qa --params version=3", "has no step None"),
        ("bash deploy/azure-pipelines/install-cli.sh", "takes a version"),
    ],
)
def test_what_does_not_exist_is_found(project, wrong, fault):
    assert any(fault in one for one in project.faults(parse(wrong)))


@pytest.mark.parametrize(
    "right",
    [
        "make lint types layers docs",
        "levelfive registry rollback --as-of 2013-04-01 --reason x",
        "levelfive scoring --as-of 2013-04-01 --from P1D",
        "databricks bundle run scoring -t prod --params as_of=2013-04-01T06:00Z",
        "databricks bundle plan -t prod -o json > plan.json",
    ],
)
def test_what_exists_is_no_fault(project, right):
    assert list(project.faults(parse(right))) == []


def test_a_target_that_leaves_the_makefile_is_found(project):
    without = replace(project, makefile=project.makefile.replace("\ntest-e2e:", "\ntest-whole:"))

    assert list(without.faults(parse("make test-e2e"))) == ["make has no target test-e2e"]


def test_what_is_released_is_a_version_of_the_environment_befores_model():
    before = {"qa": DEV_MODEL, "prod": _model_of("qa")}
    # Development mode prefixes the schema: each developer's copy has a model of its own, made by the first training.
    copy = deployment("dev").resources["schemas"]["registry"]
    assert f"{copy['catalog_name']}.{copy['name']}.{_model_of('qa').rpartition('.')[2]}" == DEV_MODEL
    seen = set()
    for pipeline in started().values():
        for _, _, call in calls(pipeline):
            if call.job == "release" and "source_model" in call.params:
                assert call.params["source_model"] == before[call.target]
                seen.add((call.target, call.params["step"]))
    assert {target for target, step in seen if step == "copy"} == set(PRODUCTION)
    assert {target for target, step in seen if step == "promote"} == set(PRODUCTION)


def _model_of(target):
    model = deployment(target).resources["registered_models"]["model"]
    return ".".join(model[part] for part in ("catalog_name", "schema_name", "name"))


def test_what_a_step_of_a_release_needs_is_given():
    needed = {
        "copy": {"version", "source_model"},
        "approve": {"version", "by", "reason"},
        "promote": {"version", "by"},
        "rollback": {"version", "by", "reason", "promoted_since"},
    }
    seen = set()
    for pipeline in started().values():
        for _, _, call in calls(pipeline):
            if call.job == "release":
                step = call.params["step"]
                optional = {"source_model"} if step != "copy" else set()
                assert call.params.keys() - optional == {"step", *needed[step]}
                seen.add(step)
    assert seen == needed.keys()


def test_the_page_lists_every_call_by_its_stage_and_no_other(project):
    listed = {parse(line).shape for line in BY_HAND}
    made = {call.shape for pipeline in started().values() for _, _, call in calls(pipeline)}

    assert listed == made
    assert [(line, list(project.faults(parse(line)))) for line in BY_HAND if list(project.faults(parse(line)))] == []


def test_calls_stand_under_the_name_of_their_stage():
    sections = re.split(r"^(?=`\w+`[:,])", PAGE.partition("## By hand")[2].partition("\n## ")[0], flags=re.MULTILINE)
    under = {
        re.match(r"`(\w+)`", text)[1]: {parse(line.strip()).shape for line in re.findall(r"^    (.+)$", text, re.M)}
        for text in sections[1:]
    }
    made = {}
    for pipeline in started().values():
        for stage, _, call in calls(pipeline):
            if call.shape not in (INSTALLER, ("make", "setup")):
                made.setdefault(stage, set()).add(call.shape)

    assert under.pop("test") == made.pop("test") | {("make", "setup")}
    assert under == made


def test_the_page_lists_stages_parameters_and_the_pinned_cli():
    tables = {text.splitlines()[0].split("|")[1].strip(): text for text in PAGE.split("\n\n") if text[0] == "|"}
    rows = {
        head: [row.split("|")[1].strip().strip("`") for row in text.splitlines()[2:]] for head, text in tables.items()
    }
    pipelines = started()
    longest = pipelines["cd: release in QA, release in production"]

    serving = [*pipelines["serving"]["stages"], *pipelines["serving: kubernetes"]["stages"][1:]]
    assert rows["stage of `serving.yml`"] == [stage["stage"] for stage in serving]
    assert rows["stage of `ci.yml`"] == [stage["stage"] for stage in pipelines["ci"]["stages"]]
    assert rows["stage of `cd.yml`"] == [stage["stage"] for stage in longest["stages"]]
    assert rows["parameter"] == ["qa_model", "qa_version", "dev_model", "prod_model", "prod_version"]
    assert f"install-cli.sh {dict((one['name'], one['value']) for one in longest['variables'])['cliVersion']}\n" in PAGE
