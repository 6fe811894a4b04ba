"""A run that does not succeed to its end is taken back, its model only where it promoted one."""

import pytest
from azure_pipelines.calls import calls_of
from azure_pipelines.project import PROD_MODEL, ROLLBACKS, release
from azure_pipelines.runs import CANCELED, FAILED, SKIPPED, SUCCEEDED, WITH_ISSUES, outcome, places, script


def rolled_back(results):
    return {stage for stage in ROLLBACKS if results.get(stage) == SUCCEEDED}


def test_a_release_that_succeeds_is_not_rolled_back(released):
    results = outcome(released)

    assert {stage for stage, result in results.items() if result == SKIPPED} == ROLLBACKS & results.keys()


def test_rollbacks_run_only_after_a_failure_in_what_was_deployed(promoting, releasing):
    for failing, expected in {
        "qa": set(),
        "plan": set(),
        "production": set(),  # the plan was refused, or a person has to look
        "promote": ROLLBACKS,  # its job may have gone on after the pipeline lost it
        "smoke": ROLLBACKS,
    }.items():
        for pipeline in (promoting, releasing):
            assert rolled_back(outcome(pipeline, failing)) == expected, failing


@pytest.mark.parametrize("ending", [FAILED, SKIPPED], ids=["refused", "not answered"])
def test_the_code_is_rolled_back_when_no_person_approves_the_model(promoting, releasing, ending):
    for pipeline in (promoting, releasing):
        results = outcome(pipeline, promote=ending)

        assert results["smoke"] == SKIPPED
        # Whether a person refused or a job failed, Azure does not say: the rollback then finds nothing to take back.
        assert rolled_back(results) == ({"rollback_code"} if ending == SKIPPED else ROLLBACKS)


def test_only_what_the_run_promoted_is_taken_back(promoting, releasing):
    for pipeline in (promoting, releasing):
        (promoted,) = (one for one in calls_of(pipeline, "promote") if one.params.get("step") == "promote")
        (taken_back,) = (one for one in calls_of(pipeline, "rollback_model") if one.job == "release")

        assert taken_back.params["promoted_since"] == "$(System.PipelineStartTime)"
        for name in ("version", "source_model"):
            assert taken_back.params.get(name) == promoted.params.get(name)


@pytest.mark.parametrize("at", ["production", "copy", "promote", "smoke"])
def test_a_run_that_is_cancelled_is_not_taken_back(releasing, at):
    assert rolled_back(outcome(releasing, **{at: CANCELED})) == set()


def test_warnings_of_a_stage_change_nothing(releasing):
    warned = dict.fromkeys(("production", "copy", "promote"), WITH_ISSUES)

    assert rolled_back(outcome(releasing, smoke=WITH_ISSUES, **warned)) == set()
    assert rolled_back(outcome(releasing, smoke=FAILED, **warned)) == ROLLBACKS


def test_the_code_is_rolled_back_even_if_the_models_rollback_fails(promoting):
    results = outcome(promoting, "smoke", "rollback_model")

    assert (results["rollback_model"], results["rollback_code"]) == (FAILED, SUCCEEDED)


@pytest.mark.parametrize("prod", PROD_MODEL)
def test_a_model_is_rolled_back_only_where_one_was_promoted(prod):
    results = outcome(release(prod=prod), "smoke")

    assert ("rollback_model" in results) == (prod != "keep")
    assert results["rollback_code"] == SUCCEEDED


def test_a_rollback_step_is_in_no_other_stage(released):
    for stage in released["stages"]:
        for call in calls_of(released, stage["stage"]):
            rolls_back = call.job == "release" and call.params["step"] == "rollback"
            assert rolls_back == (stage["stage"] == "rollback_model" and call.is_bundle)
        assert ("condition" in stage) == (stage["stage"] in ROLLBACKS)


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
