"""A backfill scores a range of days, a few at a time."""

import pytest
from data_factory.references import activities
from data_factory.runs import PipelineFailed, started
from data_factory.template import BACKFILL, given, template

from levelfive.config import parse_time


def test_a_backfill_scores_every_day_once_from_the_oldest_on(factory, bundle):
    factory.run(BACKFILL, {"first_as_of": "2013-04-28T06:00:00Z", "last_as_of": "2013-05-02T06:00:00Z"})

    runs = started(factory, bundle.jobs)
    assert {(key, parameters["window_start"]) for key, parameters in runs} == {("scoring", "P1D")}
    times = [parse_time(parameters["as_of"]) for _, parameters in runs]
    assert [time.strftime("%m-%d %H:%M") for time in times] == [
        "04-28 06:00",
        "04-29 06:00",
        "04-30 06:00",
        "05-01 06:00",
        "05-02 06:00",
    ]


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [("2013-05-02T06:00:00Z", "2013-05-02T06:00:00Z", 1), ("2012-01-01T06:00:00Z", "2012-12-31T06:00:00Z", 366)],
)
def test_a_backfill_takes_a_day_and_a_year(factory, first, last, days):
    factory.run(BACKFILL, {"first_as_of": first, "last_as_of": last})

    assert len({one.parameters["as_of"][:10] for one in factory.started}) == len(factory.started) == days


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2013-05-03T06:00:00Z", "2013-05-02T06:00:00Z"),
        ("2013-05-02T07:00:00Z", "2013-05-02T06:00:00Z"),
        ("2013-05-01T06:00:00Z", "2013-05-02T07:00:00Z"),
        ("2012-01-01T06:00:00Z", "2013-01-01T06:00:00Z"),
    ],
)
def test_a_backfill_refuses_what_is_no_range_of_days(factory, first, last):
    with pytest.raises(PipelineFailed, match=f"got {first} and {last}"):
        factory.run(BACKFILL, {"first_as_of": first, "last_as_of": last})
    assert factory.started == []


def test_a_backfill_has_only_some_runs_under_way(environment, pipelines):
    ((name, loop),) = activities(pipelines, "ForEach")

    assert name == BACKFILL
    assert loop["typeProperties"]["isSequential"] is False
    assert loop["typeProperties"]["batchCount"] == given(environment)["backfillBatch"]
    assert template()["parameters"]["backfillBatch"]["maxValue"] < 20  # what Azure takes where nothing is said
