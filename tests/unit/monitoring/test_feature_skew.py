"""Features that rows were scored with and that are others now: named, but for what a correction explains."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from in_memory.release import Environment, a_context, a_use_case
from in_memory.tables import MemoryTables

from levelfive.core.windows import Window, utc
from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.evidence import Delivery, Evidence
from levelfive.monitoring.faults import Faults
from levelfive.monitoring.feature_skew import FEATURE_SKEW, SAMPLED_ROWS, explained, share_of, write_skew
from levelfive.monitoring.raised import raised
from levelfive.monitoring.verdict import Subject
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.policies import MonitoringPolicy

DAY = timedelta(days=1)
MONDAY = date(2013, 5, 6)
SCORED, NOW = utc(2013, 5, 7, 6), utc(2013, 5, 14, 6)
LOOKUP = next(one for one in a_use_case().model.lookups if one.table == "weather_state")
FEATURE = LOOKUP.features[0]
SOURCE = a_use_case().feature_table(LOOKUP.table).sources[0]


def a_day(**fields: Any) -> FeatureDay:
    usual: dict[str, Any] = {"mismatches": 3, "missing": 0, "extra": 0, "behind": 0}
    told: dict[str, Any] = {"max_difference": 1.0, "mean_difference": 0.1, "first_served_at": SCORED}
    return FeatureDay(**{"day": MONDAY, "feature": FEATURE, "answers": 240, **usual, **told, **fields})


def a_place() -> JobContext:
    return a_context(MemoryTables())


def corrected(context: JobContext, since: datetime, loaded_at: datetime) -> None:
    """Let a file have corrected a row of a time."""
    counts = {"rows_in": 1, "accepted": 1, "quarantined": 0, "duplicates": 0, "corrections": 1}
    times = {"min_event_time": since, "max_event_time": since, "loaded_at": loaded_at, "corrects_since": since}
    file = LandedFile(source=SOURCE, source_file="c.csv", sha256="c", **counts, **times)  # type: ignore[arg-type]  # of several types
    context.tables.control_tables.add(LANDING_FILES, [file])


def found(context: JobContext, one: FeatureDay, *, as_of: datetime = NOW) -> FeatureDay:
    (result,) = explained(context, Run(context.tables, "a-run"), [LOOKUP], [one], as_of=as_of)
    return result


def alerts(*days: FeatureDay) -> list[str]:
    evidence = Evidence((), Delivery((), 900.0, 900.0), None, None, Faults(), MonitoringPolicy(), skew=days)
    return [f"{one.alert_id}: {one.text}" for one in raised(evidence)]


def test_a_table_that_was_written_anew_is_named_by_feature_and_day() -> None:
    one = found(a_place(), a_day())

    assert not one.computed_anew
    assert alerts(one) == [
        f"features_were_rewritten:{FEATURE}: {FEATURE} is another one now than 3 of 240 rows were scored with on "
        "2013-05-06"
    ]


@pytest.mark.parametrize(
    ("since", "loaded_at", "is_why"),
    [
        (utc(2013, 5, 1), utc(2013, 5, 9, 6), True),
        (utc(2013, 5, 1), SCORED, False),
        (utc(2013, 5, 8), utc(2013, 5, 9, 6), False),
        (utc(2013, 5, 1), NOW + DAY, False),
    ],
    ids=["after the rows were scored", "known when they were scored", "of later times", "not known yet"],
)
def test_of_a_row_that_was_corrected_later_nothing_is_said(since: datetime, loaded_at: datetime, is_why: bool) -> None:
    context = a_place()
    corrected(context, since, loaded_at)

    one = found(context, a_day())

    assert one.computed_anew is is_why
    assert bool(alerts(one)) is not is_why


def test_another_unit_is_named_whatever_was_corrected() -> None:
    context = a_place()
    corrected(context, utc(2013, 5, 1), utc(2013, 5, 9, 6))

    one = found(context, a_day(mismatches=230))

    assert one.computed_anew
    assert len(alerts(one)) == 1


def test_where_all_is_the_same_nothing_is_asked_and_nothing_said() -> None:
    context, same = a_place(), a_day(mismatches=0)
    corrected(context, utc(2013, 5, 1), utc(2013, 5, 9, 6))

    assert found(context, same) == same
    assert alerts(same) == []


@pytest.mark.parametrize(("rows", "parts"), [(0, 10_000), (SAMPLED_ROWS, 10_000), (1_000_000, 50)])
def test_of_many_rows_some_are_looked_at(rows: int, parts: int) -> None:
    assert share_of(rows) == parts


def test_what_is_written_of_a_window_is_there_once(production: Environment) -> None:
    run, subject = Run(production.tables, "now"), Subject("m", "2", Window(SCORED - DAY, SCORED))

    for _ in range(2):
        write_skew(run, subject, [(subject, a_day(missing=2))])

    (row,) = production.tables.control_tables.rows(FEATURE_SKEW)
    counts = {name: row[name] for name in ("rows", "matches", "mismatches", "missing", "extra", "first_scored_at")}
    assert counts == {
        "rows": 240,
        "matches": 235,
        "mismatches": 3,
        "missing": 2,
        "extra": 0,
        "first_scored_at": SCORED,
    }
