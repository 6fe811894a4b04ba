"""What is released was tested, planned and approved; what fails is taken back."""

import json
import re

import pytest

from azure_pipelines.calls import parse
from azure_pipelines.expansion import FOLDER, files, read
from azure_pipelines.project import CD, CI, PROD_MODEL, expand, release, started
from azure_pipelines.runs import FAILED, SKIPPED, SUCCEEDED, holds, name_of, outcome, places, script
from bundle.offline import deployment

RELEASES = {name: one for name, one in started().items() if name != "ci"}
ROLLBACKS = {"rollback_model", "rollback_code"}
SECRETS = {
    "a token of Databricks": r"dapi[0-9a-f]{16,}",
    "a JSON web token": r"eyJ[\w-]{10,}\.",
    "an id": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "a workspace": r"adb-\d+",
    "a key or a hash": r"[A-Za-z0-9+/=_~-]{40,}",
    "a value of a secret": r"(?i)(password|secret|token|api_?key|client_?id)\w*[\"']?\s*[:=]\s*\S",
}
TESTED = {"test-unit", "test-bundle", "test-spark", "test-connect", "test-notebooks", "test-e2e"}


@pytest.fixture(params=RELEASES)
def released(request):
    """A release, for each choice of models."""
    return RELEASES[request.param]


def calls_of(pipeline, stage):
    return [parse(text) for of, _, step in places(pipeline) if of == stage and (text := script(step))]


def test_a_build_follows_all_tests_of_make_test():
    ci = expand(CI)
    recipe = re.search(r"^test: setup (.*?) ##", (FOLDER.parents[1] / "Makefile").read_text(), re.MULTILINE)
    made = {word for call in calls_of(ci, "test") for word in call.words[1:] if call.words[0] == "make"}

    assert set(recipe[1].split()) == {word for word in made if "=" not in word} - {"setup"}
    assert made >= TESTED
    assert outcome(ci, "test") == {"test": FAILED, "build": SKIPPED}


def test_every_test_target_publishes_results_and_coverage():
    ci = expand(CI)
    tests = {}
    for _, job, step in places(ci):
        tests.setdefault(job, []).append(step)

    seen = set()
    for job, steps in tests.items():
        for call in (parse(text) for step in steps if (text := script(step))):
            if not TESTED & set(call.words):
                continue
            (target,) = TESTED & set(call.words)
            (args,) = (word.removeprefix("ARGS=") for word in call.words if word.startswith("ARGS="))
            options = dict(one.partition("=")[::2] for one in args.split())
            (results,) = (step for step in steps if step.get("task") == "PublishTestResults@2")
            (coverage,) = (step for step in steps if "publish" in step)
            assert results["inputs"]["testResultsFiles"] == options["--junitxml"]
            assert results["condition"] == "succeededOrFailed()"
            assert options["--cov"] == "src"
            assert f"xml:{coverage['publish']}" == options["--cov-report"]
            assert coverage["artifact"] == f"coverage-{job}"
            seen.add((job, target))
    assert {target for _, target in seen} == TESTED
    (collecting,) = (job for job in ci["stages"][0]["jobs"] if name_of(job) == "coverage")
    assert set(collecting["dependsOn"]) == {job for job, _ in seen}


def test_the_tests_of_the_bundle_have_the_cli():
    (bundle,) = (job for job in expand(CI)["stages"][0]["jobs"] if name_of(job) == "bundle")
    words = [parse(text).words for step in bundle["steps"] if (text := script(step))]

    installed = next(at for at, one in enumerate(words) if one[0].endswith("install-cli.sh"))
    tested = next(at for at, one in enumerate(words) if one[:2] == ("make", "test-bundle"))
    assert installed < tested


def test_a_release_follows_a_run_of_ci_on_main_and_nothing_else():
    cd = read(CD)

    assert (cd["trigger"], cd["pr"]) == ("none", "none")
    (source,) = cd["resources"]["pipelines"]
    assert source["trigger"] == {"branches": {"include": ["main"]}}
    assert source["branch"] == "main"


def test_nothing_is_built_again_or_checked_out(released):
    for stage, _, step in places(released):
        text = script(step)
        assert step.get("checkout", "none") == "none"
        assert text is None or parse(text).words[0] != "make", stage


