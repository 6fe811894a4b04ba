"""A model goes to QA and to production in one run, and a person reads the verdict before production's promotion."""

import pytest
from azure_pipelines.calls import calls_of
from azure_pipelines.project import DEV_MODEL, PROD_MODEL, of_use_case, release
from azure_pipelines.runs import SKIPPED, SUCCEEDED, outcome
from bundle.offline import read, resolve
from bundle.targets import deployment
from bundle.use_cases import add_bundle

from levelfive.config import Approval


def test_a_model_is_released_to_production_in_one_run(releasing):
    steps = [
        (stage["stage"], call.params["step"], call.params["version"], call.params["source_model"])
        for stage in releasing["stages"]
        for call in calls_of(releasing, stage["stage"])
        if call.job == "release" and call.target == "prod" and call.params["step"] != "rollback"
    ]

    version = ("4", "levelfive_registry.qa.flight_delay")
    assert steps == [("copy", "copy", *version), ("promote", "approve", *version), ("promote", "promote", *version)]


def test_a_model_is_released_to_qa_in_one_run(releasing):
    steps = [
        (call.params["step"], call.params["version"], call.params["source_model"])
        for call in calls_of(releasing, "qa")
        if call.job == "release"
    ]

    version = ("3", DEV_MODEL)
    assert steps == [("copy", *version), ("promote", *version)]


def test_a_version_that_is_there_is_promoted_by_its_own_number(promoting):
    params = {
        stage: [call.params for call in calls_of(promoting, stage) if call.job == "release"]
        for stage in ("qa", "promote")
    }

    assert [one["version"] for one in params["qa"] + params["promote"]] == ["3", "4", "4"]
    assert not any("source_model" in one for one in params["qa"] + params["promote"])


def test_a_version_is_approved_before_it_is_promoted_where_the_bundle_says_manual(promoting, releasing):
    for stage, target in {"qa": "qa", "promote": "prod"}.items():
        (task,) = deployment(target).jobs["release"]["tasks"]
        given = task["notebook_task"]["base_parameters"]["approval"]
        expected = ["approve", "promote"] if given == Approval.MANUAL else ["promote"]
        for pipeline in (promoting, releasing):
            steps = [call.params["step"] for call in calls_of(pipeline, stage) if call.job == "release"]
            assert [step for step in steps if step != "copy"] == expected, stage


def test_the_record_names_those_who_approve_and_where_their_names_are(promoting, releasing):
    for pipeline in (promoting, releasing):
        (stage,) = (stage for stage in pipeline["stages"] if stage["stage"] == "promote")
        (call,) = (one for one in calls_of(pipeline, "promote") if one.params.get("step") == "approve")

        assert call.params["by"] == f"approvers of {stage['jobs'][0]['environment']}"
        assert call.params["reason"] == "$REASON started by $BY"


@pytest.mark.parametrize("prod", PROD_MODEL)
def test_a_promotion_to_production_waits_for_approval_in_a_stage_of_its_own(prod):
    pipeline = release(prod=prod)
    promoting = [
        stage
        for stage in pipeline["stages"]
        for call in calls_of(pipeline, stage["stage"])
        if call.job == "release" and call.target == "prod" and call.params["step"] == "promote"
    ]

    assert len(promoting) == (prod != "keep")
    for stage in promoting:
        (job,) = stage["jobs"]
        assert job["environment"] == "levelfive-prod-model"
        steps = [call.params["step"] for call in calls_of(pipeline, stage["stage"]) if call.is_bundle]
        assert steps == ["approve", "promote"]  # the copy's verdict is there before the environment asks
    asking = {
        stage["stage"]: job["environment"]
        for stage in pipeline["stages"]
        for job in stage["jobs"]
        if "environment" in job
    }
    assert asking == {
        "qa": "levelfive-qa",
        "production": "levelfive-prod",
        **{stage["stage"]: "levelfive-prod-model" for stage in promoting},
    }


@pytest.mark.parametrize("prod", PROD_MODEL)
def test_what_is_new_in_production_scores_only_after_it_is_promoted(prod):
    pipeline = release(prod=prod)
    order = {
        "keep": ["production", "smoke"],
        "release": ["production", "copy", "promote", "smoke"],
        "promote": ["production", "promote", "smoke"],
    }[prod]

    ran = [stage for stage, result in outcome(pipeline).items() if result == SUCCEEDED]
    assert ran == ["qa", "plan", *order]
    for at, failing in enumerate(order[:-1]):
        results = outcome(pipeline, failing)
        assert {results[stage] for stage in order[at + 1 :]} == {SKIPPED}, failing


def test_a_version_that_the_gate_refuses_is_not_promoted_and_the_code_is_rolled_back(releasing):
    results = outcome(releasing, "copy")

    assert {results[stage] for stage in ("promote", "smoke", "rollback_model")} == {SKIPPED}
    assert results["rollback_code"] == SUCCEEDED


@pytest.mark.parametrize("name", ["flight_delay", "shop"])
def test_a_release_of_a_use_case_finds_its_bundle_and_its_model_in_qa(name, tmp_path):
    add_bundle(tmp_path)
    known = of_use_case(name)

    folder = tmp_path / known["DATABRICKS_BUNDLE_ROOT"]
    bundle = resolve(read(folder, tmp_path), "qa")
    model = bundle.resources["registered_models"]["model"]
    assert bundle.config["bundle"]["name"] == name
    assert known["model_of_qa"] == ".".join(model[part] for part in ("catalog_name", "schema_name", "name"))
