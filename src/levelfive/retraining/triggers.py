"""The triggers of a retraining: each says whether it holds, by which numbers, and what would turn it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from levelfive.core.days import DAY
from levelfive.core.texts import counted
from levelfive.core.windows import iso
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.retraining.situation import Situation
from levelfive.usecase.policies import RetrainingPolicy

Interval = tuple[float, float]


@dataclass(frozen=True)
class TriggerFinding:
    """What a trigger found.

    Args:
        holds: Whether it asks for a retraining.
        message: What it saw, with its numbers.
        missing: What would have made it hold, or, if it holds, what would have kept it from holding.
        of_windows: Whether it looks at windows.
    """

    holds: bool
    message: str
    missing: str
    of_windows: bool = False


@dataclass(frozen=True)
class _Condition:
    """What a trigger asks of each window."""

    name: str
    criterion: str
    is_met: Callable[[KnownVerdict], bool]
    describe: Callable[[KnownVerdict], str]


def findings(situation: Situation, policy: RetrainingPolicy) -> tuple[TriggerFinding, ...]:
    """Ask the triggers that are switched on: drift, offset, loss, label growth, age."""
    triggers = (drift, offset, loss, label_growth, age)
    answers = (trigger(situation, policy) for trigger in triggers)
    return tuple(finding for finding in answers if finding is not None)


def drift(situation: Situation, policy: RetrainingPolicy) -> TriggerFinding | None:
    """Find whether many columns are unusual; None if switched off."""
    limit = policy.drifted_share
    if limit is None:
        return None
    condition = _Condition(
        "drift",
        f"in at least {limit:.1%} of the columns",
        is_met=lambda verdict: verdict.drifted_share >= limit,
        describe=lambda verdict: f"{verdict.drifted_share:.1%}",
    )
    return _in_windows(situation, policy, condition)


def offset(situation: Situation, policy: RetrainingPolicy) -> TriggerFinding | None:
    """Find whether scores are too high or too low on average; None if switched off, or if the task has no such limit.

    The task says what this is called: calibration where scores are probabilities, bias where they have a unit.
    """
    name, form = situation.task.offset, situation.task.offset_format
    limit = policy.offset(name)
    if name is None or limit is None:
        return None

    def is_met(verdict: KnownVerdict) -> bool:
        low, high = _measured(verdict.calibration)
        return low > limit or high < -limit

    condition = _Condition(
        name, f"beyond {limit:g}", is_met, describe=lambda verdict: _interval_text(verdict.calibration, form)
    )
    return _in_windows(situation, policy, condition)


def loss(situation: Situation, policy: RetrainingPolicy) -> TriggerFinding | None:
    """Find whether the model lost skill since its training; None if switched off."""
    excess, skill_at_training = policy.loss_excess, situation.skill_at_training
    if excess is None:
        return None
    if skill_at_training is None or not math.isfinite(skill_at_training):
        return TriggerFinding(False, "skill: not known at training", "a known skill at training", of_windows=True)
    floor = round(skill_at_training - excess, 9)  # rounded: 0.2 - 0.02 is a little more than 0.18
    condition = _Condition(
        "skill",
        f"below {floor:.2%} (training's {skill_at_training:.2%} less {excess:.2%})",
        is_met=lambda verdict: _measured(verdict.skill)[1] < floor,
        describe=lambda verdict: _interval_text(verdict.skill, ".2%"),
    )
    return _in_windows(situation, policy, condition)


def label_growth(situation: Situation, policy: RetrainingPolicy) -> TriggerFinding | None:
    """Find whether there are many more labels than at training; None if switched off."""
    if policy.label_growth is None:
        return None
    had, new = situation.labels_at_training, situation.labels_now - situation.labels_at_training
    target = math.ceil(round(had * policy.label_growth, 6))  # rounded: 100 * 0.07 is a little more than 7
    growth = f"growth {new / had:.1%} of the {policy.label_growth:.1%} asked for"
    sentence = f"label growth: {new:+,} labelled rows since the {had:,} at training, {growth}"
    if new >= target:
        return TriggerFinding(True, sentence, f"{counted(new - target + 1, 'fewer label')} ({growth})")
    return TriggerFinding(False, sentence, f"{counted(target - new, 'more label')} ({growth})")


def age(situation: Situation, policy: RetrainingPolicy) -> TriggerFinding | None:
    """Find whether the model is old; None if switched off."""
    if policy.max_age is None:
        return None
    model_age, trained_at = situation.as_of - situation.trained_at, iso(situation.trained_at)
    sentence = f"age: {model_age / DAY:.1f} days since {trained_at}, retrained at {policy.max_age / DAY:.1f} days"
    if model_age >= policy.max_age:
        return TriggerFinding(True, sentence, f"a model trained after {iso(situation.as_of - policy.max_age)}")
    return TriggerFinding(False, sentence, f"age, from {iso(situation.trained_at + policy.max_age)} on")


def counts(verdict: KnownVerdict, policy: RetrainingPolicy) -> bool:
    """Tell whether a window has labels enough for the triggers of windows."""
    return verdict.rows >= policy.min_rows and verdict.days >= policy.min_days


def shortfall(situation: Situation, policy: RetrainingPolicy) -> str | None:
    """Say why the latest window does not count; None if it does, or if there is none."""
    if not situation.windows or counts(situation.windows[-1], policy):
        return None
    latest = situation.windows[-1]
    return (
        f"a latest window that counts: {counted(latest.days, 'day')} and {counted(latest.rows, 'row')} of mature "
        f"labels, at least {counted(policy.min_days, 'day')} and {counted(policy.min_rows, 'row')} are asked for"
    )


def _in_windows(situation: Situation, policy: RetrainingPolicy, condition: _Condition) -> TriggerFinding:
    windows = [verdict for verdict in situation.windows if counts(verdict, policy)][-policy.windows :]
    hits = [condition.is_met(verdict) for verdict in windows]
    criterion = f"{condition.name} {condition.criterion}"
    if not hits:
        missing = f"{criterion} in {counted(policy.of_them, 'more window')}"
        return TriggerFinding(False, f"{condition.name}: no window counts yet", missing, of_windows=True)
    which = "" if counts(situation.windows[-1], policy) else f" that counts, {windows[-1].window}"
    sentence = (
        f"{criterion} in {sum(hits)} of {counted(len(hits), 'window')}, asked for in {policy.of_them} of the last "
        f"{policy.windows} and in the latest{which}: {condition.describe(windows[-1])}"
    )
    if hits[-1] and sum(hits) >= policy.of_them:
        return TriggerFinding(
            True, sentence, f"{condition.name} not {condition.criterion} in the latest window", of_windows=True
        )
    lacking = counted(max(policy.of_them - sum(hits), 1), "more window")
    missing = f"{criterion} in {lacking}" + ("" if hits[-1] else ", the latest among them")
    return TriggerFinding(False, sentence, missing, of_windows=True)


def _measured(interval: Interval | None) -> Interval:
    """Turn what was not measured into NaN, which meets no condition."""
    return interval if interval is not None and all(map(math.isfinite, interval)) else (math.nan, math.nan)


def _interval_text(interval: Interval | None, form: str) -> str:
    low, high = _measured(interval)
    return "not measured" if math.isnan(low) else f"{low:{form}} to {high:{form}}"
