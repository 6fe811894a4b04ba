"""Publications: what is there after several is what one of all would have put there, wherever one was killed."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small import EVENTS, GRID, LOOKUPS, MAX_AGE, SCHEMAS, STATE, THINGS, put, small_use_case, ticks

from levelfive.core.windows import Window, iso, to_micros, utc
from levelfive.errors import AsOfError, ConfigError, TableError
from levelfive.features.store import LocalFeatureStore
from levelfive.online import job
from levelfive.online.layout import ROWS
from levelfive.online.store import Ask, OnlineStore, Publication
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import RUNS, JobContext
from levelfive.storage.tables import Tables

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
T = utc(2013, 5, 1)
FIRST, SECOND = Window(T, T + 2 * DAY), Window(T + 2 * DAY, T + 3 * DAY)
ANEW, LONG_AGO = Window(T + 60 * HOUR, T + 62 * HOUR), Window(T + 30 * HOUR, T + 47 * HOUR)
OpenFile = Callable[[str], OnlineStore]


class Killed(BaseException):
    """What ends a process."""


class Killing:
    """A store whose publisher is killed at its n-th publication: before it, in the middle of it, or after it."""

    def __init__(self, store: OnlineStore, n: int, when: str) -> None:
        self._store, self._left, self._when = store, n, when

    def publish(self, publication: Publication) -> None:
        self._left -= 1
        if self._left or self._when == "after":
            self._store.publish(publication)
        elif self._when == "within":
            self._store.publish(replace(publication, rows=self._half(publication)))
        if not self._left:
            raise Killed

    @staticmethod
    def _half(publication: Publication) -> Any:
        yield from list(publication.rows)[::2]
        raise Killed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def state_rows(window: Window, plus: float = 0.0) -> list[tuple[Any, ...]]:
    return [(shop, at, float(number) + plus) for number, at in enumerate(ticks(window)) for shop in ("a", "b")]


def events_rows(window: Window, step: timedelta = 5 * HOUR, plus: int = 0) -> list[tuple[Any, ...]]:
    times = [part.start + timedelta(minutes=7) for part in window.split(step)]
    return [("a", size, at, plus + number, at) for number, at in enumerate(times) for size in (1, 2)]


def compute_first(tables: Tables) -> JobContext:
    """Compute the first two days."""
    context = JobContext(tables, small_use_case(), LocalFeatureStore(tables))
    put(context, STATE, state_rows(FIRST), FIRST)
    # One key was last seen long ago.
    put(context, EVENTS, [*events_rows(FIRST), ("old", 1, T + HOUR, 99, T), ("older", 1, T, 98, T)], FIRST)
    put(context, THINGS, [("a", None, Decimal(1)), ("b", None, Decimal(2))], FIRST)
    return context


@pytest.fixture
def context(tables: Tables) -> JobContext:
    return compute_first(tables)


@pytest.fixture(scope="module")
def of_two_days(open_tables: Callable[[str], Tables]) -> Iterator[JobContext]:
    """The first two days, for tests that compute nothing more."""
    tables = open_tables("of_two_days")
    yield compute_first(tables)
    tables.spark.sql(f"DROP SCHEMA {tables.schema} CASCADE")


def compute_second(context: JobContext) -> None:
    """Compute the next day."""
    put(context, STATE, state_rows(SECOND), SECOND)
    put(context, EVENTS, events_rows(SECOND), SECOND)
    put(context, THINGS, [("a", None, Decimal(3)), ("c", None, Decimal(4))], SECOND)


def compute_anew(context: JobContext) -> None:
    """Compute some hours anew: two of the last day, and many of before, of which the store has but the newest rows."""
    put(context, STATE, state_rows(ANEW, 0.5), ANEW)
    put(context, EVENTS, [("a", 1, ANEW.start, -1, T)], ANEW)
    # What was known last of the other size is gone: what was known before that counts again.
    put(context, EVENTS, [("a", 1, LONG_AGO.start, -2, T)], LONG_AGO)


def content(path: Path) -> list[tuple[Any, ...]]:
    """Read all rows of a store's file."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute(f"SELECT * FROM {ROWS}").fetchall())


@pytest.mark.nightly
def test_publications_one_after_the_other_lead_to_what_one_of_all_leads_to(
    context: JobContext, registry: CentralRegistry, open_file: OpenFile, tmp_path: Path
) -> None:
    """Five publications of three tables, computed in three steps."""
    store, at_once = open_file("one by one.db"), open_file("at once.db")
    first = job.run(context, registry, store, as_of=FIRST.end)
    compute_second(context)
    second = job.run(context, registry, store, as_of=SECOND.end)
    compute_anew(context)

    third = job.run(context, registry, store, as_of=SECOND.end)
    whole = job.run(context, registry, at_once, as_of=SECOND.end)
    again = job.run(context, registry, store, as_of=SECOND.end)
    anew = job.run(context, registry, store, as_of=SECOND.end, anew=True)

    assert content(tmp_path / "one by one.db") == content(tmp_path / "at once.db")
    assert first.states != second.states != third.states
    assert third.states == whole.states == again.states == anew.states == store.states()
    assert [result.rows.get("state") for result in (first, second, third, whole)] == [2 * 24, 2 * 24, 2 * 2, 2 * 24]
    assert [result.rows.get("things") for result in (first, second, third, whole)] == [2, 2, None, 2]
    assert (again.rows, anew.rows, third.reaches_to) == ({}, whole.rows, SECOND.end)
    [known] = store.read([Ask("events", ("a", 2), to_micros(SECOND.start), columns=("seen_at",))])
    assert known is not None
    assert known.known_at == to_micros(T + 25 * HOUR + timedelta(minutes=7))


