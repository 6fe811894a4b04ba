"""The retraining policy: people before machines, the cooldown, and what would have changed a decision."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from situations import (
    AS_OF,
    CALIBRATION,
    DEFAULT,
    GOOD,
    LABELS,
    OFF,
    OFFSET,
    WEEK,
    a_situation,
    a_window,
    windows,
)

from levelfive.core.windows import Window, iso
from levelfive.errors import DataError
from levelfive.retraining.policy import Action, Decision, decide
from levelfive.retraining.situation import Foreseen
from levelfive.usecase.policies import RetrainingPolicy


def test_a_healthy_model_is_kept_and_every_trigger_says_what_it_saw_and_lacks():
    decision = decide(a_situation(), replace(DEFAULT, drifted_share=0.5))

    assert decision.action == Action.KEEP
    assert decision.reasons == (
        "no trigger holds",
        "drift in at least 50.0% of the columns in 0 of 3 windows, asked for in 2 of the last 3 and in the latest: "
        "0.0%",
        "calibration beyond 0.05 in 0 of 3 windows, asked for in 2 of the last 3 and in the latest: -0.0100 to +0.0100",
        "skill below 18.00% (training's 20.00% less 2.00%) in 0 of 3 windows, asked for in 2 of the last 3 and in the "
        "latest: 18.00% to 22.00%",
        "label growth: +10,000 labelled rows since the 100,000 at training, growth 10.0% of the 35.0% asked for",
        "age: 30.0 days since 2013-07-06T06:00:00Z, retrained at 120.0 days",
    )
    assert decision.counterfactuals == (
        "drift in at least 50.0% of the columns in 2 more windows, the latest among them",
        "calibration beyond 0.05 in 2 more windows, the latest among them",
        "skill below 18.00% (training's 20.00% less 2.00%) in 2 more windows, the latest among them",
        "25,000 more labels (growth 10.0% of the 35.0% asked for)",
        "age, from 2013-11-03T06:00:00Z on",
    )


@pytest.mark.parametrize(("first", "action"), [(GOOD, Action.KEEP), (OFFSET, Action.RETRAIN)])
def test_a_latest_window_with_few_labels_is_said(first, action):
    shown = windows({"calibration": first}, {"calibration": OFFSET}, {"days": 1, "rows": 1400})

    decision = decide(a_situation(windows=shown), CALIBRATION)

    assert action == decision.action
    assert decision.counterfactuals[-1] == (
        "a latest window that counts: 1 day and 1,400 rows of mature labels, at least 5 days and 500 rows are asked for"
    )


def test_a_latest_window_with_few_labels_is_not_said_where_it_changes_nothing():
    small, grown = windows({"rows": 0}), {"labels_now": 200_000}

    kept = decide(a_situation(windows=small), LABELS)
    retrained = decide(a_situation(windows=small, **grown), DEFAULT)

    assert (kept.action, retrained.action) == (Action.KEEP, Action.RETRAIN)
    assert not any("window" in change for change in (*kept.counterfactuals, *retrained.counterfactuals))


def test_all_triggers_that_hold_are_reasons_in_a_fixed_order():
    bad = {"drifted_share": 1.0, "calibration": OFFSET, "skill": (0.0, 0.1)}
    worst = a_situation(windows=windows(bad, bad), labels_now=140_000, trained_at=AS_OF - timedelta(days=150))

    decision = decide(worst, replace(DEFAULT, drifted_share=0.5))

    assert decision.action == Action.RETRAIN
    assert [reason.split()[0] for reason in decision.reasons] == ["drift", "calibration", "skill", "label", "age:"]
    assert decision.counterfactuals == (
        "drift not in at least 50.0% of the columns in the latest window, "
        "and calibration not beyond 0.05 in the latest window, "
        "and skill not below 18.00% (training's 20.00% less 2.00%) in the latest window, "
        "and 5,001 fewer labels (growth 40.0% of the 35.0% asked for), "
        "and a model trained after 2013-04-07T06:00:00Z",
    )


@pytest.mark.parametrize(
    ("since", "action"),
    [
        (timedelta(0), Action.KEEP),
        (timedelta(days=6, seconds=-1), Action.KEEP),
        (timedelta(days=6), Action.RETRAIN),
        (timedelta(days=6, seconds=1), Action.RETRAIN),
    ],
)
def test_no_retraining_before_the_cooldown_is_over(since, action):
    grown = a_situation(labels_now=140_000, last_retraining=AS_OF - since)

    assert action == decide(grown, DEFAULT).action


def test_without_an_earlier_retraining_there_is_no_cooldown():
    assert decide(a_situation(labels_now=140_000, last_retraining=None), DEFAULT).action == Action.RETRAIN


def test_a_trigger_that_waits_for_the_cooldown_is_named():
    decision = decide(a_situation(labels_now=140_000, last_retraining=AS_OF - timedelta(days=1)), DEFAULT)

    assert decision == Decision(
        Action.KEEP,
        (
            "waits for the cooldown: label growth: +40,000 labelled rows since the 100,000 at training, "
            "growth 40.0% of the 35.0% asked for",
        ),
        ("after the cooldown, from 2013-08-10T06:00:00Z on",),
    )


def test_during_the_cooldown_a_trigger_alone_would_not_have_changed_the_action():
    decision = decide(a_situation(last_retraining=AS_OF - timedelta(days=1)), LABELS)

    assert decision.counterfactuals == (
        "25,000 more labels (growth 10.0% of the 35.0% asked for), "
        "and after the cooldown, from 2013-08-10T06:00:00Z on",
    )


@pytest.mark.parametrize(
    ("alarm", "reasons", "cure"),
    [
        ({"broken": ("sched_dep is null",)}, ["broken data"], "data that is not broken: then retrain"),
        ({"harmful": ("worse than a constant",)}, ["a harmful model"], "a model that is not harmful: then retrain"),
        (
            {"broken": ("a", "b"), "harmful": ("c",)},
            ["broken data", "a harmful model"],
            "data that is not broken and a model that is not harmful: then retrain",
        ),
    ],
)
@pytest.mark.parametrize("size", [{}, {"rows": 0, "days": 0}])
def test_broken_data_or_a_harmful_model_calls_a_person_before_any_trigger(alarm, reasons, cure, size):
    latest = {**alarm, **size}

    decision = decide(a_situation(windows=windows({}, {}, latest), labels_now=140_000), DEFAULT)

    assert decision.action == Action.MANUAL_REVIEW
    assert reasons == [reason.split(" in the latest window")[0] for reason in decision.reasons]
    assert all(
        reason.endswith(", ".join(found)) for reason, found in zip(decision.reasons, alarm.values(), strict=True)
    )
    assert decision.counterfactuals[0].startswith(f"{cure}, as label growth: +40,000")


def test_a_person_is_called_during_the_cooldown_too():
    broken = a_situation(windows=windows({"broken": ("late",)}), last_retraining=AS_OF)
    latest = broken.windows[-1].window

    decision = decide(broken, OFF)

    assert decision.action == Action.MANUAL_REVIEW
    assert decision.counterfactuals == (
        "data that is not broken: then keep, as no trigger is switched on",
        f"an acknowledgement of that window by `levelfive monitoring acknowledge --from {iso(latest.start)} --to "
        f"{iso(latest.end)} --reason WHY`: then the same",
    )


def test_an_alarm_of_an_earlier_window_is_over():
    healed = windows({"broken": ("late",)}, {"harmful": ("worse",)}, {})

    assert decide(a_situation(windows=healed), DEFAULT).action == Action.KEEP


def test_of_windows_that_end_last_together_each_one_calls():
    day = Window(AS_OF - timedelta(days=1), AS_OF)
    week, of_a_day = a_window(harmful=("worse",)), a_window(window=day, days=1, rows=400)

    decision = decide(a_situation(windows=(week, of_a_day)), DEFAULT)

    assert decision.action == Action.MANUAL_REVIEW
    assert str(week.window) in decision.reasons[0]


def test_an_acknowledged_window_calls_nobody_and_the_decision_names_who_acknowledged_it():
    alarms = {"harmful": ("no skill",), "broken": ("sched_dep is null",)}
    known = windows({}, {}, {**alarms, "acknowledgement": "acknowledged by ada"})

    for labels, action in ((110_000, Action.KEEP), (140_000, Action.RETRAIN)):
        decision = decide(a_situation(windows=known, labels_now=labels), DEFAULT)

        assert decision.action == action
        assert decision.reasons[-1] == (
            f"the window {known[-1].window} is acknowledged by ada (no skill; sched_dep is null)"
        )


@pytest.mark.parametrize(
    ("found", "lacking"),
    [
        ((6, 900), "1 more day with mature labels"),
        ((9, 400), "100 more rows with mature labels"),
        ((0, 0), "7 more days and 500 more rows with mature labels"),
    ],
)
def test_a_training_that_the_gate_could_not_judge_is_not_asked_for(found, lacking):
    little = a_situation(labels_now=140_000, foreseen=Foreseen(*found, min_days=7, min_rows=500))

    decision = decide(little, DEFAULT)

    assert decision.action == Action.KEEP
    assert decision.reasons[0].startswith(
        f"not enough evidence for the gate: a training would be judged by {found[0]} days and {found[1]} rows"
    )
    assert decision.reasons[1].startswith("waits for evidence: label growth")
    assert decision.counterfactuals == (f"{lacking} that the live model was not trained on",)


def test_with_just_enough_for_the_gate_a_training_is_asked_for():
    enough = a_situation(labels_now=140_000, foreseen=Foreseen(7, 500, min_days=7, min_rows=500))

    assert decide(enough, DEFAULT).action == Action.RETRAIN


def test_why_there_is_too_little_evidence_is_said():
    gone = a_situation(labels_now=140_000, foreseen=Foreseen(0, 0, 7, 500, "there are no mature labels"))

    assert decide(gone, DEFAULT).reasons[0].endswith("are asked for; there are no mature labels")


@pytest.mark.parametrize("action", list(Action))
def test_a_decision_survives_json(action):
    decision = Decision(action, ("one", "zwei, ä"), ("three",))

    assert decision == Decision.from_json(decision.to_json())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "keep",
        "null",
        "[]",
        "{}",
        json.dumps({"action": "stop", "reasons": ["a"], "counterfactuals": ["b"]}),
        json.dumps({"action": "keep", "reasons": "a", "counterfactuals": ["b"]}),
        json.dumps({"action": "keep", "reasons": ["a"], "counterfactuals": [1]}),
        json.dumps({"action": "keep", "reasons": ["a"]}),
    ],
)
def test_other_text_is_not_a_decision(text):
    with pytest.raises(DataError, match=r"expected a decision as Decision\.to_json writes it"):
        Decision.from_json(text)


RATES = st.floats(-0.3, 0.3)
INTERVALS = st.none() | st.tuples(RATES, RATES).map(sorted).map(tuple)
ALARMS = st.sampled_from([(), (), (), ("late",)])
SEEN = st.fixed_dictionaries(
    {
        "days": st.integers(3, 7),
        "rows": st.integers(400, 3000),
        "drifted_share": st.floats(0, 1),
        "calibration": INTERVALS,
        "skill": INTERVALS,
        "harmful": ALARMS,
        "broken": ALARMS,
    }
)
SITUATIONS = st.builds(
    lambda seen, **changes: a_situation(windows=windows(*seen), **changes),
    st.lists(SEEN, max_size=5),
    skill_at_training=st.none() | RATES,
    labels_now=st.integers(0, 300_000),
    trained_at=st.datetimes(datetime(2013, 1, 1), datetime(2013, 8, 5)).map(lambda t: t.replace(tzinfo=AS_OF.tzinfo)),
    last_retraining=st.none() | st.timedeltas(timedelta(0), 2 * WEEK).map(lambda since: AS_OF - since),
)
POLICIES = st.builds(
    RetrainingPolicy,
    of_them=st.integers(1, 3),
    drifted_share=st.none() | st.just(0.5),
    calibration=st.none() | st.just(0.05),
    loss_excess=st.none() | st.just(0.02),
    label_growth=st.none() | st.just(0.35),
    max_age=st.none() | st.just(timedelta(days=120)),
)


@given(SITUATIONS, POLICIES)
def test_every_decision_says_why_and_what_would_have_changed_it(situation, policy):
    decision = decide(situation, policy)
    latest = situation.windows[-1] if situation.windows else a_window()

    assert decision.reasons
    assert all((*decision.reasons, *decision.counterfactuals))
    assert decision.counterfactuals
    assert (decision.action == Action.MANUAL_REVIEW) == bool(latest.broken or latest.harmful)
    if decision.action == Action.RETRAIN:
        triggers = ("drift", "calibration", "skill", "label growth", "age")
        assert all(reason.startswith(triggers) for reason in decision.reasons)
    assert decision == Decision.from_json(decision.to_json())


@given(SITUATIONS, POLICIES)
def test_the_same_arguments_give_the_same_decision_at_any_time(situation, policy):
    later = timedelta(days=3653)
    seen = [(w, Window(w.window.start + later, w.window.end + later)) for w in situation.windows]
    moved = replace(
        situation,
        as_of=situation.as_of + later,
        windows=tuple(replace(w, window=window) for w, window in seen),
        trained_at=situation.trained_at + later,
        last_retraining=situation.last_retraining and situation.last_retraining + later,
    )

    assert decide(situation, policy) == decide(situation, policy)
    assert decide(situation, policy).action == decide(moved, policy).action
