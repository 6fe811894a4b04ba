"""Triage: what an operator asks when something is wrong, in the order of asking, answered by what the tables hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from levelfive.core.texts import counted
from levelfive.core.windows import iso
from levelfive.monitoring.alert_history import alert_history
from levelfive.monitoring.alert_states import AlertRecord, open_alerts
from levelfive.monitoring.alert_words import affected, line_of
from levelfive.monitoring.alerts import ALERTS
from levelfive.monitoring.evidence import HARMFUL, OUTSIDE, SERVING, UNUSUAL
from levelfive.monitoring.muted import muted_by, mutes
from levelfive.monitoring.noted import noted_of, notes
from levelfive.registry.promotions import Promotion, champion_as_of, history
from levelfive.registry.store import CentralRegistry
from levelfive.reporting.data import MissingLine, Point, is_long_ago
from levelfive.reporting.measurements import measurements
from levelfive.reporting.quality import missing_lines
from levelfive.reporting.words import metric_name, metric_unit, missing_days, share
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.tasks.task import Task
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.alert_rules import METRIC_IS_BEYOND, AlertRule, rule_for
from levelfive.usecase.policies import RetrainingPolicy

DAY = timedelta(days=1)
EARLIER_WINDOWS = 8
_OF_VOLUME = frozenset({"volume_is_low", "rows_are_missing"})


class TriageOutcome(StrEnum):
    """What an answer comes to."""

    FINE = "fine"
    LOOK = "look"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class TriageAnswer:
    """An answer: what it comes to, the numbers that it rests on, and the next step as a command without `levelfive`."""

    question: str
    outcome: TriageOutcome
    lines: tuple[str, ...]
    command: str = ""


@dataclass(frozen=True)
class TriageFacts:
    """What is known of a model at a time.

    Args:
        as_of: The time.
        task: What the model predicts.
        points: What was measured, by window, oldest first.
        alerts: The alerts that are open, the most urgent first.
        mutes: By id of an alert, who muted it.
        events: By id of an alert, which events were known in its time.
        missing: Days of sources that lack rows.
        live: The promotion of the champion; None where there is none.
        policy: From which value on an offset is too much.
        rules: What the use case wants otherwise of alerts.
    """

    as_of: datetime
    task: Task
    points: tuple[Point, ...] = ()
    alerts: tuple[AlertRecord, ...] = ()
    mutes: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[MissingLine, ...] = ()
    live: Promotion | None = None
    policy: RetrainingPolicy = field(default_factory=RetrainingPolicy)
    rules: tuple[AlertRule, ...] = ()

    @property
    def latest(self) -> Point | None:
        """The latest window in which something was scored; of those that end together, the shortest."""
        with_rows = (one for one in self.points if one.scored)
        return max(with_rows, key=lambda one: (one.window.end, one.window.start), default=None)

    @property
    def mature(self) -> Point | None:
        """The latest window whose metrics are final."""
        final_points = (one for one in self.points if one.live and not one.provisional)
        return max(final_points, key=lambda one: one.window.end, default=None)


def collect_triage(context: JobContext, registry: CentralRegistry, *, as_of: datetime) -> TriageFacts:
    """Collect what is known as of a time."""
    run, task, name = Run(context.tables, "triage"), context.use_case.model.task, registry.name
    alerts, words = open_alerts(alert_history(run, name, as_of=as_of)), mutes(run, name, as_of=as_of)
    events = notes(run, name, as_of=as_of)
    return TriageFacts(
        as_of=as_of,
        task=task,
        points=tuple(one.point for one in measurements(run, task, name, as_of=as_of)),
        alerts=alerts,
        mutes={one.alert_id: text for one in alerts if (text := muted_by(words, one))},
        events={one.alert_id: text for one in alerts if (text := noted_of(events, one))},
        missing=missing_lines(context, run, as_of),
        live=champion_as_of(history(context.tables, name), as_of),
        policy=context.use_case.retraining,
        rules=tuple(context.use_case.monitoring.alerts),
    )


def triage(facts: TriageFacts) -> tuple[TriageAnswer, ...]:
    """Answer what an operator asks, in the order of asking: a later answer rests on the earlier ones."""
    first = tuple(ask(facts) for ask in (_volume, _contract, _support, _calibration, _ranking))
    return (*first, _who(facts), _back(facts, first[3:]))


def _volume(facts: TriageFacts) -> TriageAnswer:
    alerts = _of(facts, lambda one: one.alert in _OF_VOLUME or _statement(one) == SERVING)
    lines, latest = _alert_lines(facts, alerts), facts.latest
    is_late = latest is not None and is_long_ago(latest.window, facts.as_of)
    if facts.missing:
        lines.append(f"rows are missing: {missing_days(facts.missing)}")
    if latest is not None:
        before = [one.scored / (one.window.length / DAY) for one in facts.points if one.scored and one != latest]
        usual = f", {median(before[-EARLIER_WINDOWS:]):,.0f} a day in the windows before" if before else ""
        rows = latest.scored / (latest.window.length / DAY)
        lines.append(f"{latest.scored:,} rows scored in {latest.window}, {rows:,.0f} a day{usual}")
        late = ": windows since then lack rows, or were not monitored" if is_late else ""
        lines.append(f"monitored up to {iso(latest.window.end)}, {facts.as_of - latest.window.end} ago{late}")
    outcome = _outcome(bool(alerts or facts.missing) or is_late, latest)
    return TriageAnswer(
        "Do rows come, enough and in time?", outcome, tuple(lines), _if(outcome, f"data --as-of {_at(facts)}")
    )


def _contract(facts: TriageFacts) -> TriageAnswer:
    other_statements = {OUTSIDE, UNUSUAL, HARMFUL, SERVING, None}
    alerts = _of(facts, lambda one: one.alert not in _OF_VOLUME and _statement(one) not in other_statements)
    lines, latest = _alert_lines(facts, alerts), facts.latest
    if latest is not None and latest.landed:
        lines.append(
            f"{latest.quarantined:,} of {latest.landed:,} rows that landed are quarantined "
            f"({share(latest.quarantined / latest.landed)})"
        )
    outcome, command = _outcome(bool(alerts), latest), ""
    if alerts:
        window = alerts[0].window
        command = f"monitoring acknowledge --from {iso(window.start)} --to {iso(window.end)} --reason WHY"
    return TriageAnswer("Do rows keep the contract, and are columns whole?", outcome, tuple(lines), command)


def _support(facts: TriageFacts) -> TriageAnswer:
    alerts = _of(facts, lambda one: _statement(one) in (OUTSIDE, UNUSUAL, None) and not one.metric)
    outcome = _outcome(bool(alerts), facts.latest)
    return TriageAnswer(
        "Are rows like those of the training?",
        outcome,
        tuple(_alert_lines(facts, alerts)),
        _if(outcome, f"report --as-of {_at(facts)}"),
    )


def _calibration(facts: TriageFacts) -> TriageAnswer:
    names, point = _offsets(facts.task), facts.mature
    alerts = _of(facts, lambda one: one.metric in names)
    lines, limits = _alert_lines(facts, alerts), {name: _limit(facts, name) for name in names}
    estimates = {} if point is None else {name: point.live[name] for name in names if name in point.live}
    for name in estimates:
        lines += _metric_lines(facts, name, point)
        lines.append(_in_words(facts.task, name, limits[name]))
    if point is not None and not names:
        lines.append(f"the task, {facts.task.title}, has no metric of that")
    is_known = bool(estimates) and all(limits[name] is not None for name in estimates)
    is_off = any(_is_off(estimate, limits[name], facts.policy) for name, estimate in estimates.items())
    outcome = _outcome(bool(alerts) or is_off, point if is_known else None)
    return TriageAnswer(
        "Are scores right on average?", outcome, tuple(lines), _if(outcome, f"retraining --as-of {_at(facts)}")
    )


def _offsets(task: Task) -> list[str]:
    """List the metrics that may lie too high and too low: the offset of a task, or one a class or a quantile."""
    return [metric.name for metric in task.metrics if metric.zero_is_best or metric.name == task.offset]


def _limit(facts: TriageFacts, name: str) -> float | None:
    """Find up to where such a metric may lie on either side of 0: by the policy of retraining, or by a rule."""
    limit = facts.policy.offset(name)
    return rule_for(facts.rules, METRIC_IS_BEYOND, name).limit if limit is None else limit


def _in_words(task: Task, name: str, limit: float | None) -> str:
    """Say what a metric is, and how much of it is allowed."""
    allowed = f"no limit is set for it: an `AlertRule` of `{METRIC_IS_BEYOND}` takes one"
    if limit is not None:
        allowed = f"the use case allows {limit:g} either way"
    return f"{metric_name(task, name)} is {metric_unit(task, name)}; {allowed}"


def _ranking(facts: TriageFacts) -> TriageAnswer:
    point, task = facts.mature, facts.task
    offsets = _offsets(task)
    alerts = _of(facts, lambda one: _statement(one) == HARMFUL or (bool(one.metric) and one.metric not in offsets))
    names = [name for name in task.charts if name not in offsets]
    lines = [*_alert_lines(facts, alerts), *(line for name in names for line in _metric_lines(facts, name, point))]
    outcome = TriageOutcome.LOOK if alerts else _outcome(False, point)
    return TriageAnswer(
        "Do scores still tell rows apart?", outcome, tuple(lines), _if(outcome, f"retraining --as-of {_at(facts)}")
    )


def _who(facts: TriageFacts) -> TriageAnswer:
    lines = [f"{one.alert_id}: {affected(one)}" for one in facts.alerts if one.rows is not None]
    outcome = TriageOutcome.LOOK if lines else TriageOutcome.UNKNOWN if facts.alerts else TriageOutcome.FINE
    return TriageAnswer("Who is affected?", outcome, tuple(lines))


def _back(facts: TriageFacts, of_the_model: Sequence[TriageAnswer]) -> TriageAnswer:
    question, live = "Go back to which version?", facts.live
    if live is None:
        return TriageAnswer(question, TriageOutcome.UNKNOWN, ("no version is live",))
    if all(one.outcome is not TriageOutcome.LOOK for one in of_the_model):
        return TriageAnswer(question, TriageOutcome.FINE, (f"to none: nothing speaks against version {live.version}",))
    if live.previous_version is None:
        return TriageAnswer(
            question, TriageOutcome.LOOK, (f"there is none before version {live.version}: train another one",)
        )
    lines = (
        f"to version {live.previous_version}, the champion before version {live.version}, which is live since "
        f"{iso(live.promoted_at)}",
        "only where the data above are fine: another version makes broken data no better",
    )
    command = f"registry rollback --as-of {_at(facts)} --version {live.version} --reason WHY"
    return TriageAnswer(question, TriageOutcome.LOOK, lines, command)


def _metric_lines(facts: TriageFacts, name: str | None, point: Point | None) -> list[str]:
    estimate = None if point is None or name is None else point.live.get(name)
    if name is None or point is None or estimate is None:
        return []
    earlier = [
        one.live[name].value
        for one in facts.points
        if one.window.end < point.window.end and name in one.live and not one.provisional
    ]
    before = f", {median(earlier[-EARLIER_WINDOWS:]):.3f} in the windows before" if earlier else ""
    return [f"{metric_name(facts.task, name)} {_interval(estimate)} in {point.window}{before}"]


def _is_off(estimate: Estimate, limit: float | None, policy: RetrainingPolicy) -> bool:
    """Tell whether an offset lies wholly beyond the limit, on as much as the policy decides by."""
    if limit is None:
        return False
    is_enough = estimate.days >= policy.min_days and estimate.rows >= policy.min_rows
    return is_enough and (estimate.low > limit or estimate.high < -limit)


def _interval(estimate: Estimate) -> str:
    ends = f" [{estimate.low:.3f}, {estimate.high:.3f}]" if math.isfinite(estimate.low) else ""
    return f"{estimate.value:.3f}{ends} over {counted(estimate.days, 'day')}"


def _of(facts: TriageFacts, is_of: Callable[[AlertRecord], bool]) -> list[AlertRecord]:
    return [one for one in facts.alerts if is_of(one)]


def _alert_lines(facts: TriageFacts, alerts: Sequence[AlertRecord]) -> list[str]:
    return [line_of(one, *(of.get(one.alert_id, "") for of in (facts.mutes, facts.events))) for one in alerts]


def _statement(alert: AlertRecord) -> object:
    definition = ALERTS.get(alert.alert)
    return None if definition is None else definition.statement


def _outcome(is_to_look: bool, point: Point | None) -> TriageOutcome:
    if is_to_look:
        return TriageOutcome.LOOK
    return TriageOutcome.UNKNOWN if point is None else TriageOutcome.FINE


def _if(outcome: TriageOutcome, command: str) -> str:
    return command if outcome is TriageOutcome.LOOK else ""


def _at(facts: TriageFacts) -> str:
    return iso(facts.as_of)
