"""Days that were missed are ingested in their order, though files of later days have landed already."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from first_champion import BEGIN, deliver

from levelfive.app import App
from levelfive.config import Settings
from levelfive.core.windows import Window, iso
from levelfive.data import job as data
from levelfive.errors import AsOfError

DAYS = tuple(Window(BEGIN, BEGIN + timedelta(days=3)).split(timedelta(days=1)))


def an_app(home: Path, schema: str) -> App:
    return App.local(home, Settings(table_schema=schema))


def table(app: App, name: str) -> pd.DataFrame:
    rows = app.tables.read(name).drop("loaded_at").toPandas()
    return rows.sort_values(list(rows.columns), ignore_index=True)


def flights_of(found: data.DataResult) -> list[data.LandedFile]:
    """List what is known of the files of flights, but for when each was copied."""
    return [replace(file, modified_at=None) for file in found.files if file.source == "flights"]


@pytest.mark.nightly
def test_each_run_takes_the_files_of_its_time_and_leaves_later_ones(tmp_path: Path, fixtures: Path) -> None:
    """Six runs of the data stage."""
    late, in_time = an_app(tmp_path / "late", "catching_up"), an_app(tmp_path / "in_time", "in_time")
    for day in DAYS:
        deliver(late.landing, fixtures, day)
    with pytest.raises(AsOfError, match="nothing of 'flights' from before; nothing was ingested"):
        data.run(late.context, landing=late.landing, as_of=BEGIN - timedelta(days=1))

    caught_up = [data.run(late.context, landing=late.landing, as_of=day.end) for day in DAYS]

    for day, found in zip(DAYS, caught_up, strict=True):
        deliver(in_time.landing, fixtures, day)
        expected = data.run(in_time.context, landing=in_time.landing, as_of=day.end)
        assert flights_of(found) == flights_of(expected), iso(day.end)
        assert expected.left == ()
    # A file of weather begins an hour before its day, so that the next day's is due already.
    assert [len(found.left) for found in caught_up] == [3, 1, 0]
    for name in ("raw_flights", "raw_weather"):
        pd.testing.assert_frame_equal(table(late, name), table(in_time, name))
    again = data.run(late.context, landing=late.landing, as_of=DAYS[0].end)
    assert (again.files, again.left) == ((), ())
