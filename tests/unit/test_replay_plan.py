"""The demo's clock covers each month once, and a home holds one history."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from flight_delay import USE_CASE
from levelfive.errors import ConfigError
from levelfive.replay_plan import Again, Replay, Step, clock, prepare_home
from levelfive.windows import utc


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


def test_starting_anew_deletes_the_old_history_and_nothing_else(tmp_path: Path) -> None:
    prepare_home(tmp_path, a_replay(), None)
    (tmp_path / "lakehouse").mkdir()
    (tmp_path / "mine.txt").write_text("keep")

    prepare_home(tmp_path, a_replay(Step.WEEK), Again.FRESH)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.json", "mine.txt"]


def test_a_folder_that_no_demo_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lakehouse").mkdir()

    with pytest.raises(ConfigError, match="no demo made"):
        prepare_home(tmp_path, a_replay(), Again.FRESH)
