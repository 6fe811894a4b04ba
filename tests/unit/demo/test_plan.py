"""The demo's clock covers each month once, and a home holds one history."""

import gzip
import io
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from flight_delay import USE_CASE
from levelfive.core.windows import Window, utc
from levelfive.demo.plan import Again, Replay, Step, clock, land, plan_of, prepare_home
from levelfive.errors import ConfigError, LandingError
from levelfive.formats import Csv, Format, JsonLines, Parquet, read_whole
from levelfive.usecase.sources import Source


def a_replay(step: Step = Step.MONTH, first: int = 1, last: int = 12) -> Replay:
    return Replay("flight_delay", step, first, last, "fixtures")


@pytest.mark.parametrize("step", list(Step))
def test_the_windows_cover_the_year_without_a_gap(step: Step) -> None:
    windows = list(clock(USE_CASE, USE_CASE.replay, a_replay(step)))

    assert all(before.end == after.start for before, after in pairwise(windows))
    assert (utc(2013, 1, 1, 6), utc(2014, 1, 1, 6)) == (windows[0].start, windows[-1].end)


def test_a_week_is_seven_days() -> None:
    windows = list(clock(USE_CASE, USE_CASE.replay, a_replay(Step.WEEK, last=5)))

    assert {timedelta(days=7)} == {w.end - w.start for w in windows[1:-1]}


@pytest.mark.parametrize(("first", "last"), [(1, 3), (0, 6), (6, 5), (10, 13)])
def test_months_that_cannot_be_trained_and_scored_are_refused(first: int, last: int) -> None:
    with pytest.raises(ConfigError, match="--months"):
        list(clock(USE_CASE, USE_CASE.replay, a_replay(first=first, last=last)))


def test_a_home_with_a_history_is_not_touched_without_a_word(tmp_path: Path) -> None:
    prepare_home(tmp_path, a_replay(), None)

    with pytest.raises(ConfigError, match=r"--continue.*--fresh"):
        prepare_home(tmp_path, a_replay(), None)


def test_a_home_continues_no_other_demo(tmp_path: Path) -> None:
    prepare_home(tmp_path, a_replay(), None)

    with pytest.raises(ConfigError, match="holds another demo"):
        prepare_home(tmp_path, a_replay(Step.WEEK), Again.CONTINUE)


def test_starting_anew_is_refused_where_another_use_case_has_tables(tmp_path: Path) -> None:
    prepare_home(tmp_path, a_replay(), None)
    for schema in ("flight_delay", "shop"):
        (tmp_path / "lakehouse" / f"{schema}.db").mkdir(parents=True)

    with pytest.raises(ConfigError, match=r"several use cases \(flight_delay, shop\), all of which --fresh would"):
        prepare_home(tmp_path, a_replay(), Again.FRESH)

    assert (tmp_path / "lakehouse" / "shop.db").is_dir()


def test_starting_anew_deletes_the_old_history_and_nothing_else(tmp_path: Path) -> None:
    prepare_home(tmp_path, a_replay(), None)
    for name in ("lakehouse", "online", "plots"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine.txt").write_text("keep")

    prepare_home(tmp_path, a_replay(Step.WEEK), Again.FRESH)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.json", "mine.txt"]


def test_a_folder_that_no_demo_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lakehouse").mkdir()

    with pytest.raises(ConfigError, match="no demo made"):
        prepare_home(tmp_path, a_replay(), Again.FRESH)


CALENDAR = b'year,month,day,text\n2013,1,1,NA\n2013,1,2,"NA"\n2013,1,3,"say ""hi"""\n2013,1,4,c\n'
DAYS = Window(utc(2013, 1, 2, 6), utc(2013, 1, 4, 6))


@pytest.mark.parametrize("one", [Csv(), Parquet(), JsonLines()])
def test_a_slice_of_a_month_is_read_as_the_month_is(tmp_path: Path, one: Format) -> None:
    columns = {"year": "int", "month": "int", "day": "int", "text": "string"}
    source = Source("days", columns, ("day",), event_time="at", format=one)
    month = read_whole(Csv(), Path("month.csv"), io.BytesIO(CALENDAR), {})
    (tmp_path / "fixtures" / "days").mkdir(parents=True)
    file = tmp_path / "fixtures" / "days" / f"days_2013-01{one.endings[-1]}"
    file.write_bytes(one.bytes_of(file, month))

    land(
        replace(USE_CASE, sources=(source,)),
        plan_of(USE_CASE),
        tmp_path / "fixtures",
        tmp_path / "landing",
        window=DAYS,
    )

    (target,) = (tmp_path / "landing" / "days").iterdir()
    assert target.name == f"days_2013-01-02_to_2013-01-04{one.endings[-1]}"
    assert read_whole(one, target, io.BytesIO(target.read_bytes()), columns).rows == month.rows.slice(1, 2)


def test_a_slice_of_real_flights_is_a_part_of_the_file(tmp_path: Path, fixtures: Path) -> None:
    land(USE_CASE, plan_of(USE_CASE), fixtures, tmp_path, window=DAYS)

    (target,) = (tmp_path / "flights").iterdir()
    lines = gzip.decompress((fixtures / "flights" / "flights_2013-01.csv.gz").read_bytes()).splitlines()
    chosen = [line for line in lines[1:] if line.startswith((b"2013,1,2,", b"2013,1,3,"))]
    assert [lines[0], *chosen] == gzip.decompress(target.read_bytes()).splitlines()


def test_a_fixture_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        LandingError, match=r"fixture .*airports\.csv or .*airports\.csv\.gz is missing; `make fixtures`"
    ):
        land(USE_CASE, plan_of(USE_CASE), tmp_path / "none", tmp_path / "landing", window=DAYS)