def test_each_job_of_a_release_works_in_what_ci_published(released):
    folders = {"$(Pipeline.Workspace)/ci/release"}
    for stage, _, step in places(released):
        if step.get("task") == "AzureCLI@2":
            expected = {"$(Pipeline.Workspace)/previous"} if stage == "rollback_code" else folders
            assert {step["inputs"]["workingDirectory"]} == expected, stage
    for stage in released["stages"]:
        for job in stage["jobs"]:
            steps = [step for of, name, step in places(released) if (of, name) == (stage["stage"], name_of(job))]
            assert any(step.get("download") == "ci" and step["artifact"] == "release" for step in steps), stage


def test_one_release_at_a_time_and_every_stage_of_it():
    for one in RELEASES.values():
        assert one["lockBehavior"] == "sequential"
        asked = {stage["stage"] for stage in one["stages"]} - ROLLBACKS
        assert {stage["stage"] for stage in one["stages"] if stage.get("isSkippable") is False} == asked


def test_production_is_deployed_by_the_plan_in_an_environment_that_asks_for_approval(released):
    stages = {stage["stage"]: stage for stage in released["stages"]}
    (job,) = stages["production"]["jobs"]
    assert job["environment"] == "levelfive-prod"

    found = [
        (stage, call)
        for stage in stages
        for call in calls_of(released, stage)
        if call.is_bundle and call.verb == "deploy" and call.target == "prod"
    ]
    assert [stage for stage, _ in found] == ["production", "production", "rollback_code"]
    (_, applying), (_, uploading), _ = found
    assert applying.given("--plan") == ["$(Pipeline.Workspace)/plan/plan.json"]
    assert uploading.given("--select") == ["jobs.scoring"]


def test_the_plan_that_is_applied_is_the_one_that_was_published(released):
    (making,) = (call for call in calls_of(released, "plan") if call.is_bundle)
    published = [step for stage, _, step in places(released) if stage == "plan" and "publish" in step]
    steps = [step for stage, _, step in places(released) if stage == "production"]
    got = next(at for at, step in enumerate(steps) if step.get("download") == "current")
    applied = next(at for at, step in enumerate(steps) if "--plan" in (script(step) or ""))

    assert (making.verb, making.target, making.output) == ("plan", "prod", "plan.json")
    assert making.given("-o") == ["json"]
    assert [(step["publish"], step["artifact"]) for step in published] == [
        ("$(Pipeline.Workspace)/ci/release/plan.json", "plan")
    ]
    assert steps[got]["artifact"] == "plan"
    assert got < applied


@pytest.mark.parametrize("failing", ["qa", "plan"])
def test_production_is_not_touched_when_something_failed_before_it(released, failing):
    results = outcome(released, failing)

    after = list(results)[list(results).index(failing) + 1 :]
    assert {results[stage] for stage in after} == {SKIPPED}


def test_qa_is_deployed_then_gets_its_model_then_scores(released):
    deploying, model, scoring = next(stage for stage in released["stages"] if stage["stage"] == "qa")["jobs"]

    assert (model["dependsOn"], scoring["dependsOn"]) == (name_of(deploying), name_of(model))
    assert deploying["environment"] == "levelfive-qa"
    assert [call.job for call in calls_of(released, "qa") if call.is_bundle][-1] == "scoring"


def test_a_release_that_succeeds_is_not_rolled_back(released):
    results = outcome(released)

    assert {stage for stage, result in results.items() if result == SKIPPED} == ROLLBACKS & results.keys()


def test_rollbacks_run_only_after_a_failure_in_what_was_deployed(promoting):
    for failing, expected in {
        "qa": set(),
        "plan": set(),
        "production": set(),  # the plan was refused, or a person has to look
        "model": {"rollback_code"},  # nothing was promoted
        "smoke": ROLLBACKS,
    }.items():
        results = outcome(promoting, failing)
        assert {stage for stage in ROLLBACKS if results[stage] == SUCCEEDED} == expected, failing


def test_the_code_is_rolled_back_even_if_the_models_rollback_fails(promoting):
    results = outcome(promoting, "smoke", "rollback_model")

    assert (results["rollback_model"], results["rollback_code"]) == (FAILED, SUCCEEDED)


@pytest.mark.parametrize("prod", PROD_MODEL)
def test_a_model_is_rolled_back_only_where_one_was_promoted(prod):
    results = outcome(release(prod=prod), "smoke")

    assert ("rollback_model" in results) == (prod == "promote")
    assert results["rollback_code"] == SUCCEEDED


def test_a_rollback_step_is_in_no_other_stage(released):
    for stage in released["stages"]:
        for call in calls_of(released, stage["stage"]):
            rolls_back = call.job == "release" and call.params["step"] == "rollback"
            assert rolls_back == (stage["stage"] == "rollback_model" and call.is_bundle)
        assert ("condition" in stage) == (stage["stage"] in ROLLBACKS)


