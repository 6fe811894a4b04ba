"""What was scored is read back: a batch that is not what it should be is refused, and says what is wrong with it."""

from pathlib import Path

import pytest
from commands import run
from first_champion import AS_OF, LATER, Stage, on_flights
from pyspark.sql import functions as F

from levelfive.app import App
from levelfive.core.windows import Window, iso
from levelfive.errors import DataError
from levelfive.scoring import checking
from levelfive.scoring.job import ScoringResult
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import RUNS

SCORED = Window(AS_OF, LATER)


@pytest.fixture
def app(loop, tmp_path: Path) -> App:
    return loop.copy(tmp_path / "home", Stage.SCORED)


@pytest.fixture
def scored(loop) -> ScoringResult:
    return loop.scored


def some_rows(app: App, number: int) -> list[str]:
    """Conditions, each of which one prediction fulfils."""
    rows = app.tables.read(PREDICTIONS).select(*app.use_case.key).limit(number).collect()
    return [" AND ".join(f"{name} = '{row[name]}'" for name in app.use_case.key) for row in rows]


def test_a_batch_that_is_whole_is_told(app: App, scored: ScoringResult) -> None:
    found = checking.run(app.context, scored, as_of=LATER, min_rows=scored.rows)

    kept = app.tables.read(PREDICTIONS).agg(F.min("score"), F.max("score"), F.count("*")).collect()[0]
    assert (found.lowest, found.highest, found.rows) == tuple(kept)
    assert found.rows == scored.rows > 50
    (told,) = (row for row in app.tables.control_tables.rows(RUNS) if row["stage"] == "check")
    assert (told["status"], told["model_version"], told["counts"]) == (
        "succeeded",
        scored.model_version,
        {"checked": scored.rows},
    )


def test_what_is_wrong_with_a_batch_is_said(app: App, scored: ScoringResult) -> None:
    gone, doubled, version, *scores = some_rows(app, 6)
    rows = (
        app.tables.read(PREDICTIONS)
        .where(f"NOT ({gone})")
        .withColumns(
            {
                "score": F.expr(f"CASE WHEN {scores[0]} THEN 1.5 WHEN {scores[1]} THEN double('NaN') ELSE score END"),
                "model_version": F.expr(f"IF({version}, '99', model_version)"),
            }
        )
    )
    rows = rows.withColumn("score", F.expr(f"IF({scores[2]}, NULL, score)"))
    app.tables.overwrite(PREDICTIONS, rows.unionByName(rows.where(doubled)))

    wrong = "2 without a prediction, 1 with several predictions, 3 with a score that is not sound"
    with pytest.raises(DataError, match=f"there are {wrong}: see batch {scored.batch_id}"):
        checking.run(app.context, scored, as_of=LATER)

    assert [row["status"] for row in app.tables.control_tables.rows(RUNS) if row["stage"] == "check"] == ["failed"]


@on_flights
def test_a_window_with_too_few_rows_is_refused_by_the_command(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    """Two commands that score a day."""
    # The catalog of the session is shared: the command needs the copy's own schema.
    (app.home / "levelfive.yml").write_text(f"table_schema: {app.tables.schema}\n")
    window = ["--as-of", iso(LATER), "--from", "P1D"]

    assert run(app.home, "scoring", *window) == 0
    assert run(app.home, "scoring", *window, "--min-rows", "100000") == 2

    said = capsys.readouterr()
    assert "rows has one prediction." in said.out
    assert "at least 100,000 were expected: has their data landed?" in said.err
