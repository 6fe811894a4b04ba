"""Which window the features stage computes, and what it refuses before it computes anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from in_memory.release import a_use_case, runs
from in_memory.tables import MemoryTables
from pyspark.sql.types import StringType, StructField, StructType, TimestampType

from flight_delay import USE_CASE
from levelfive import Later
from levelfive.core.windows import Window, iso, utc
from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.data.missing import Hole, count_days
from levelfive.errors import AsOfError, TableError
from levelfive.features import job as features
from levelfive.features.watermarks import windows_of
from levelfive.storage.commits import Commit, Write
from levelfive.storage.keys import Keyed
from levelfive.storage.runs import JobContext, Run
from levelfive.storage.tables import WATERMARK
from levelfive.usecase.columns import KNOWN_AT, LABEL, OUTCOME, PREDICTION_TIME
from levelfive.usecase.features import FeatureTable

BEGIN, AS_OF = utc(2013, 1, 1, 6), utc(2013, 1, 8, 6)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class RowsOf:
    """What is computed of a window: all columns that are asked for, and no rows."""

    window: Window

    @property
    def schema(self) -> StructType:
        times = [StructField(name, TimestampType()) for name in (PREDICTION_TIME, KNOWN_AT)]
        others = (*USE_CASE.key, LABEL, OUTCOME)
        return StructType([*times, *(StructField(name, StringType()) for name in others)])


class WindowsOfFeatures:
    """A feature store that keeps but the windows that were put into it."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    def put(self, table: FeatureTable, rows: Any, window: Window, *, made_of: Mapping[str, int]) -> Write:
        assert rows.window == window
        return self._tables.replace_window(table.name, rows, "known_at", window)