def test_no_step_of_a_release_runs_after_one_that_failed(released):
    for stage in released["stages"]:
        assert not any({"condition", "continueOnError"} & job.keys() for job in stage["jobs"])
    assert not any({"condition", "continueOnError"} & step.keys() for _, _, step in places(released))


def test_the_code_goes_back_to_what_the_last_successful_run_published(released):
    (download,) = (step for _, _, step in places(released) if step.get("task") == "DownloadPipelineArtifact@2")
    published = [
        (stage, at, step) for at, (stage, _, step) in enumerate(places(released)) if step.get("artifact") == "released"
    ]

    given = download["inputs"]
    assert (given["definition"], given["buildVersionToDownload"]) == ("$(System.DefinitionId)", "latest")
    assert not {"allowFailedBuilds", "allowPartiallySucceededBuilds"} & given.keys()
    ((stage, at, step),) = published
    assert (stage, step["publish"]) == ("smoke", "$(Pipeline.Workspace)/ci/release")
    assert given["artifactName"] == step["artifact"]
    scored = [
        n for n, (of, _, one) in enumerate(places(released)) if of == "smoke" and "run scoring" in (script(one) or "")
    ]
    assert scored == [at - 1]


def test_a_version_is_approved_before_it_is_promoted(promoting):
    for stage in ("qa", "model"):
        steps = [call.params["step"] for call in calls_of(promoting, stage) if call.job == "release"]
        assert steps == ["approve", "promote"]


def test_steps_sign_in_by_the_service_connection_of_their_target(released):
    for _, _, step in places(released):
        if (text := script(step)) and parse(text).is_bundle:
            assert step["inputs"]["azureSubscription"] == f"levelfive-{parse(text).target}"
            assert step["env"]["DATABRICKS_AUTH_TYPE"] == "azure-cli"
            assert step["inputs"]["keepAzSessionActive"] is True


def test_deployments_say_which_commit_they_are_of(released):
    for stage in released["stages"]:
        for call in calls_of(released, stage["stage"]):
            if call.is_bundle and call.verb in ("plan", "deploy"):
                assert call.given("--var") == ["code_revision=$(cat HEAD)"]


def test_a_job_of_the_pipeline_waits_longer_than_its_jobs_of_the_workspace_may_take(released):
    for stage in released["stages"]:
        for job in stage["jobs"]:
            texts = [
                script(step) for of, name, step in places(released) if (of, name) == (stage["stage"], name_of(job))
            ]
            calls = [call for text in texts if text and (call := parse(text)).job]
            seconds = sum(deployment(call.target).jobs[call.job]["timeout_seconds"] for call in calls)
            assert not calls or int(job["timeoutInMinutes"]) * 60 > seconds, (stage["stage"], name_of(job))


@pytest.mark.parametrize(
    "file", [*files(), FOLDER / "README.md", FOLDER / "install-cli.sh"], ids=lambda file: file.name
)
def test_there_is_no_secret_and_no_real_id(file):
    text = file.read_text(encoding="utf-8")
    plain = re.sub(r"https://\S+|\$?[\w.*/-]+/[\w.*/-]+", "", text)  # addresses and paths are long

    assert {name: found[0] for name, one in SECRETS.items() if (found := re.search(one, plain))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "DATABRICKS_TOKEN: dapi0123456789abcdef0123456789abcdef",
        "ARM_CLIENT_SECRET: abc",
        "password=abc",
        "tenant: 00000000-0000-0000-0000-000000000002",
        "host: adb-1000000000000001.1.azuredatabricks.net",
        "key: 0123456789abcdefghijklmnopqrstuvwxyzABCDEF",
        "value: eyJhbGciOiJIUzI1NiJ9.x",
    ],
)
def test_a_secret_would_be_found(text):
    assert any(re.search(one, text) for one in SECRETS.values())


def test_conditions_are_evaluated_as_azure_does():
    condition = "and(eq(dependencies.a.result, 'Succeeded'), or(eq(dependencies.b.result, 'Failed')))"

    assert holds(condition, {"a": SUCCEEDED, "b": FAILED})
    assert not holds(condition, {"a": SUCCEEDED, "b": SKIPPED})
    assert not holds(condition, {"a": FAILED, "b": FAILED})
    assert json.dumps(outcome({"stages": [{"stage": "a"}, {"stage": "b"}]}, "a")) == '{"a": "Failed", "b": "Skipped"}'
