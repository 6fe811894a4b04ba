"""What `levelfive data` says of days on which rows are missing, and how a person acknowledges them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from commands import run
from in_memory.release import a_context
from in_memory.tables import MemoryTables

from levelfive.cli.options import Shared
from levelfive.core.windows import utc
from levelfive.data import job as data_job
from levelfive.data.job import DataResult
from levelfive.data.missing import Hole, count_days
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.use_case import UseCase

AS_OF = utc(2013, 7, 1, 6)
MAY = Hole("flights", date(2013, 5, 1), date(2013, 5, 31))
DAYS = ("--source", "flights", "--from", "2013-05-01", "--to", "2013-05-30")


@dataclass
class App:
    """An application in memory, where May is missing."""

    context: JobContext
    starter: str = "grace@example.com"
    landing: Path = Path()

    @property
    def use_case(self) -> UseCase:
        return self.context.use_case


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    context = a_context(MemoryTables())
    days = [date(2013, 1, 1) + timedelta(days=place) for place in range(180)]
    files = {"a-file": {day: 900 for day in days if day.month != MAY.first.month}}
    count_days(Run(context.tables, "earlier"), {"flights": files}, AS_OF)
    found = App(context)
    monkeypatch.setattr(Shared, "open_app", lambda *_: found)
    return found


def test_missing_days_are_said_with_what_to_do(
    app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = DataResult("a-run", (), missing=(MAY, Hole("weather", MAY.last, MAY.last)), too_few_days={"tides": 3})
    monkeypatch.setattr(data_job, "run", lambda *_, **__: found)

    assert run(tmp_path, "data", "--as-of", "2013-07-01T06:00Z") == 0

    said = " ".join(capsys.readouterr().out.split())
    assert "flights 2013-05-01 to 2013-05-31 (31 days); weather 2013-05-31 (1 day)" in said
    acknowledge = f"levelfive --home {tmp_path} data acknowledge --source SOURCE --from DAY --to DAY --reason WHY"
    assert f"Deliver the files, or acknowledge the days by `{acknowledge}`." in said
    assert "Too few days have rows to tell whether some are missing: tides (3)." in said


@pytest.mark.parametrize(
    ("given", "who"),
    [((), "grace@example.com"), (("--by", "ada"), "grace@example.com (for ada)")],
    ids=["alone", "for"],
)
def test_who_acknowledges_is_who_is_signed_in(
    app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], who: str
) -> None:
    assert run(tmp_path, "data", "acknowledge", *DAYS, *given, "--reason", "closed") == 0

    (row,) = app.context.tables.control_tables.rows(ANNOTATIONS)
    assert (row["by"], row["reason"]) == (who, "closed")
    said = " ".join(capsys.readouterr().out.split())
    assert f"Acknowledged by {who}: flights 2013-05-01 to 2013-05-30." in said
    assert "There are still days on which rows are missing: flights 2013-05-31 (1 day)." in said
