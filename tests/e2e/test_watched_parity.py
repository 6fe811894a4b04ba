"""What single requests saw is held against the batch: skews that were planted are named by feature and day."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from asking import DAY, ask_for_day, ask_for_rows, ready, serving, settings_of
from first_champion import AS_OF, LATER, Stage, on_flights
from pyspark.sql import functions as F

from levelfive import ServingPolicy
from levelfive.app import App
from levelfive.core.days import day_of
from levelfive.core.windows import Window, iso
from levelfive.monitoring import job as monitoring
from levelfive.monitoring.consistency import CONSISTENCY
from levelfive.monitoring.performance_records import PERFORMANCE
from levelfive.monitoring.records import DRIFT, PROFILES
from levelfive.monitoring.verdict import VERDICTS
from levelfive.online import job as publishing
from levelfive.online.store import Ask, OnlineStore, OnlineTable, Publication, Row, StoredValues, TableState
from levelfive.scoring import requests
from levelfive.storage.predictions import PREDICTIONS, Role

pytestmark = pytest.mark.nightly
HOUR = timedelta(hours=1)
KILOMETRES = 1.609344
MICROSECONDS = 1_000_000
Change = Callable[[OnlineTable, Row], Row]


@dataclass(frozen=True)
class Skewed:
    """An online store whose publications are changed on their way."""

    store: OnlineStore
    change: Change

    def publish(self, publication: Publication) -> None:
        table = publication.state.table
        self.store.publish(replace(publication, rows=(self.change(table, row) for row in publication.rows)))

    def states(self) -> dict[str, TableState]:
        return dict(self.store.states())

    def read(self, asks: Sequence[Ask]) -> list[StoredValues | None]:
        return self.store.read(asks)

    def close(self) -> None:
        self.store.close()


def in_kilometres(table: str, column: str) -> Change:
    def change(of: OnlineTable, row: Row) -> Row:
        if of.name != table:
            return row
        place = of.columns.index(column)
        value = row.values[place]
        far = value if value is None else value * KILOMETRES
        return replace(row, values=(*row.values[:place], far, *row.values[place + 1 :]))

    return change


def a_tick_late(table: str, key: tuple[str, ...], tick: timedelta) -> Change:
    def change(of: OnlineTable, row: Row) -> Row:
        is_meant = of.name == table and row.key == key
        return replace(row, known_at=row.known_at + int(tick.total_seconds()) * MICROSECONDS) if is_meant else row

    return change


def both(*changes: Change) -> Change:
    def change(of: OnlineTable, row: Row) -> Row:
        for one in changes:
            row = one(of, row)
        return row

    return change


def consistency(app: App, *, window: Window) -> dict[tuple[date, str], dict[str, Any]]:
    rows = app.tables.control_tables.rows(CONSISTENCY)
    return {(row["day"], row["feature"]): row for row in rows if row["window_start"] == window.start}


def wrong(row: dict[str, Any]) -> int:
    return row["mismatches"] + row["missing"] + row["extra"]


def days(window: Window, app: App) -> Iterator[tuple[Window, date]]:
    for day in window.split(DAY):
        yield day, day_of(day.start, app.use_case.day_starts_at)


def monitored(app: App, window: Window) -> monitoring.MonitoringResult:
    """Monitor a window, with a store that may be behind by an hour."""
    context = replace(app.context, use_case=replace(app.use_case, serving=ServingPolicy(max_staleness=HOUR)))
    assert requests.run(context, app.registry, landing=app.landing, as_of=LATER) is not None
    return monitoring.run(context, app.registry, window=window, as_of=LATER)


def rounded(value: Any) -> Any:
    """Round the numbers of a value to ten digits."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def of_batches(app: App, table: str) -> list[dict[str, Any]]:
    """List what a table says of batches, without what differs from run to run, and sums to the order of their rows."""
    rows = app.tables.control_tables.rows(table)
    return sorted(
        (
            {name: rounded(value) for name, value in row.items() if name not in ("role", "serving")}
            for row in rows
            if row.get("role") in (None, "champion") and row.get("model") != "served"
        ),
        key=repr,
    )