@pytest.fixture(autouse=True)
def _no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no rows, none share a key."""
    monkeypatch.setattr(Keyed, "once", lambda keyed: keyed.rows)


def a_context(tables: MemoryTables, *feature_tables: FeatureTable) -> JobContext:
    """A use case that computes from nothing: its rows are the window that they are of."""
    use_case = a_use_case(labels=lambda raw, window: RowsOf(window), label_sources=(), feature_tables=feature_tables)
    without = replace(use_case, model=replace(use_case.model, lookups=()))
    return JobContext(tables, without, WindowsOfFeatures(tables))


def a_table(name: str, *, timestamped: bool = True) -> FeatureTable:
    return FeatureTable(name, ("carrier",), (), lambda raw, window: RowsOf(window), timestamped=timestamped)


def landed(tables: MemoryTables, *begins: datetime | None) -> MemoryTables:
    files = [LandedFile("flights", "file", str(n), 1, 1, 0, 0, begin, begin, AS_OF) for n, begin in enumerate(begins)]
    tables.control_tables.add(LANDING_FILES, files)
    return tables


def reaching(**ends: datetime) -> dict[str, tuple[Commit, ...]]:
    return {table: (Commit(0, {WATERMARK: iso(end)}),) for table, end in ends.items()}


@pytest.mark.parametrize(
    ("begins", "words"),
    [
        ((), "there is no dated data. Run the data stage first"),
        ((None,), "there is no dated data. Run the data stage first"),
        ((AS_OF, AS_OF + DAY), "the data begins at 2013-01-08T06:00:00Z. Give a later --as-of"),
    ],
    ids=["no files", "no dates", "later files"],
)
def test_without_data_from_before_there_is_nothing_to_compute(begins: tuple[datetime | None, ...], words: str) -> None:
    context = a_context(landed(MemoryTables(), *begins) if begins else MemoryTables())

    with pytest.raises(AsOfError, match=f"nothing to compute before as_of .*: {words}") as refused:
        features.run(context, as_of=AS_OF)

    (run,) = runs(context.tables)
    assert (run["stage"], run["status"], run["error"]) == ("features", "failed", f"AsOfError: {refused.value}")
    assert run["versions_read"] == ({LANDING_FILES: 0} if begins else {})
    assert not context.tables.exists("labels")


def test_what_was_never_ingested_says_who_writes_it() -> None:
    tables = landed(MemoryTables(), BEGIN)
    context = JobContext(tables, a_use_case(), WindowsOfFeatures(tables))

    with pytest.raises(TableError, match=r"raw_\w+ does not exist yet: run the stage that writes it first"):
        features.run(context, as_of=AS_OF)

    assert runs(tables)[-1]["status"] == "failed"


@pytest.mark.parametrize(
    ("later", "loaded_at", "since", "begin"),
    [
        (Later.CORRECTION, AS_OF + DAY, BEGIN + DAY, BEGIN + DAY),
        (Later.CORRECTION, AS_OF + DAY, BEGIN - 3650 * DAY, BEGIN),
        (Later.CORRECTION, AS_OF + DAY, AS_OF + DAY / 2, AS_OF),
        (Later.CORRECTION, AS_OF + DAY, None, AS_OF),
        (Later.CORRECTION, AS_OF, BEGIN + DAY, AS_OF),
        (Later.CORRECTION, AS_OF + 2 * DAY, BEGIN + DAY, AS_OF),
        (Later.DUPLICATE, AS_OF + DAY, BEGIN + DAY, AS_OF),
    ],
    ids=["before", "mistyped", "within", "no dates", "computed with already", "later", "no corrections"],
)
def test_what_was_corrected_since_the_last_window_is_computed_anew(
    later: Later, loaded_at: datetime, since: datetime | None, begin: datetime
) -> None:
    tables = landed(MemoryTables(), BEGIN)
    context = a_context(tables, a_table("late_rate"))
    sources = tuple(replace(source, later=later) for source in context.use_case.sources)
    context = replace(context, use_case=replace(context.use_case, sources=sources))
    features.run(context, as_of=AS_OF)
    corrected = LandedFile(
        *(sources[0].name, "corrections", "c", 1, 1, 0, 0, since, since, loaded_at),
        corrections=1,
        corrects_since=since,
    )
    tables.control_tables.add(LANDING_FILES, [corrected])

    result = features.run(context, as_of=AS_OF + DAY)

    assert result.window == Window(begin, AS_OF + DAY)


def test_the_first_window_begins_with_the_data_and_the_next_one_where_it_ended() -> None:
    context = a_context(landed(MemoryTables(), BEGIN + DAY, None, BEGIN), a_table("late_rate"))

    first, second = (features.run(context, as_of=as_of) for as_of in (AS_OF, AS_OF + DAY))

    assert (first.window, second.window) == (Window(BEGIN, AS_OF), Window(AS_OF, AS_OF + DAY))
    assert first.versions == {"late_rate": 0, "labels": 0}
    assert second.versions == runs(context.tables)[-1]["versions_written"] == {"late_rate": 1, "labels": 1}


def test_a_second_run_as_of_one_time_computes_the_same_window() -> None:
    context = a_context(landed(MemoryTables(commits=reaching(labels=BEGIN + DAY)), BEGIN))

    windows = [features.run(context, as_of=AS_OF).window for _ in range(2)]

    assert windows == [Window(BEGIN + DAY, AS_OF)] * 2


def test_a_run_that_was_killed_before_it_noted_its_windows_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    context = a_context(landed(MemoryTables(), BEGIN))
    features.run(context, as_of=AS_OF)
    with monkeypatch.context() as patch:
        patch.setattr(features.watermarks, "note_window", kill)
        with pytest.raises(KeyboardInterrupt):
            features.run(context, as_of=AS_OF + DAY)

    later = features.run(context, as_of=AS_OF + 2 * DAY)

    assert later.window == Window(AS_OF, AS_OF + 2 * DAY)


def kill(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_window_of_long_ago_is_the_same_when_delta_has_forgotten_it() -> None:
    context = a_context(landed(MemoryTables(), BEGIN))
    days = [AS_OF + place * DAY for place in range(70)]
    windows = [features.run(context, as_of=as_of).window for as_of in days]
    context.tables.forget_commits("labels")

    again = [features.run(context, as_of=as_of).window for as_of in (days[9], days[69])]

    assert again == [windows[9], windows[69]] == [Window(days[8], days[9]), Window(days[68], days[69])]


def test_a_window_begins_where_the_table_that_is_furthest_behind_ends() -> None:
    ends = {"late_rate": BEGIN + 3 * DAY, "rotation": BEGIN + 2 * DAY, "labels": BEGIN + 3 * DAY}
    tables = landed(MemoryTables(commits=reaching(**ends)), BEGIN)

    found = features.run(a_context(tables, a_table("late_rate"), a_table("rotation")), as_of=AS_OF)

    assert found.window == Window(BEGIN + 2 * DAY, AS_OF)


def test_a_table_that_is_new_is_computed_from_the_first_data_on() -> None:
    tables = landed(MemoryTables(commits=reaching(late_rate=BEGIN + DAY, labels=BEGIN + DAY)), BEGIN)

    found = features.run(a_context(tables, a_table("late_rate"), a_table("new")), as_of=AS_OF)

    assert found.window == Window(BEGIN, AS_OF)


@pytest.mark.parametrize(("later", "begin"), [(Later.CORRECTION, AS_OF - DAY), (Later.DUPLICATE, BEGIN)])
def test_labels_that_may_change_stay_as_they_were_known_when_a_table_is_new(
    monkeypatch: pytest.MonkeyPatch, later: Later, begin: datetime
) -> None:
    monkeypatch.setattr(features, "read_as_known", lambda *_: {})
    monkeypatch.setattr(features, "with_outcome_time", lambda rows: rows)
    context = a_context(landed(MemoryTables(commits=reaching(labels=AS_OF - DAY)), BEGIN), a_table("new"))
    sources = tuple(replace(source, later=later) for source in context.use_case.sources)
    use_case = replace(context.use_case, sources=sources, label_sources=(sources[0].name,))

    found = features.run(replace(context, use_case=use_case), as_of=AS_OF)

    assert found.window == Window(BEGIN, AS_OF)
    (of_labels,) = windows_of(Run(context.tables, "later"), "labels")
    assert of_labels["window_start"] == begin


def test_a_table_without_times_is_computed_as_a_whole_and_holds_nothing_up() -> None:
    tables = landed(MemoryTables(commits=reaching(labels=BEGIN + DAY)), BEGIN)

    found = features.run(a_context(tables, a_table("aircraft", timestamped=False)), as_of=AS_OF)

    assert found.window == Window(BEGIN + DAY, AS_OF)
    assert found.versions == {"aircraft": 0, "labels": 1}


def test_a_window_can_be_named() -> None:
    context = a_context(MemoryTables(commits=reaching(labels=AS_OF - DAY)))

    found = features.run(context, as_of=AS_OF, since=BEGIN)

    assert found.window == Window(BEGIN, AS_OF)
    assert runs(context.tables)[-1]["parameters"] == {"since": str(BEGIN)}


def test_a_window_that_would_leave_a_hole_behind_it_is_refused() -> None:
    tables = MemoryTables(commits=reaching(late_rate=BEGIN + 2 * DAY, labels=BEGIN + 3 * DAY))
    context = a_context(tables, a_table("late_rate"), a_table("new"))

    with pytest.raises(AsOfError, match="reach to 2013-01-03T06:00:00Z, and since 2013-01-04T06:00:00Z would leave"):
        features.run(context, as_of=AS_OF, since=BEGIN + 3 * DAY)
    on_its_end = features.run(context, as_of=AS_OF, since=BEGIN + 2 * DAY)
    within_it = features.run(context, as_of=AS_OF, since=BEGIN + 6 * DAY)

    assert (on_its_end.window, within_it.window) == (Window(BEGIN + 2 * DAY, AS_OF), Window(BEGIN + 6 * DAY, AS_OF))


def test_a_new_table_begins_where_the_others_do_or_with_the_first_data() -> None:
    """Else it would have no rows of the past that a training reads, and nobody would see."""
    tables = landed(MemoryTables(), BEGIN)
    features.run(a_context(tables, a_table("late_rate")), as_of=AS_OF - DAY, since=BEGIN + 2 * DAY)
    context = a_context(tables, a_table("late_rate"), a_table("new"))

    with pytest.raises(AsOfError, match="new was never computed, while features and labels begin at 2013-01-03T06:00"):
        features.run(context, as_of=AS_OF, since=BEGIN + 3 * DAY)
    found = features.run(context, as_of=AS_OF, since=BEGIN + 2 * DAY)

    assert found.window == Window(BEGIN + 2 * DAY, AS_OF)


def test_what_is_computed_over_a_hole_is_marked_in_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "read_as_known", lambda *_: {})
    tables = MemoryTables(commits=reaching(labels=BEGIN + 88 * DAY))
    days = [BEGIN.date() + place * DAY for place in range(120) if not 70 <= place < 75]
    count_days(Run(tables, "earlier"), {"flights": {"a-file": dict.fromkeys(days, 100)}}, BEGIN)
    context = a_context(tables)
    reading = replace(context, use_case=replace(context.use_case, label_sources=("flights",), lookback=28 * DAY))

    marked, later = (features.run(reading, as_of=BEGIN + place * DAY) for place in (89, 118))
    of_that_day = features.run(reading, as_of=BEGIN + 119 * DAY)

    hole = Hole("flights", days[0] + 70 * DAY, days[0] + 74 * DAY)
    assert (marked.missing, later.missing, of_that_day.missing) == ((hole,), (hole,), ())
    run, _, last = runs(tables)
    assert (run["counts"]["missing_days"], run["parameters"]["missing"]) == (5, "flights 2013-03-12 to 2013-03-16")
    assert "missing" not in last["parameters"]
