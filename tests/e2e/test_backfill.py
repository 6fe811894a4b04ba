"""A range of days is scored as a scheduler would have, each with the champion of its own end."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from commands import run
from first_champion import AS_OF, LATER, on_flights, on_shop

from levelfive.app import App
from levelfive.core.windows import Window, iso
from levelfive.errors import ConfigError, LevelfiveError
from levelfive.registry.promotions import append, history
from levelfive.scoring import backfill
from levelfive.scoring import job as scoring
from levelfive.storage.predictions import PREDICTIONS

DAY = timedelta(days=1)
SHOWN = ["score", "model_version", "role", "batch_id", "scored_as_of"]


@pytest.fixture
def app(loop, tmp_path: Path) -> App:
    """A home whose champion of AS_OF is followed by another one during the last day."""
    copied = loop.copy(tmp_path / "home")
    (first,) = history(copied.tables, copied.registry.name)
    second = replace(first, seq=2, version=loop.trained.candidate_version, promoted_at=LATER - timedelta(hours=1))
    append(copied.tables, second)
    return copied


def predictions(app: App) -> pd.DataFrame:
    shown = [*app.use_case.key, *SHOWN]
    return app.tables.read(PREDICTIONS).select(*shown).toPandas().sort_values(shown, ignore_index=True)


@pytest.mark.nightly
@on_shop
def test_each_day_is_scored_once_by_the_champion_of_its_end(loop, app: App, tmp_path: Path) -> None:
    """Nine windows are scored."""
    by_hand = loop.copy(tmp_path / "by_hand")
    append(by_hand.tables, history(app.tables, app.registry.name)[1])
    for day in Window(AS_OF, LATER).split(DAY):
        scoring.run(by_hand.context, by_hand.registry, window=day, as_of=day.end)

    parts = backfill.run(app.context, app.registry, within=Window(AS_OF, LATER), each=DAY, at_once=3)
    again = backfill.run(app.context, app.registry, within=Window(AS_OF, LATER), each=DAY, at_once=3)

    assert [part.outcome for part in parts if isinstance(part.outcome, LevelfiveError)] == []
    assert [first.window for first in parts] == list(Window(AS_OF, LATER).split(DAY))
    versions = [loop.trained.version, loop.trained.version, loop.trained.candidate_version]
    assert [part.outcome.model_version for part in parts] == versions
    assert [part.outcome.rows for part in again] == [0, 0, 0]
    pd.testing.assert_frame_equal(predictions(by_hand), predictions(app), check_exact=True)


@on_flights
def test_a_day_before_the_first_champion_does_not_keep_the_others_from_being_scored(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six windows are scored."""
    # The catalog of the session is shared: the command needs the copy's own schema.
    (app.home / "levelfive.yml").write_text(f"table_schema: {app.tables.schema}\n")
    span = ["--from", iso(AS_OF - DAY), "--to", iso(LATER)]

    assert run(app.home, "scoring", *span, "--each", "P2D", "--at-once", "1") == 0
    assert run(app.home, "scoring", *span) == 2

    said = capsys.readouterr().out
    assert "no champion as of 2013-02-15T06:00:00Z" in said
    assert "1 of 4 windows were refused; the others are scored." in said


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"each": timedelta(0)}, "a length such as P1D"), ({"at_once": 0}, "1 to 4"), ({"at_once": 5}, "1 to 4")],
)
def test_a_senseless_backfill_is_refused(loop, wrong: dict[str, object], says: str) -> None:
    app, sensible = loop.app, {"each": DAY, "at_once": 1}

    with pytest.raises(ConfigError, match=says):
        backfill.run(app.context, app.registry, within=Window(AS_OF, LATER), **{**sensible, **wrong})
