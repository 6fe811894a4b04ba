"""Who scores a window, what is refused before a row is scored, and which runs are rebuilt from commits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from in_memory.release import HOUR, LATER, Environment, a_context, runs
from in_memory.tables import MemoryTables
from recorded import Kept

from flight_delay import USE_CASE
from levelfive.core.windows import Window, iso
from levelfive.data.missing import count_days
from levelfive.errors import AsOfError, DamagedModel, LevelfiveError, ModelNotFound, RegistryError, TableError
from levelfive.models.package import Model
from levelfive.scoring import job as scoring
from levelfive.scoring import rebuilding
from levelfive.scoring.batch import batch_id
from levelfive.scoring.rebuilding import BATCHES, AnnouncedBatch, note_batch, rebuild_runs
from levelfive.storage.commits import Commit
from levelfive.storage.predictions import PREDICTIONS, Role
from levelfive.storage.records import from_row
from levelfive.storage.runs import Run
from levelfive.storage.tables import WATERMARK

DAY = Window(LATER - timedelta(days=1), LATER)


def refused(production: Environment, error: type[LevelfiveError], **how: object) -> tuple[str, dict[str, object]]:
    """Score in vain: what was said, and the row of the run."""
    with pytest.raises(error) as raised:
        scoring.run(production.context, production.registry, **{"window": DAY, "as_of": LATER + HOUR, **how})
    run = runs(production.tables)[-1]
    assert (run["stage"], run["status"], run["error"]) == (
        "scoring",
        "failed",
        f"{type(raised.value).__name__}: {raised.value}",
    )
    assert not production.tables.exists(PREDICTIONS)
    return str(raised.value), run


def test_a_window_beyond_the_logical_now_is_refused(production: Environment) -> None:
    production.released()

    said, run = refused(production, AsOfError, as_of=LATER - HOUR)

    assert "beyond as_of 2013-02-18T05:00:00Z; end it there or give a later --as-of" in said
    assert (run["as_of"], run["parameters"]) == (LATER - HOUR, {"window": str(DAY), "version": "None"})


def test_there_is_no_champion_at_the_time_of_its_promotion_and_before(production: Environment) -> None:
    production.released()

    for as_of in (LATER, LATER - HOUR):
        said, run = refused(production, RegistryError, window=Window(DAY.start, LATER - HOUR), as_of=as_of)
        assert f"no champion as of {iso(as_of)}: run `levelfive training --as-of {iso(as_of)}`" in said
        assert run["model_version"] is None


def test_a_champion_whose_files_are_gone_does_not_score(production: Environment) -> None:
    live = production.released()
    production.backend.lose_files(production.registry.name, live)

    said, run = refused(production.reopened(), DamagedModel)

    assert "are gone" in said
    assert run["model_version"] == live


def test_a_version_that_is_not_there_does_not_score(production: Environment) -> None:
    production.released()

    _, run = refused(production, ModelNotFound, version="999")

    assert run["model_version"] == "999"


@pytest.mark.parametrize("named", [None, "another"], ids=["the champion", "a version by its name"])
def test_a_version_that_is_there_asks_for_what_its_rows_are_made_of(production: Environment, named: str | None) -> None:
    live = production.released()
    chosen = production.another(live) if named else live

    said, run = refused(production, TableError, version=named and chosen)

    assert "raw_flights does not exist yet: run the stage that writes it first" in said
    assert run["model_version"] == chosen


def test_all_that_is_said_of_a_scoring_names_its_version_and_batch(production: Environment, recorded: Kept) -> None:
    live = production.released()
    name = production.registry.name

    refused(production, TableError)

    scored = recorded.spans[-1]
    assert (scored.name, scored.fields["model_version"]) == ("scoring", live)
    assert scored.fields["batch_id"] == batch_id("flight_delay", DAY, name, live, role=Role.CHAMPION)


def test_a_window_that_looks_back_to_a_hole_is_marked_in_the_run(production: Environment) -> None:
    production.released()
    days = [LATER.date() - place * timedelta(days=1) for place in range(90) if not 3 <= place < 5]
    count_days(Run(production.tables, "earlier"), {"flights": {"a-file": dict.fromkeys(days, 900)}}, LATER)

    _, run = refused(production, TableError)

    assert run["parameters"] == {
        "window": str(DAY),
        "version": "None",
        "missing": "flights 2013-02-14 to 2013-02-15",
    }
    assert run["counts"] == {"missing_days": 2}


def a_commit(version: int, run_id: str, batch_id: str = "a-batch") -> Commit:
    """Build a commit of predictions with the record that scoring leaves in it."""
    record = {
        "run_id": run_id,
        "batch_id": batch_id,
        "use_case": "flight_delay",
        "as_of": iso(LATER),
        "parameters": {"window": str(DAY), "version": "None"},
        "role": "champion",
        "model_version": "2",
        "versions_read": {"raw_flights": 3},
    }
    return Commit(version, record, rows=10)


def test_the_run_of_a_batch_is_rebuilt_from_its_commit_once() -> None:
    commits = (a_commit(0, "killed"), a_commit(1, "of another", "another-batch"), Commit(2, {}))
    context = a_context(MemoryTables(commits={PREDICTIONS: commits}))

    rebuilt = [rebuild_runs(context, "a-batch") for _ in range(2)]

    assert rebuilt == [1, 0]
    (run,) = context.tables.control_tables.rows("runs")
    assert (run["run_id"], run["stage"], run["status"], run["rebuilt"]) == ("killed", "scoring", "succeeded", True)
    assert (run["as_of"], run["model_version"], run["parameters"]) == (
        LATER,
        "2",
        {"window": str(DAY), "version": "None"},
    )
    assert (run["versions_read"], run["versions_written"]) == ({"raw_flights": 3}, {PREDICTIONS: 0})


def announced(tables: MemoryTables, run_id: str, *, seen: int, as_of: datetime = LATER) -> None:
    """Let a scoring of the batch announce itself when a version of predictions was the newest."""
    run = Run(tables, run_id)
    record = dict(a_commit(0, run_id).record) | {"as_of": iso(as_of)}
    note_batch(run, record, DAY)
    (row,) = (one for one in tables.control_tables.rows(BATCHES) if one["run_id"] == run_id)
    tables.control_tables.replace(BATCHES, [from_row(AnnouncedBatch, {**row, "seen": seen})], ("run_id",))


def test_the_run_of_a_batch_is_found_in_the_commits_since_it_announced_itself() -> None:
    others = tuple(Commit(version, {}) for version in range(9, 60))
    tables = MemoryTables(commits={PREDICTIONS: (Commit(7, {}), a_commit(8, "killed"), *others)})
    announced(tables, "killed", seen=7)
    announced(tables, "killed before its commit", seen=59)

    rebuilt = [rebuild_runs(a_context(tables), "a-batch") for _ in range(2)]

    assert rebuilt == [1, 0]
    (run,) = tables.control_tables.rows("runs")
    assert (run["run_id"], run["as_of"], run["versions_written"]) == ("killed", LATER, {PREDICTIONS: 8})


def test_a_batch_whose_runs_are_written_down_reads_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = MemoryTables(commits={PREDICTIONS: (a_commit(8, "done"),)})
    announced(tables, "done", seen=7)
    context = a_context(tables)
    assert rebuild_runs(context, "a-batch") == 1
    monkeypatch.delattr(MemoryTables, "history")

    assert rebuild_runs(context, "a-batch") == 0


def test_of_a_batch_that_delta_has_forgotten_the_predictions_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "_has_predictions", lambda _, row: row["as_of"] == LATER)
    tables = MemoryTables(commits={PREDICTIONS: (Commit(900, {}),)})
    for run_id, as_of in (("killed", LATER), ("of the same time", LATER), ("without rows", LATER + HOUR)):
        announced(tables, run_id, seen=7, as_of=as_of)

    rebuilt = [rebuild_runs(a_context(tables), "a-batch") for _ in range(2)]

    assert rebuilt == [1, 0]
    (run,) = tables.control_tables.rows("runs")
    assert (run["as_of"], run["versions_written"], run["rebuilt"]) == (LATER, {}, True)


def test_a_batch_that_was_never_written_has_no_run_to_rebuild() -> None:
    for tables in (MemoryTables(), MemoryTables(commits={PREDICTIONS: (a_commit(0, "of another", "another-batch"),)})):
        assert rebuild_runs(a_context(tables), "a-batch") == 0
        assert tables.control_tables.rows("runs") == []


def test_a_run_that_fails_later_has_rebuilt_what_was_killed_before_it(production: Environment) -> None:
    live = production.released()
    batch = batch_id("flight_delay", DAY, production.registry.name, live, role=Role.CHAMPION)
    commits = {PREDICTIONS: (a_commit(0, "killed", batch),)}
    tables = MemoryTables(commits=commits)
    tables.control_tables = production.tables.control_tables
    scored = replace(production, context=a_context(tables))

    with pytest.raises(TableError, match="raw_flights"):
        scoring.run(scored.context, scored.registry, window=DAY, as_of=LATER + HOUR)

    rebuilt = [row["run_id"] for row in tables.control_tables.rows("runs", where={"rebuilt": True})]
    assert rebuilt == ["killed"]


def test_a_window_beyond_what_the_features_were_computed_for_is_refused(
    production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = production.registry.load(production.released())
    with_state = replace(live.card, lookups=USE_CASE.model.lookups)
    monkeypatch.setattr(production.registry, "load", lambda version: Model(live.estimator, with_state))
    ends = {"origin_state": DAY.end, "rotation": DAY.end - HOUR}
    commits = {table: (Commit(0, {WATERMARK: iso(end)}),) for table, end in ends.items()}
    tables = MemoryTables(commits=commits)
    tables.control_tables = production.tables.control_tables

    said, _ = refused(replace(production, context=a_context(tables)), AsOfError)

    assert said.startswith(f"features reach to {iso(DAY.end - HOUR)}, and the window {DAY} beyond that: run `levelfive")
