"""Triage answers in the order in which answers rest on each other, from what is known alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from multiclass import COLOURS
from reports import a_point

from levelfive import BINARY, REGRESSION, AlertRule, Multiclass, Quantiles, Severity, Task
from levelfive.core.windows import Window, utc
from levelfive.monitoring.alert_states import AlertRecord, State
from levelfive.registry.promotions import Promotion
from levelfive.reporting.data import MissingLine
from levelfive.reporting.triage import TriageFacts, TriageOutcome, triage
from levelfive.statistics.metrics import Estimate

AS_OF = utc(2013, 6, 10, 6)
WEEK = Window(AS_OF - timedelta(days=7), AS_OF)
QUESTIONS = [
    "Do rows come, enough and in time?",
    "Do rows keep the contract, and are columns whole?",
    "Are rows like those of the training?",
    "Are scores right on average?",
    "Do scores still tell rows apart?",
    "Who is affected?",
    "Go back to which version?",
]
VOLUME, CONTRACT, SUPPORT, CALIBRATION, RANKING, WHO, BACK = range(7)


def an_alert(alert: str, of: str = "", **kind: str) -> AlertRecord:
    return AlertRecord(
        model_name="m",
        model_version="3",
        window=WEEK,
        as_of=AS_OF,
        alert_id=f"{alert}:{of}" if of else alert,
        alert=alert,
        state=State.OPENED,
        raised=True,
        severity=Severity.WARNING,
        message="something",
        since=WEEK.start,
        rows=12,
        slices={"origin=JFK": 12},
        **kind,
    )


def estimate(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 7, 900)


CALM = a_point(window=WEEK, live={"auc": estimate(0.68, 0.72), "calibration": estimate(-0.01, 0.01)}, provisional=False)
LIVE = Promotion(2, "m", "3", "2", utc(2013, 6, 1), "promote", "ada", "better", "", "a-run")
FINE = TriageFacts(AS_OF, BINARY, (CALM,), live=LIVE)


def outcomes(known: TriageFacts) -> list[TriageOutcome]:
    return [answer.outcome for answer in triage(known)]


def test_the_questions_are_in_the_order_in_which_their_answers_rest_on_each_other() -> None:
    assert [answer.question for answer in triage(FINE)] == QUESTIONS


def test_where_all_is_well_nothing_is_to_be_done() -> None:
    answers = triage(FINE)

    assert outcomes(FINE) == [TriageOutcome.FINE] * 7
    assert [answer.command for answer in answers] == [""] * 7
    assert answers[BACK].lines == ("to none: nothing speaks against version 3",)
    assert answers[RANKING].lines[0].startswith("AUC 0.700 [0.680, 0.720] over 7 days in ")


def test_of_what_was_not_measured_nothing_is_said() -> None:
    known = TriageFacts(AS_OF, BINARY)

    assert outcomes(known) == [TriageOutcome.UNKNOWN] * 5 + [TriageOutcome.FINE, TriageOutcome.UNKNOWN]


@pytest.mark.parametrize(
    ("alert", "place", "command"),
    [
        (an_alert("volume_is_low"), VOLUME, "data --as-of 2013-06-10T06:00:00Z"),
        (an_alert("rows_are_missing"), VOLUME, "data --as-of 2013-06-10T06:00:00Z"),
        (an_alert("online_store_is_behind"), VOLUME, "data --as-of 2013-06-10T06:00:00Z"),
        (
            an_alert("column_is_broken", "temp", column_name="temp"),
            CONTRACT,
            "monitoring acknowledge --from 2013-06-03T06:00:00Z --to 2013-06-10T06:00:00Z --reason WHY",
        ),
        (an_alert("of_no_statement", "temp", column_name="temp"), SUPPORT, "report --as-of 2013-06-10T06:00:00Z"),
        (an_alert("drift_lasts"), SUPPORT, "report --as-of 2013-06-10T06:00:00Z"),
        (
            an_alert("metric_is_beyond", "calibration", metric="calibration"),
            CALIBRATION,
            "retraining --as-of 2013-06-10T06:00:00Z",
        ),
        (an_alert("metric_is_beyond", "auc", metric="auc"), RANKING, "retraining --as-of 2013-06-10T06:00:00Z"),
        (an_alert("skill_is_lost"), RANKING, "retraining --as-of 2013-06-10T06:00:00Z"),
    ],
    ids=lambda value: value.alert_id if isinstance(value, AlertRecord) else None,
)
def test_an_alert_answers_the_question_that_it_is_of(alert: AlertRecord, place: int, command: str) -> None:
    answers = triage(replace(FINE, alerts=(alert,)))

    looked_at = [number for number, answer in enumerate(answers[:WHO]) if answer.outcome is TriageOutcome.LOOK]
    assert looked_at == [place]
    assert any(alert.alert_id in line for line in answers[place].lines)
    assert answers[place].command == command
    assert answers[WHO].lines == (f"{alert.alert_id}: 12 rows, most of origin=JFK 12",)


def test_days_that_lack_rows_are_of_volume() -> None:
    day = date(2013, 6, 5)

    answer = triage(replace(FINE, missing=(MissingLine("flights", day, day),)))[VOLUME]

    assert answer.outcome is TriageOutcome.LOOK
    assert "rows are missing: flights of 5 Jun 2013" in answer.lines


def test_scores_that_are_too_high_on_average_lead_back_to_the_champion_before() -> None:
    off = replace(CALM, live={**CALM.live, "calibration": estimate(0.06, 0.09)})

    answers = triage(replace(FINE, points=(off,)))

    assert answers[CALIBRATION].outcome is TriageOutcome.LOOK
    assert answers[CALIBRATION].lines[-1] == (
        "Calibration is mean score minus label rate, 0 is best; the use case allows 0.05 either way"
    )
    assert answers[BACK].lines[0].startswith("to version 2, the champion before version 3")
    assert answers[BACK].command == "registry rollback --as-of 2013-06-10T06:00:00Z --version 3 --reason WHY"


@pytest.mark.parametrize(
    "offset",
    [estimate(0.001, 0.005), estimate(-0.06, -0.04), replace(estimate(0.06, 0.09), days=2)],
    ids=["within the limit", "not wholly beyond", "of two days"],
)
def test_scores_that_are_off_by_less_than_the_policy_allows_lead_back_to_no_version(offset: Estimate) -> None:
    answers = triage(replace(FINE, points=(replace(CALM, live={"calibration": offset}),)))

    assert answers[CALIBRATION].outcome is TriageOutcome.FINE
    assert (answers[BACK].outcome, answers[BACK].command) == (TriageOutcome.FINE, "")


def test_without_a_limit_nobody_can_say_whether_scores_are_right() -> None:
    off = replace(CALM, live={"bias": estimate(20, 30)})

    answer = triage(replace(FINE, task=REGRESSION, points=(off,)))[CALIBRATION]

    assert answer.outcome is TriageOutcome.UNKNOWN
    assert answer.lines[-1].startswith(
        "Bias is mean score minus mean label, in the label's unit; no limit is set for it"
    )


@pytest.mark.parametrize(
    ("task", "live", "meaning"),
    [
        (
            Multiclass("colours_by_class", ("red", "green")),
            {"calibration_red": estimate(0.02, 0.04), "calibration_green": estimate(-0.09, -0.06)},
            "Calibration of green is mean score minus share of the class, 0 is best",
        ),
        (
            Quantiles("limits", (0.1, 0.9)),
            {"calibration_p10": estimate(0.02, 0.04), "calibration_p90": estimate(-0.09, -0.06)},
            "Calibration of p90 is share of labels up to the quantile minus its level, 0 is best",
        ),
    ],
    ids=["classes", "quantiles"],
)
def test_where_a_task_has_no_offset_scores_are_right_by_each_class_or_quantile(
    task: Task, live: dict[str, Estimate], meaning: str
) -> None:
    last = [*live][-1]
    known = replace(FINE, task=task, points=(replace(CALM, live=live),))
    rules = tuple(AlertRule("metric_is_beyond", of=name, limit=0.05) for name in live)
    raised = replace(known, rules=rules, alerts=(an_alert("metric_is_beyond", last, metric=last),))
    wide_rules = tuple(replace(rule, limit=0.1) for rule in rules)

    unlimited, off, right, of_alert = (
        triage(one)[CALIBRATION]
        for one in (known, replace(known, rules=rules), replace(known, rules=wide_rules), raised)
    )

    assert unlimited.outcome is TriageOutcome.UNKNOWN
    assert unlimited.lines[-1].startswith(f"{meaning}; no limit is set for it")
    assert [off.outcome, right.outcome, of_alert.outcome] == [
        TriageOutcome.LOOK,
        TriageOutcome.FINE,
        TriageOutcome.LOOK,
    ]
    assert right.lines[-1] == f"{meaning}; the use case allows 0.1 either way"
    assert triage(raised)[RANKING].lines == ()


def test_a_task_without_such_a_metric_says_so() -> None:
    answer = triage(replace(FINE, task=COLOURS))[CALIBRATION]

    assert (answer.outcome, answer.lines) == (TriageOutcome.UNKNOWN, ("the task, a colour, has no metric of that",))


@pytest.mark.parametrize(
    ("days", "outcome"), [(14, TriageOutcome.FINE), (15, TriageOutcome.LOOK), (186, TriageOutcome.LOOK)]
)
def test_rows_that_came_last_two_windows_ago_do_not_come_in_time(days: int, outcome: TriageOutcome) -> None:
    answer = triage(replace(FINE, as_of=WEEK.end + timedelta(days=days)))[VOLUME]

    assert answer.outcome is outcome
    assert answer.lines[-1].endswith("not monitored") == (outcome is TriageOutcome.LOOK)


def test_of_windows_that_end_together_the_shortest_says_whether_rows_come_in_time() -> None:
    month = replace(CALM, window=Window(WEEK.end - timedelta(days=28), WEEK.end))

    answer = triage(replace(FINE, points=(month, CALM), as_of=WEEK.end + timedelta(days=20)))[VOLUME]

    assert answer.outcome is TriageOutcome.LOOK


def test_broken_data_alone_lead_back_to_no_version() -> None:
    answer = triage(replace(FINE, alerts=(an_alert("source_is_broken", "flights", source="flights"),)))[BACK]

    assert (answer.outcome, answer.command) == (TriageOutcome.FINE, "")


def test_before_the_first_champion_there_is_nothing_to_go_back_to() -> None:
    known = replace(FINE, alerts=(an_alert("skill_is_lost"),), live=replace(LIVE, previous_version=None))

    assert triage(known)[BACK].lines == ("there is none before version 3: train another one",)


def test_numbers_stand_beside_those_of_the_windows_before() -> None:
    before = [
        replace(CALM, window=Window(WEEK.start - weeks * WEEK.length, WEEK.end - weeks * WEEK.length), scored=700)
        for weeks in (3, 2, 1)
    ]

    answers = triage(replace(FINE, points=(*before, replace(CALM, scored=70))))

    assert f"70 rows scored in {WEEK}, 10 a day, 100 a day in the windows before" in answers[VOLUME].lines
    assert answers[RANKING].lines[0].endswith(", 0.700 in the windows before")


def test_who_muted_an_alert_stands_beside_it() -> None:
    alert = an_alert("drift_lasts")

    answer = triage(replace(FINE, alerts=(alert,), mutes={alert.alert_id: "muted by ada"}))[SUPPORT]

    assert answer.lines[0].endswith("; muted by ada")
