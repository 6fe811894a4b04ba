"""What a person says of a window that called one: who and why, as of when it counts, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from in_memory.release import HOUR, runs
from in_memory.retraining import DECIDED, WEEK, LiveModel

from levelfive.core.windows import Window
from levelfive.errors import ConfigError
from levelfive.monitoring import acknowledged
from levelfive.monitoring.acknowledged import acknowledgements
from levelfive.monitoring.left_out import LeftOut
from levelfive.monitoring.verdict import VerdictRecord
from levelfive.storage.annotations import ACKNOWLEDGED, ANNOTATIONS, Annotation
from levelfive.storage.runs import Run

NEXT = Window(WEEK.end, WEEK.end + timedelta(hours=12))
DAY = timedelta(days=1)


@pytest.fixture
def live(production, packages) -> LiveModel:
    return LiveModel.released(production, packages)


def acknowledge(live: LiveModel, window: Window = WEEK, as_of=DECIDED, **said) -> Annotation:
    word = {"by": "ada", "reason": "the strike", "as_of": as_of, **said}
    return acknowledged.acknowledge(live.production.context, live.production.registry.name, window, **word)


def known(live: LiveModel, as_of=DECIDED) -> dict[Window, Annotation]:
    run = Run(live.production.tables, "later")
    return dict(acknowledgements(run, live.production.registry.name, as_of=as_of))


def test_what_is_acknowledged_is_a_row_that_says_who_why_and_when(live: LiveModel) -> None:
    live.seen(live.version, harmful=("no skill",))

    acknowledge(live)

    (row,) = live.production.tables.control_tables.rows(ANNOTATIONS)
    run = runs(live.production.tables)[-1]
    assert row == {
        "kind": "acknowledged",
        "subject": f"model {live.production.registry.name}",
        "window_start": WEEK.start,
        "window_end": WEEK.end,
        "by": "ada",
        "reason": "the strike",
        "said_at": DECIDED,
        "until": None,
        "covers": ["harmful"],
        "left_out": "flagged",
        "run_id": run["run_id"],
    }
    assert (run["stage"], run["status"], run["parameters"]["reason"]) == ("acknowledgement", "succeeded", "the strike")


def test_the_last_word_as_of_a_time_counts_and_the_same_word_twice_is_one(live: LiveModel) -> None:
    live.seen(live.version, harmful=("no skill",))
    first, again = acknowledge(live), acknowledge(live)

    later = acknowledge(live, as_of=DECIDED + HOUR, by="grace", left_out=LeftOut.WINDOW)

    assert first == again
    assert known(live, DECIDED - HOUR) == {}
    assert known(live) == {WEEK: first}
    assert known(live, DECIDED + HOUR) == {WEEK: later}
    assert len(live.production.tables.control_tables.rows(ANNOTATIONS)) == 2


@pytest.mark.parametrize(
    ("window", "said", "words"),
    [
        (WEEK, {"by": " "}, "says who and why, got ' ': say who"),
        (WEEK, {"reason": ""}, "says who and why, got '': say why"),
        (NEXT, {}, "called nobody as of 2013-02-19T06:00:00Z; name one that did: "),
        (Window(WEEK.start, NEXT.end), {}, r"no verdict on the window .* is known as of .*; name one that did: "),
    ],
    ids=["no name", "no reason", "a calm window", "an unknown window"],
)
def test_what_cannot_be_acknowledged_is_refused(
    live: LiveModel, window: Window, said: dict[str, str], words: str
) -> None:
    live.seen(live.version, harmful=("no skill",))
    live.seen(live.version, window=NEXT)

    with pytest.raises(ConfigError, match=words):
        acknowledge(live, window, **said)

    assert not live.production.tables.exists(ANNOTATIONS)
    assert runs(live.production.tables)[-1]["status"] == "failed"


def test_where_nobody_was_called_it_is_said(live: LiveModel) -> None:
    with pytest.raises(ConfigError, match="so it called nobody; there is none that did, and nothing to do"):
        acknowledge(live)


def test_a_verdict_of_later_is_not_known_yet(live: LiveModel) -> None:
    live.seen(live.version, harmful=("no skill",))

    with pytest.raises(ConfigError, match="no verdict on the window"):
        acknowledge(live, as_of=WEEK.end - HOUR)


def test_two_words_at_one_time_are_refused(live: LiveModel) -> None:
    live.seen(live.version, harmful=("no skill",))
    acknowledge(live)

    with pytest.raises(ConfigError, match=r"is acknowledged by ada .*: give a later --as-of to say otherwise"):
        acknowledge(live, by="grace")


def told(window: Window, *days: date) -> VerdictRecord:
    nothing = dict.fromkeys(("outside", "unusual", "harmful"), ())
    measured = {"days": 7, "rows": 5000, "drifted_share": 0.0, "calibration": None, "skill": None}
    about = {"model_name": "m", "model_version": "1", "window": window, "as_of": window.end}
    return VerdictRecord(**about, **measured, **nothing, broken=("rows are missing",), left_out=days)


def word(window: Window, left_out: LeftOut, hours: int = 0) -> dict[Window, Annotation]:
    said = ("ada", "the strike", DECIDED + hours * HOUR)
    return {window: Annotation(ACKNOWLEDGED, "model m", window, *said, left_out=left_out)}


def test_of_acknowledgements_that_hold_a_flagged_day_the_last_one_counts() -> None:
    second = WEEK.start + DAY
    day, tuesday = Window(second, second + DAY), second.date()
    of_week, of_day = told(WEEK, tuesday), told(day, tuesday)

    def out(*words: dict[Window, Annotation]) -> tuple[Window, ...]:
        every = {window: one for word in words for window, one in word.items()}
        return acknowledged.excluded([of_week, of_day], every, day_starts_at=timedelta(hours=6))

    assert out() == (day,)
    assert out(word(WEEK, LeftOut.NOTHING)) == ()
    assert out(word(WEEK, LeftOut.NOTHING), word(day, LeftOut.FLAGGED, hours=1)) == (day,)
    assert out(word(WEEK, LeftOut.FLAGGED, hours=1), word(day, LeftOut.NOTHING)) == (day,)
    assert out(word(Window(day.end, WEEK.end), LeftOut.NOTHING)) == (day,)
    assert out(word(Window(day.end, WEEK.end), LeftOut.WINDOW)) == (day, Window(day.end, WEEK.end))
