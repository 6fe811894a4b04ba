"""A home that an earlier levelfive made is opened: `verdicts` of before there were days that are left out.

The folder `earlier_home` was written by the code of commit 45e3586~1.
"""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from levelfive.core.windows import Window, utc
from levelfive.errors import TableError
from levelfive.monitoring.verdict import VERDICTS, VerdictRecord
from levelfive.storage.delta_rs_control_tables import DeltaRsControlTables
from levelfive.storage.records import from_row

EARLIER = Path(__file__).parent / "earlier_home"
FIRST = Window(utc(2013, 2, 4, 6), utc(2013, 2, 11, 6))
SECOND = Window(FIRST.end, FIRST.end + timedelta(days=7))
MODEL = "levelfive.dev.flight_delay"


@pytest.fixture
def control_tables(tmp_path: Path) -> DeltaRsControlTables:
    shutil.copytree(EARLIER, tmp_path / "home")
    return DeltaRsControlTables(lambda table: tmp_path / "home" / table)


def a_verdict(window: Window, **said: object) -> VerdictRecord:
    about = {"model_name": MODEL, "model_version": "1", "window": window, "as_of": window.end}
    measured = {"days": 7, "rows": 6000, "drifted_share": 0.25, "calibration": None, "skill": None}
    words = {"outside": ("temperature",), "unusual": (), "harmful": (), "broken": ()}
    return VerdictRecord(**{**about, **measured, **words, **said})


BEFORE = [
    a_verdict(FIRST),
    a_verdict(SECOND, rows=6001, calibration=(-0.01, 0.02), skill=(0.1, 0.2), broken=("flights: rows are missing",)),
]


def known(control_tables: DeltaRsControlTables) -> list[VerdictRecord]:
    records = (from_row(VerdictRecord, row) for row in control_tables.rows(VERDICTS, where={"model_name": MODEL}))
    return sorted(records, key=lambda record: (record.window, record.as_of))


def test_what_it_said_is_read(control_tables: DeltaRsControlTables) -> None:
    assert known(control_tables) == BEFORE


def test_what_is_said_today_is_added_with_what_is_new(control_tables: DeltaRsControlTables) -> None:
    keys = ("model_name", "model_version", "window_start", "window_end", "as_of")
    today = a_verdict(SECOND, as_of=SECOND.end + timedelta(days=1), left_out=(date(2013, 2, 12),))

    again, new = control_tables.add(VERDICTS, BEFORE, keys), control_tables.add(VERDICTS, [today], keys)

    assert (again.rows, new.rows) == (0, 1)
    assert known(control_tables) == [*BEFORE, today]


def test_a_row_without_what_a_record_must_have_is_refused(control_tables: DeltaRsControlTables) -> None:
    row = control_tables.rows(VERDICTS)[0]

    with pytest.raises(TableError, match="a row without `rows` is no VerdictRecord"):
        from_row(VerdictRecord, {**row, "rows": None})
