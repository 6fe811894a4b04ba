"""Triggers fire when they should."""

from datetime import timedelta
from urllib.parse import urlsplit

from data_factory.template import BY_THE_CLOCK, DAILY, HOURLY, ON_LANDING, TUMBLING, WEEKLY, given, timespan

from flight_delay import USE_CASE
from levelfive.config import parse_time


def test_windows_start_with_the_day_of_the_use_case_on_a_monday(environment, triggers):
    first = parse_time(given(environment)["firstWindow"])

    assert first - first.replace(hour=0, minute=0, second=0) == USE_CASE.day_starts_at
    assert first.isoweekday() == 1
    assert given(environment)["firstWindow"].endswith("Z")
    assert {parse_time(triggers[name]["typeProperties"]["startTime"]) for name in TUMBLING} == {first}


def test_triggers_fire_when_the_bundle_would(bundle, triggers):
    first = parse_time(triggers[DAILY]["typeProperties"]["startTime"])
    recurrence = triggers[BY_THE_CLOCK]["typeProperties"]["recurrence"]
    (hour,), (minute,) = recurrence["schedule"]["hours"], recurrence["schedule"]["minutes"]

    for name, key, days in [
        (DAILY, "scoring", "* * ?"),
        (WEEKLY, "monitoring", "? * MON"),
    ]:
        fires = first + timespan(triggers[name]["typeProperties"]["delay"])
        assert bundle.jobs[key]["schedule"]["quartz_cron_expression"] == f"0 {fires.minute} {fires.hour} {days}"
        assert bundle.jobs[key]["schedule"]["timezone_id"] == "UTC"
    assert bundle.jobs["scoring"]["schedule"]["quartz_cron_expression"] == f"0 {minute} {hour} * * ?"
    assert (recurrence["frequency"], recurrence["interval"], recurrence["timeZone"]) == ("Day", 1, "UTC")
    assert parse_time(recurrence["startTime"]) == first


def test_publications_are_as_frequent_as_the_bundles_own(bundle, triggers):
    recurrence = triggers[HOURLY]["typeProperties"]["recurrence"]
    (minute,) = recurrence["schedule"]["minutes"]

    assert bundle.jobs["serving"]["schedule"]["quartz_cron_expression"] == f"0 {minute} * * * ?"
    assert (recurrence["frequency"], recurrence["interval"], recurrence["timeZone"]) == ("Hour", 1, "UTC")


def test_a_week_is_monitored_once_its_days_are_scored(triggers):
    weekly = triggers[WEEKLY]["typeProperties"]
    (scored,) = weekly["dependsOn"]

    assert scored["referenceTrigger"]["referenceName"] == DAILY
    assert timespan(scored["size"]) == timedelta(hours=weekly["interval"])
    assert timespan(scored["offset"]) == timedelta(0)


def test_windows_run_one_at_a_time_as_the_jobs_do(bundle, triggers):
    for name in TUMBLING:
        assert triggers[name]["typeProperties"]["maxConcurrency"] == bundle.jobs["scoring"]["max_concurrent_runs"]


def test_the_landing_of_a_source_starts_scoring(environment, bundle, triggers):
    location = urlsplit(bundle.resources["volumes"]["landing"]["storage_location"])
    given = triggers[ON_LANDING]["typeProperties"]

    sources = [f"/{location.username}/blobs{location.path}/{source.name}/" for source in USE_CASE.sources]
    assert given["blobPathBeginsWith"] in sources
    assert given["scope"].split("/")[-1] == location.hostname.partition(".")[0]
    assert given["events"] == ["Microsoft.Storage.BlobCreated"]
    assert given["ignoreEmptyBlobs"] is True