def test_answers_are_predictions_that_match_the_batch_and_change_nothing_of_it(loop, tmp_path: Path) -> None:
    """Each row of three days is asked for, read once, monitored beside the batch, and found to be the same."""
    app, window = loop.copy(tmp_path / "home", Stage.MONITORED), Window(AS_OF, LATER)
    before = {table: of_batches(app, table) for table in (PERFORMANCE, PROFILES, DRIFT, VERDICTS)}
    with serving(settings_of(app), LATER) as url:
        asked = [ask_for_day(app, url, day, version=loop.trained.version) for day in window.split(DAY)]

    found = monitored(app, window)

    answers, served = sum(len(one.answers) for one in asked), F.col("role") == str(Role.SERVED)
    predictions = app.tables.read(PREDICTIONS)
    assert predictions.where(served).count() == answers == predictions.where(~served).count()
    assert [one.serving for one in found.verdicts.values() if any("differed" in text for text in one.serving)] == []
    told = consistency(app, window=window)
    features = {name for lookup in app.use_case.model.lookups for name in lookup.features}
    of_window = {day_of(hour.start, app.use_case.day_starts_at) for hour in window.split(HOUR)}
    assert set(told) == {(day, feature) for day in of_window for feature in features}
    assert sum(row["answers"] for row in told.values()) == answers * len(features)
    assert sum(wrong(row) for row in told.values()) == 0
    assert {table: of_batches(app, table) for table in before} == before
    performance = {row["model"]: row for row in app.tables.control_tables.rows(PERFORMANCE)}
    assert performance["served"]["metrics"] == pytest.approx(performance["live"]["metrics"])
    assert {row["role"] for row in app.tables.control_tables.rows(DRIFT)} == {"champion", "served"}

    again = requests.run(app.context, app.registry, landing=app.landing, as_of=LATER)

    assert again is not None
    assert again.files == ()
    assert app.tables.read(PREDICTIONS).where(served).count() == answers
    print(f"{answers:,} answers, {len(features)} features each: 0 differ from the batch join")


@on_flights
def test_planted_skews_are_named_by_feature_and_day(loop, tmp_path: Path) -> None:
    """A day is sound; on the next a unit is wrong and an airport late by a tick; then nothing is published."""
    app, window = loop.copy(tmp_path / "home", Stage.SCORED), Window(AS_OF, LATER)
    lookups = {lookup.table: lookup for lookup in app.use_case.model.lookups}
    (first, sound), (second, skewed), (third, stopped) = days(window, app)
    late = a_tick_late("origin_state", ("JFK",), lookups["origin_state"].grid)
    with serving(settings_of(app), LATER, "--max-staleness", "P2D") as url:
        ask_for_day(app, url, first, version=loop.trained.version)
        store = Skewed(app.online_store, both(in_kilometres("weather_state", "visib"), late))
        published = publishing.run(app.context, app.registry, store, as_of=second.end)
        ready(url, iso(published.reaches_to))
        ask_for_rows(app, url, second)
        ask_for_rows(app, url, third)

    (verdict,) = monitored(app, window).verdicts.values()

    told = consistency(app, window=window)
    assert not any(wrong(row) for (day, _), row in told.items() if day == sound)
    of_skewed = {feature: row for (day, feature), row in told.items() if day == skewed and wrong(row)}
    state = set(lookups["origin_state"].features)
    assert {"visib"} < set(of_skewed) <= {"visib", *state}
    assert not any(row["behind"] for row in of_skewed.values())
    assert of_skewed["visib"]["mismatches"] == of_skewed["visib"]["answers"]
    assert of_skewed["visib"]["max_difference"] == pytest.approx(10 * (KILOMETRES - 1))
    of_stopped = {feature for (day, feature), row in told.items() if day == stopped and wrong(row) > row["behind"]}
    assert {"wind_speed", "visib"} < of_stopped
    assert not of_stopped & set(lookups["aircraft"].features)
    assert any(text.startswith("visib differed from the batch in ") for text in verdict.serving)
    assert not any(str(sound) in text for text in verdict.serving)
    print(*verdict.serving, sep="\n")