def test_what_is_kept_is_what_lookups_can_ask_for(
    of_two_days: JobContext, registry: CentralRegistry, open_file: OpenFile
) -> None:
    store = open_file("online.db")

    states = job.run(of_two_days, registry, store, as_of=FIRST.end).states

    kept_from = FIRST.end - DAY
    assert (states["state"].kept_from, states["state"].oldest) == (kept_from, kept_from)
    assert (states["events"].kept_from, states["events"].oldest) == (kept_from, kept_from - MAX_AGE)
    at = to_micros(kept_from)
    asks = [Ask("events", (shop, 1), at, columns=("count",)) for shop in ("a", "old", "older")]
    assert [known and known.values for known in store.read(asks)] == [(4,), (99,), (98,)]
    assert states["things"].table.columns == ("made", "weight")


def test_nothing_that_became_known_later_is_published(
    of_two_days: JobContext, registry: CentralRegistry, open_file: OpenFile
) -> None:
    store, early = open_file("online.db"), FIRST.end - 90 * timedelta(minutes=1)

    result = job.run(of_two_days, registry, store, as_of=early)

    [known] = store.read([Ask("state", ("a",), to_micros(FIRST.end))])
    assert (result.reaches_to, known and known.known_at) == (early, to_micros(FIRST.end - 2 * GRID))


@pytest.mark.parametrize(
    "when",
    [pytest.param("before", marks=pytest.mark.nightly), "within", pytest.param("after", marks=pytest.mark.nightly)],
)
def test_a_publication_that_was_killed_is_completed_by_the_next_one(
    context: JobContext, registry: CentralRegistry, open_file: OpenFile, tmp_path: Path, when: str
) -> None:
    """A run is killed at each of its tables, and followed by another one."""
    store = open_file("clean.db")
    job.run(context, registry, store, as_of=FIRST.end)
    store.close()  # now all of it is in the file
    before = (tmp_path / "clean.db").read_bytes()
    compute_second(context)
    clean = job.run(context, registry, open_file("clean.db"), as_of=SECOND.end)

    for n in range(1, 1 + len(LOOKUPS)):
        (tmp_path / f"{n}.db").write_bytes(before)
        store = open_file(f"{n}.db")
        with pytest.raises(Killed):
            job.run(context, registry, Killing(store, n, when), as_of=SECOND.end)
        job.run(context, registry, store, as_of=SECOND.end)

        assert content(tmp_path / f"{n}.db") == content(tmp_path / "clean.db")
        assert store.states() == clean.states


def test_a_run_is_noted_with_its_counts_and_how_far_it_reaches(
    context: JobContext, registry: CentralRegistry, open_file: OpenFile
) -> None:
    store = open_file("online.db")
    with suppress(Killed):
        job.run(context, registry, Killing(store, 2, "before"), as_of=FIRST.end)
    result = job.run(context, registry, store, as_of=FIRST.end)

    rows = sorted(context.tables.control_tables.rows(RUNS), key=lambda row: row["started_at"])
    assert [(row["stage"], row["status"], row["as_of"]) for row in rows] == [
        ("online", "failed", FIRST.end),
        ("online", "succeeded", FIRST.end),
    ]
    assert rows[1]["counts"] == {"published": sum(result.rows.values())}
    assert rows[1]["parameters"] == {"anew": "False", "reaches_to": iso(FIRST.end)}
    assert set(rows[1]["versions_read"]) >= {"state", "events", "things"}


def test_a_table_that_was_not_computed_is_named(tables: Tables, registry: CentralRegistry, open_file: OpenFile) -> None:
    context = JobContext(tables, small_use_case(), LocalFeatureStore(tables))
    with pytest.raises(TableError, match="state does not exist yet"):
        job.run(context, registry, open_file("online.db"), as_of=T)

    tables.append("state", tables.spark.createDataFrame([("a", T, 1.0)], SCHEMAS["state"]))
    with pytest.raises(AsOfError, match="'state' does not say how far it reaches: run `levelfive features --as-of"):
        job.run(context, registry, open_file("online.db"), as_of=T)


def test_a_column_that_no_store_can_hold_is_named_where_a_model_looks_it_up(
    tables: Tables, registry: CentralRegistry, open_file: OpenFile
) -> None:
    lookup = replace(LOOKUPS[2], columns=("parts",))
    by_weight = small_use_case((THINGS,), (replace(lookup, columns=("weight",)),))
    context = JobContext(tables, by_weight, LocalFeatureStore(tables))
    put(context, THINGS, [("a", [1], 1.0)], FIRST, "shop string, parts array<int>, weight double")

    result = job.run(context, registry, open_file("online.db"), as_of=T)

    assert result.states["things"].table.columns == ("weight",)
    refused = {"parts": "'things': the online store holds no values of type array<int>", "x": "no column x"}
    for column, match in refused.items():
        asks = JobContext(tables, small_use_case((THINGS,), (replace(lookup, columns=(column,)),)), context.features)
        with pytest.raises(ConfigError, match=match):
            job.run(asks, registry, open_file("online.db"), as_of=T)
