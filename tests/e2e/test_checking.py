"""What was scored is read back: a batch that is not what it should be is refused, and says what is wrong with it."""

from pathlib import Path

import pytest
from pyspark.sql import functions as F

from commands import run
from first_champion import AS_OF, LATER, Stage, on_flights
from levelfive.app import App
from levelfive.errors import DataError
from levelfive.predictions import PREDICTIONS
from levelfive.runs import RUNS
from levelfive.scoring import checking
from levelfive.scoring.job import ScoringResult
from levelfive.windows import Window, iso

SCORED = Window(AS_OF, LATER)


@pytest.fixture
def app(loop, tmp_path: Path) -> App:
    return loop.copy(tmp_path / "home", Stage.SCORED)


@pytest.fixture
def scored(loop) -> ScoringResult:
    return loop.scored


def one_row(app: App) -> str:
    """A condition that one prediction fulfils."""
    row = app.tables.read(PREDICTIONS).select(*app.use_case.key).first()
    return " AND ".join(f"{name} = '{row[name]}'" for name in app.use_case.key)


def test_a_batch_that_is_whole_is_told(app: App, scored: ScoringResult) -> None:
    found = checking.run(app.context, scored, as_of=LATER, min_rows=scored.rows)

    kept = app.tables.read(PREDICTIONS).agg(F.min("score"), F.max("score"), F.count("*")).collect()[0]
    assert (found.lowest, found.highest, found.rows) == tuple(kept)
    assert found.rows == scored.rows > 50
    (told,) = (row for row in app.tables.ledgers.rows(RUNS) if row["room"] == "check")
    assert (told["status"], told["model_version"], told["counts"]) == (
        "succeeded",
        scored.model_version,
        {"checked": scored.rows},
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM {table} WHERE {one}", "1 without a prediction"),
        ("INSERT INTO {table} SELECT * FROM {table} WHERE {one}", "1 with several predictions"),
        ("UPDATE {table} SET score = 1.5 WHERE {one}", "1 with a score that is not sound"),
        ("UPDATE {table} SET score = double('NaN') WHERE {one}", "1 with a score that is not sound"),
        ("UPDATE {table} SET score = NULL WHERE {one}", "1 with a score that is not sound"),
        ("UPDATE {table} SET model_version = '99' WHERE {one}", "1 without a prediction"),
    ],
)
def test_what_is_wrong_with_a_batch_is_said(app: App, scored: ScoringResult, change: str, says: str) -> None:
    app.tables.spark.sql(change.format(table=app.tables.name(PREDICTIONS), one=one_row(app)))

    with pytest.raises(DataError, match=f"there are {says}: see batch {scored.batch_id}"):
        checking.run(app.context, scored, as_of=LATER)

    assert [row["status"] for row in app.tables.ledgers.rows(RUNS) if row["room"] == "check"] == ["failed"]


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
