"""Which holes are said, until their files come or a person acknowledges them, and what is marked by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from in_memory.release import a_context, a_use_case, runs
from in_memory.tables import MemoryTables

from levelfive.core.windows import Window, utc
from levelfive.data.missing import (
    Hole,
    acknowledge,
    count_days,
    missing,
    sources_with_days,
    within,
)
from levelfive.errors import ConfigError
from levelfive.storage.annotations import ACKNOWLEDGED, ANNOTATIONS, Annotation, annotate
from levelfive.storage.runs import JobContext, Run

AS_OF = utc(2013, 7, 1, 6)
DAY = timedelta(days=1)
MAY = Hole("flights", date(2013, 5, 1), date(2013, 5, 31))


@pytest.fixture
def context() -> JobContext:
    return a_context(MemoryTables())


def landed(context: JobContext, first: date, last: date, *, file: str, source: str = "flights") -> None:
    days = {first + place * DAY: 900 for place in range((last - first).days + 1)}
    count_days(Run(context.tables, "a-run"), {source: {file: days}}, AS_OF)


def without_may(context: JobContext) -> JobContext:
    landed(context, date(2013, 1, 1), date(2013, 4, 30), file="spring")
    landed(context, date(2013, 6, 1), date(2013, 6, 30), file="june")
    return context


def holes(context: JobContext, **how: object) -> tuple[Hole, ...]:
    return missing(Run(context.tables, "another"), context.use_case, **{"as_of": AS_OF, **how}).holes


def acknowledged(
    context: JobContext, hole: Hole = MAY, by: str = "ada", reason: str = "the airport was closed"
) -> tuple[Hole, ...]:
    return acknowledge(context, hole, by=by, reason=reason, as_of=AS_OF)


def test_a_month_that_is_not_there_is_said_until_its_file_comes(context: JobContext) -> None:
    without_may(context)

    before = holes(context)
    landed(context, MAY.first, MAY.last, file="may")

    assert (before, holes(context)) == ((MAY,), ())
    assert (str(MAY), MAY.days) == ("flights 2013-05-01 to 2013-05-31", 31)


def test_days_after_the_logical_now_tell_nothing_of_those_before_it(context: JobContext) -> None:
    without_may(context)

    assert holes(context, as_of=utc(2013, 6, 1, 5)) == ()
    assert holes(context, as_of=utc(2013, 6, 1, 6)) == (MAY,)


def test_files_that_are_counted_twice_count_once(context: JobContext) -> None:
    for _ in range(2):
        landed(context, date(2013, 1, 1), date(2013, 1, 2), file="spring")

    run = Run(context.tables, "another")
    assert sources_with_days(run, {"flights", "weather"}, as_of=utc(2013, 1, 3)) == {"flights"}
    assert sources_with_days(run, {"flights"}, as_of=utc(2014, 1, 3)) == {"flights"}
    assert [row["accepted"] for row in context.tables.control_tables.rows("source_days")] == [900, 900]


def test_other_sources_and_those_without_dates_are_left_out(context: JobContext) -> None:
    without_may(context)
    landed(context, date(2013, 1, 1), date(2013, 1, 9), file="planes", source="planes")

    found = missing(Run(context.tables, "another"), context.use_case, as_of=AS_OF, sources=["weather", "planes"])

    assert (found.holes, found.too_few) == ((), {})


def test_what_is_acknowledged_is_said_no_longer_and_kept_with_who_and_why(context: JobContext) -> None:
    without_may(context)

    left = acknowledged(context)

    assert (left, holes(context)) == ((), ())
    (row,) = context.tables.control_tables.rows(ANNOTATIONS)
    (run,) = runs(context.tables)
    assert row == {
        "kind": "acknowledged",
        "subject": "source flights",
        "window_start": utc(2013, 5, 1, 6),
        "window_end": utc(2013, 6, 1, 6),
        "by": "ada",
        "reason": "the airport was closed",
        "said_at": AS_OF,
        "until": None,
        "covers": [],
        "left_out": None,
        "run_id": run["run_id"],
    }
    assert (run["stage"], run["parameters"]["by"]) == ("acknowledgement", "ada")


def test_what_is_said_for_a_time_is_over_then(context: JobContext) -> None:
    without_may(context)
    run, end = Run(context.tables, "by hand"), AS_OF + DAY
    window = Window(utc(2013, 5, 1, 6), utc(2013, 6, 1, 6))

    annotate(run, Annotation(ACKNOWLEDGED, "source flights", window, "ada", "closed", AS_OF, until=end))

    assert holes(context, as_of=end - timedelta(seconds=1)) == ()
    assert holes(context, as_of=end) == (MAY,)


def test_of_a_hole_that_is_acknowledged_in_part_the_rest_is_said(context: JobContext) -> None:
    without_may(context)

    left = acknowledged(context, replace(MAY, first=date(2013, 5, 10), last=date(2013, 5, 12)))

    assert left == (replace(MAY, last=date(2013, 5, 9)), replace(MAY, first=date(2013, 5, 13)))
    assert acknowledged(context, replace(MAY, first=date(2013, 4, 1))) == ()


def test_an_acknowledgement_is_of_one_source(context: JobContext) -> None:
    without_may(context)

    acknowledged(context, replace(MAY, source="weather"))

    assert holes(context) == (MAY,)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"hole": replace(MAY, source="nothing")}, "there is no source 'nothing'"),
        ({"hole": replace(MAY, source="planes")}, "source 'planes' has no dates"),
        ({"hole": replace(MAY, last=date(2013, 4, 30))}, "days end after they begin, got 2013-05-01 to 2013-04-30"),
        ({"by": " "}, "says who and why, got ' '"),
        ({"reason": ""}, "says who and why, got ''"),
    ],
    ids=["no source", "no dates", "backwards", "nobody", "no reason"],
)
def test_a_wrong_acknowledgement_is_refused(context: JobContext, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        acknowledged(context, **wrong)

    assert not context.tables.exists(ANNOTATIONS)


@pytest.mark.parametrize(
    ("window", "marked"),
    [
        (Window(utc(2013, 6, 28, 6), utc(2013, 6, 29, 6)), True),
        (Window(utc(2013, 6, 29, 6), utc(2013, 6, 30, 6)), False),
        (Window(utc(2013, 5, 10, 6), utc(2013, 5, 11, 6)), True),
        (Window(utc(2013, 4, 30, 6), utc(2013, 5, 1, 6)), False),
        (Window(utc(2013, 4, 30, 6), utc(2013, 5, 1, 7)), True),
    ],
    ids=["looks back", "looks back less", "inside", "before", "reaches in"],
)
def test_a_window_is_marked_by_the_holes_that_it_looks_back_to(window: Window, marked: bool) -> None:
    use_case = a_use_case(lookback=28 * DAY)

    assert within([MAY], window, use_case) == ((MAY,) if marked else ())
