"""The bundle's jobs are found by their names and get parameters that they have, as of the right time."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from data_factory.references import activities, places
from data_factory.runs import MONDAY, TUESDAY, Factory, PipelineFailed, in_order, outcome, started, written
from data_factory.template import (
    AZURE_DATABRICKS,
    BACKFILL,
    BY_THE_CLOCK,
    HOURLY,
    ON_LANDING,
    SCORING,
    TUMBLING,
    WEEKLY,
    given,
    timespan,
)

from levelfive.config import parse_time, parse_window
from levelfive.core.windows import Window

SCORING_JOB = "levelfive flight_delay scoring"


def test_the_identity_asks_the_workspace_for_the_job(factory, resources, bundle):
    found = factory.run("find-job", {"job": SCORING_JOB})

    assert factory.jobs[int(found["job_id"])] == SCORING_JOB
    (url,) = map(urlsplit, factory.asked)
    assert f"{url.scheme}://{url.netloc}" == bundle.config["workspace"]["host"]
    assert url.path == "/api/2.2/jobs/list"
    assert parse_qs(url.query, strict_parsing=True) == {"name": [SCORING_JOB]}
    assert " " not in url.query
    ((_, asking),) = activities(resources.of("pipelines"), "WebActivity")
    assert asking["typeProperties"]["method"] == "GET"
    assert asking["typeProperties"]["authentication"] == {"type": "MSI", "resource": AZURE_DATABRICKS}


@pytest.mark.parametrize(("jobs", "count"), [({}, 0), ({1: SCORING_JOB, 2: SCORING_JOB}, 2)])
def test_not_exactly_one_job_of_that_name_fails(resources, jobs, count):
    factory = Factory(resources, jobs)

    with pytest.raises(PipelineFailed, match=f"one job named '{SCORING_JOB}' .* found {count}"):
        factory.run(SCORING, {"as_of": written(TUESDAY)})
    assert factory.started == []


def test_a_job_that_was_made_anew_is_found_by_its_new_id(resources):
    first, second = (
        Factory(resources, {1: SCORING_JOB}),
        Factory(resources, {2: SCORING_JOB}),
    )

    for factory in (first, second):
        factory.run(SCORING, {"as_of": written(TUESDAY)})

    assert [one.job_id for one in first.started + second.started] == ["1", "2"]


def test_jobs_get_parameters_that_they_have(factory, bundle, triggers):
    for name in triggers:
        factory.fire(name, outcome(MONDAY))
    factory.run(BACKFILL, {"first_as_of": written(TUESDAY), "last_as_of": written(TUESDAY)})

    runs = started(factory, bundle.jobs)
    # Training is started by retraining, release by people, and maintenance waits for no data.
    assert {key for key, _ in runs} == bundle.jobs.keys() - {"training", "release", "maintenance"}
    for key, parameters in runs:
        assert parameters.keys() <= {one["name"] for one in bundle.jobs[key]["parameters"]}, key
        assert {"as_of"} <= parameters.keys(), key
        assert all(isinstance(value, str) and value for value in parameters.values()), key


@pytest.mark.parametrize("name", TUMBLING)
def test_a_job_works_on_the_window_of_its_trigger(factory, bundle, triggers, name):
    given = triggers[name]["typeProperties"]
    assert given["frequency"] == "Hour"
    window = Window(MONDAY - timedelta(hours=given["interval"]), MONDAY)

    factory.fire(name, outcome(window.end, window.length))

    runs = started(factory, bundle.jobs)
    assert {parse_time(parameters["as_of"]) for _, parameters in runs} == {window.end}
    windows = [parse_window(each["window_start"], each.get("window_end"), window.end) for _, each in runs[:1]]
    assert windows == [window]


def test_windows_are_as_long_as_those_of_the_bundles_own_schedules(factory, bundle):
    for name in TUMBLING:
        factory.fire(name, outcome(MONDAY))

    for key, parameters in started(factory, bundle.jobs):
        defaults = {one["name"]: one["default"] for one in bundle.jobs[key]["parameters"]}
        if "window_start" in defaults:
            expected = parse_window(defaults["window_start"], defaults["window_end"], MONDAY)
            assert parse_window(parameters["window_start"], None, MONDAY) == expected


@pytest.mark.parametrize("name", TUMBLING)
def test_a_window_that_runs_again_later_works_as_of_the_same_time(resources, factory, name):
    again = Factory(resources, factory.jobs)

    factory.fire(name, outcome(TUESDAY))
    again.fire(name, outcome(TUESDAY, fired=TUESDAY + timedelta(days=6)))

    assert factory.started == again.started


def test_a_publication_is_as_of_the_time_that_it_was_scheduled_for_and_deploys_the_champion(factory, bundle):
    factory.fire(HOURLY, outcome(TUESDAY, fired=TUESDAY + timedelta(minutes=30)))

    ((key, parameters),) = started(factory, bundle.jobs)
    assert (key, parameters) == ("serving", {"as_of": parameters["as_of"]})
    assert parse_time(parameters["as_of"]).replace(microsecond=0) == TUESDAY + timedelta(minutes=30)


@pytest.mark.parametrize("name", [BY_THE_CLOCK, ON_LANDING])
def test_without_a_window_a_job_works_on_the_day_before_it_was_triggered(factory, bundle, name):
    fired = TUESDAY + timedelta(minutes=15)

    factory.fire(name, outcome(TUESDAY, fired=fired))

    ((key, parameters),) = started(factory, bundle.jobs)
    as_of = parse_time(parameters["as_of"])
    assert key == "scoring"
    assert as_of.replace(microsecond=0) == fired
    assert parse_window(parameters["window_start"], None, as_of) == Window(as_of - timedelta(days=1), as_of)


def test_retraining_decides_after_monitoring_as_of_the_same_time(factory, bundle, pipelines):
    factory.fire(WEEKLY, outcome(MONDAY, timedelta(days=7)))

    runs = started(factory, bundle.jobs)
    assert [key for key, _ in runs] == ["monitoring", "retraining"]
    assert len({parameters["as_of"] for _, parameters in runs}) == 1


def test_activities_begin_only_after_those_before_them_succeeded(pipelines):
    for pipeline in pipelines.values():
        assert list(in_order(pipeline["activities"]))
        for place in places(pipeline["activities"]):
            assert all(one["dependencyConditions"] == ["Succeeded"] for one in place.activity.get("dependsOn", []))
    assert all(
        activity["typeProperties"]["waitOnCompletion"] for _, activity in activities(pipelines, "ExecutePipeline")
    )


def test_an_activity_waits_as_long_as_its_job_and_those_before_it_may_take(environment, bundle, pipelines):
    keys = {job["name"]: key for key, job in bundle.jobs.items()}
    # Runs of one job follow each other. A backfill may have as many under way as its batch, and a trigger fires too.
    runs = {"scoring": given(environment)["backfillBatch"] + 1, "monitoring": 1, "retraining": 1, "serving": 1}

    for name, activity in activities(pipelines, "DatabricksJob"):
        by_name = {one["name"]: one for one in pipelines[name]["activities"]}
        (finder,) = (by_name[one["activity"]] for one in activity["dependsOn"])
        key = keys[finder["typeProperties"]["parameters"]["job"]]
        longest = timedelta(seconds=bundle.jobs[key]["timeout_seconds"]) * runs[key]
        assert timespan(activity["policy"]["timeout"]) > longest, key
