"""What is released was tested, planned and approved."""

import json
import re

import pytest
from azure_pipelines.calls import INSTALLER, calls_of, parse
from azure_pipelines.expansion import FOLDER, files, read
from azure_pipelines.project import CD, CI, ROLLBACKS, expand, started
from azure_pipelines.runs import FAILED, SKIPPED, SUCCEEDED, holds, jobs, name_of, outcome, places, script
from bundle.targets import deployment

from levelfive.notebook.steps import PASS

SECRETS = {
    "a token of Databricks": r"dapi[0-9a-f]{16,}",
    "a JSON web token": r"eyJ[\w-]{10,}\.",
    "an id": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "a workspace": r"adb-\d+",
    "a key or a hash": r"[A-Za-z0-9+/=_~-]{40,}",
    "a value of a secret": r"(?i)(password|secret|token|api_?key|client_?id)\w*[\"']?\s*[:=]\s*\S",
}
TESTED = {"test-unit", "test-bundle", "test-spark", "test-connect", "test-e2e"}


def test_a_release_follows_all_tests_of_make_test():
    ci = expand(CI)
    recipe = re.search(r"^TIERS := (.*)$", (FOLDER.parents[1] / "Makefile").read_text(), re.MULTILINE)
    made = {word for call in calls_of(ci, "test") for word in call.words[1:] if call.words[0] == "make"}

    assert set(recipe[1].split()) == {word for word in made if "=" not in word} - {"setup", "install-wheel"}
    assert made >= TESTED
    assert outcome(ci, "test") == {"build": SUCCEEDED, "test": FAILED, "release": SKIPPED}


def test_the_wheel_that_is_released_is_the_one_that_was_tested():
    ci = expand(CI)
    (built,) = (step for stage, _, step in places(ci) if stage == "build" and "publish" in step)
    got, released = (step for stage, _, step in places(ci) if stage == "release" and "checkout" not in step)
    copied = next(step["inputs"] for _, _, step in places(ci) if step.get("displayName") == "Gather what is deployed")

    assert "dist/*.whl" in copied["Contents"].split()
    assert built["publish"] == copied["TargetFolder"]
    assert (got["download"], got["artifact"]) == ("current", built["artifact"])
    assert (released["publish"], released["artifact"]) == ("$(Pipeline.Workspace)/built", "release")
    for job in (job for job in ci["stages"][1]["jobs"] if name_of(job) not in ("checks", "coverage")):
        steps = [step for _, name, step in places(ci) if name == name_of(job)]
        words = [parse(text).words if (text := script(step)) else () for step in steps]
        downloaded = next(at for at, step in enumerate(steps) if step.get("artifact") == built["artifact"])
        installed = words.index(("make", "install-wheel", "FROM=$(Pipeline.Workspace)/built/dist"))
        tested = next(at for at, one in enumerate(words) if TESTED & set(one))
        assert words.index(("make", "setup")) < downloaded < installed < tested


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
            covered = {one.removeprefix("--cov=") for one in args.split() if one.startswith("--cov=")}
            options = dict(one.partition("=")[::2] for one in args.split())
            (results,) = (step for step in steps if step.get("task") == "PublishTestResults@2")
            (coverage,) = (step for step in steps if "publish" in step)
            assert results["inputs"]["testResultsFiles"] == options["--junitxml"]
            assert results["condition"] == "succeededOrFailed()"
            assert covered == {path.parent.name for path in (FOLDER.parents[1] / "src").glob("*/__init__.py")}
            assert f"xml:{coverage['publish']}" == options["--cov-report"]
            assert coverage["artifact"] == f"coverage-{job}"
            seen.add((job, target))
    assert {target for _, target in seen} == TESTED
    (collecting,) = (job for job in ci["stages"][1]["jobs"] if name_of(job) == "coverage")
    assert set(collecting["dependsOn"]) == {job for job, _ in seen}


def test_the_tests_of_the_bundle_have_the_cli():
    (bundle,) = (job for job in expand(CI)["stages"][1]["jobs"] if name_of(job) == "bundle")
    words = [parse(text).words for step in bundle["steps"] if (text := script(step))]

    installed = next(at for at, one in enumerate(words) if one[:2] == INSTALLER)
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
    for one in (one for name, one in started().items() if name != "ci"):
        assert one["lockBehavior"] == "sequential"
        asked = {stage["stage"] for stage in one["stages"]} - ROLLBACKS - {"take_back"}
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
    deploying, *model, scoring = next(stage for stage in released["stages"] if stage["stage"] == "qa")["jobs"]

    assert [name_of(job) for job in model] == (["model"] if model else [])
    assert [job["dependsOn"] for job in model] == [name_of(deploying)] * len(model)
    assert scoring["dependsOn"] == [name_of(job) for job in (deploying, *model)]
    assert deploying["environment"] == "levelfive-qa"
    assert [call.job for call in calls_of(released, "qa") if call.is_bundle][-1] == "scoring"


def test_what_a_release_scores_is_checked_and_may_not_be_nothing(released):
    scoring = {
        stage["stage"]: call.params
        for stage in released["stages"]
        for call in calls_of(released, stage["stage"])
        if call.job == "scoring"
    }

    # Where there was never a champion there is nothing to score; where there is one, this has no effect.
    asked = {"min_rows": "1", "first_run": PASS}
    assert scoring == {"qa": asked, "smoke": asked}


def test_there_is_no_job_and_no_stage_without_work(released):
    for stage in released["stages"]:
        assert stage["jobs"]
        for job in stage["jobs"]:
            texts = [
                script(step) for of, name, step in places(released) if (of, name) == (stage["stage"], name_of(job))
            ]
            assert any(parse(text).is_bundle for text in texts if text), (stage["stage"], name_of(job))


def test_every_environment_is_in_the_set_up(released):
    page = (FOLDER / "README.md").read_text(encoding="utf-8").partition("## What happens")[0]
    named = {job["environment"] for stage in released["stages"] for job in stage["jobs"] if "environment" in job}

    assert {one for one in named if f"`{one}`" not in page} == set()


def test_no_step_of_a_release_runs_after_one_that_failed(released):
    for stage in released["stages"]:
        assert not any({"condition", "continueOnError"} & job.keys() for job in stage["jobs"])
    assert not any({"condition", "continueOnError"} & step.keys() for _, _, step in places(released))


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
    assert holds("not(in(dependencies.a.result, 'Failed', 'Skipped'))", {"a": SUCCEEDED})
    assert not holds("not(in(dependencies.a.result, 'Failed', 'Skipped'))", {"a": SKIPPED})
    assert holds("and(not(canceled()), eq(dependencies.a.result, 'Failed'))", {"a": FAILED})
    assert not holds("and(not(canceled()), eq(dependencies.a.result, 'Failed'))", {"a": FAILED}, canceled=True)
    assert json.dumps(outcome({"stages": [{"stage": "a"}, {"stage": "b"}]}, "a")) == '{"a": "Failed", "b": "Skipped"}'


def test_no_job_asks_for_longer_than_a_hosted_agent_works_and_the_page_says_how_long_the_longest_does():
    asked = {
        int(job.get("timeoutInMinutes", 60))
        for pipeline in started().values()
        for stage in pipeline["stages"]
        for job in jobs(stage)
    }

    assert max(asked) <= 360
    assert f"The longest here asks for {max(asked)} minutes" in (FOLDER / "README.md").read_text(encoding="utf-8")
