"""Alerts: what monitoring says of a window. Each is one function, registered for the statement that it belongs to.

What an alert says is in the tables `verdicts` and `alerts`, in the report, in the dashboard and in `levelfive status`;
its meaning is in `docs/tables.md`, what to do in `docs/runbook.md`. Nothing else has to know of it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from levelfive.core.windows import iso
from levelfive.errors import ConfigError
from levelfive.monitoring.consistency import FeatureDay, worst_first
from levelfive.monitoring.drift_alarms import DRIFT_LASTS, SHOWN_COLUMNS, drift_in_words, moved_most
from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.evidence import (
    BROKEN,
    HARMFUL,
    OUTSIDE,
    SERVING,
    UNUSUAL,
    Evidence,
    Finding,
    Statement,
    quarantine_limit,
)
from levelfive.monitoring.faults import Fault
from levelfive.monitoring.strange import ValueKind
from levelfive.statistics.baseline import is_score
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.tasks.task import Task
from levelfive.usecase.alert_rules import METRIC_IS_BEYOND, AlertRule, Severity
from levelfive.usecase.columns import REQUEST_LOG

SHOWN_FEATURES = 5

Says: TypeAlias = Callable[[Evidence], Iterable[str | Finding]]
"""What an alert says of a window: findings, or sentences on the whole of it; nothing where all is well."""


@dataclass(frozen=True)
class Alert:
    """A registered alert.

    Args:
        name: Its name.
        statement: Where the verdict says it; None: nowhere, it is an alert alone.
        meaning: When it is raised.
        says: What it says of a window.
        severity: How urgent it is, where the use case does not say otherwise.
        what_to_do: The next step, in a line; its section of the runbook holds more.
    """

    name: str
    statement: Statement | None
    meaning: str
    says: Says
    severity: Severity = Severity.WARNING
    what_to_do: str = ""

    @property
    def title(self) -> str:
        """Its name as people read it, which heads its section of the runbook."""
        return self.name.replace("_", " ").capitalize()

    @property
    def runbook(self) -> str:
        """Where the runbook has its section."""
        return f"docs/runbook.md#{self.title.lower().replace(' ', '-')}"

    @property
    def next_step(self) -> str:
        """What to do, in a line, and where the runbook says more."""
        return f"{self.what_to_do} More: {self.runbook}".strip()

    def findings(self, evidence: Evidence) -> tuple[Finding, ...]:
        """Find what it says of a window."""
        return tuple(Finding(one) if isinstance(one, str) else one for one in self.says(evidence))


ALERTS: dict[str, Alert] = {}
"""All registered alerts by name, in the order in which they are said."""


def alert(
    statement: Statement | None, meaning: str, *, severity: Severity = Severity.WARNING, what_to_do: str = ""
) -> Callable[[Says], Says]:
    """Register a function as an alert, by its name; see `Alert`.

    Raises:
        ConfigError: There is an alert of that name.
    """

    def register(says: Says) -> Says:
        name = says.__name__
        if name in ALERTS:
            raise ConfigError(f"there is an alert {name!r} already: give this one another name")
        ALERTS[name] = Alert(name, statement, meaning, says, severity, what_to_do)
        return says

    return register


def said_of(statement: Statement, evidence: Evidence) -> tuple[str, ...]:
    """Collect what all alerts of a statement say of a window."""
    of_statement = (one for one in ALERTS.values() if one.statement == statement)
    return tuple(finding.message for one in of_statement for finding in one.findings(evidence))


def check_rules(rules: Iterable[AlertRule]) -> None:
    """Refuse rules of a use case for alerts that are not registered.

    Raises:
        ConfigError: There is no such alert.
    """
    if unknown := sorted({rule.alert for rule in rules} - ALERTS.keys()):
        raise ConfigError(
            f"there is no alert {', '.join(unknown)}: correct the use case's AlertRule; there are {', '.join(ALERTS)}"
        )


@alert(
    OUTSIDE,
    "a larger share of a column than `outside_share` is outside the training's range, beyond what is usual",
    severity=Severity.INFO,
    what_to_do="See whether these values are right; if they are, let the model learn them by a training.",
)
def columns_outside(evidence: Evidence) -> Iterator[Finding]:
    """List columns with values outside the training's range, more than are usual."""
    default = evidence.policy.outside_share
    for one in evidence.columns:
        if one.new_share > evidence.policy.limit("columns_outside", one.column, default):
            detail = f"{one.new_share:.1%} of its values, beyond what is usual"
            yield Finding(one.column, column=one.column, value=one.new_share, detail=detail)


@alert(
    UNUSUAL,
    "in two of the last three windows a column that the model rests on moved by more than by chance, and its PSI is "
    "above `least_psi`",
    what_to_do="A season moves columns, too: act where performance moves with them.",
)
def drift_lasts(evidence: Evidence) -> Iterator[Finding]:
    """Say in one line which columns have an open alarm, and apart which of those that a rule names."""
    own = {rule.of for rule in evidence.policy.alerts if rule.alert == DRIFT_LASTS}
    for one in moved_most([one for one in evidence.columns if one.column in own]):
        psi = one.statistics.get(PSI, 0.0)
        detail = f"PSI {psi:.3f}, {one.times_usual:.1f} times what is usual, since {one.alarm_since:%Y-%m-%d}"
        yield Finding(one.column, column=one.column, value=psi, detail=detail)
    others = [one for one in evidence.columns if one.column not in own]
    if together := drift_in_words(others):
        names = (one.column for one in moved_most(others)[:SHOWN_COLUMNS])
        yield Finding(together, cause=tuple(name for name in names if not is_score(name)))


@alert(
    HARMFUL,
    "the skill's whole interval lies below `harmful_skill_share` of the skill at training",
    severity=Severity.CRITICAL,
    what_to_do="Find out whether the data or the world changed; meanwhile go back to the champion before.",
)
def skill_is_lost(evidence: Evidence) -> Iterator[Finding]:
    """Say that the model harms.

    Harm is judged by skill: the share of a constant prediction's loss that the model takes away. A season that makes
    outcomes rarer or more frequent moves the loss itself, and the constant's with it.
    """
    skill, at_training, policy = evidence.skill, evidence.skill_at_training, evidence.policy
    if skill is None or skill.days < policy.min_days or skill.rows < policy.min_rows or not math.isfinite(skill.high):
        return
    share = policy.limit("skill_is_lost", "", policy.harmful_skill_share)
    least = max(0.0, share * (at_training or 0.0))
    if skill.high >= least:
        return
    at_training_text = "" if at_training is None else f", {at_training:.1%} at training"
    yield Finding(
        f"skill {skill.value:.1%} [{skill.low:.1%}, {skill.high:.1%}], wholly below the {least:.1%} that is asked for"
        f"{at_training_text}: the model is hardly better than a constant prediction, or worse{_by_labels(evidence)}",
        value=skill.value,
    )


@alert(
    None,
    "a metric's whole interval lies beyond the `limit` that a rule of the use case sets for it, of all rows or a slice",
    what_to_do="Look at the columns named as likely cause; train again if the world moved.",
)
def metric_is_beyond(evidence: Evidence) -> Iterator[Finding]:
    """Say which metrics lie beyond what the use case asks for."""
    for rule in evidence.policy.alerts:
        estimate = evidence.metrics.get(rule.slice, {}).get(rule.of)
        if rule.alert != METRIC_IS_BEYOND or rule.limit is None or estimate is None:
            continue
        enough = estimate.days >= evidence.policy.min_days and estimate.rows >= evidence.policy.min_rows
        if enough and _is_beyond(estimate, rule, evidence.task):
            of_slice = f" of {rule.slice}" if rule.slice else ""
            yield Finding(
                f"{rule.of}{of_slice} {estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}], wholly beyond "
                f"{rule.limit:g}{_by_labels(evidence)}",
                metric=rule.of,
                slice=rule.slice,
                value=estimate.value,
            )


def _by_labels(evidence: Evidence) -> str:
    """Name the window whose labels something is said by, where it is an earlier one."""
    window = evidence.labelled_window
    return "" if window is None else f"; by {window}, the last window whose labels are known"


def _is_beyond(estimate: Estimate, rule: AlertRule, task: Task | None) -> bool:
    """Compare an interval with a limit; of a metric of which 0 is best, the limit holds on either side of 0."""
    limit, metric = rule.limit or 0.0, None if task is None else task.metric(rule.of)
    if metric is not None and (metric.zero_is_best or (task is not None and rule.of == task.offset)):
        return estimate.low > limit or estimate.high < -limit
    return estimate.low > limit if metric is not None and metric.lower_is_better else estimate.high < limit


@alert(
    BROKEN,
    "more than `broken_quarantined_share` of a source's rows are quarantined, and more than chance makes of half that "
    "share",
    severity=Severity.CRITICAL,
    what_to_do="The table `quarantine` holds the rows and what is wrong with each: tell who delivers them.",
)
def much_is_quarantined(evidence: Evidence) -> Iterator[Finding]:
    """Say of which source too many rows are quarantined."""
    for source, one in evidence.quarantined_sources.items():
        yield Finding(
            f"{source}: {one.quarantined:,} of {one.rows_in:,} rows that landed are quarantined, more than "
            f"{quarantine_limit(evidence.policy, source):.1%}",
            source=source,
            value=one.quarantined / one.rows_in,
            days=one.days,
        )


@alert(
    BROKEN,
    "fewer rows a day are scored than `broken_volume_share` of those at training",
    severity=Severity.CRITICAL,
    what_to_do="See whether all files landed and all windows were scored; score again what was delivered late.",
)
def volume_is_low(evidence: Evidence) -> Iterator[Finding]:
    """Say that the window has too few rows."""
    delivery, policy = evidence.delivery, evidence.policy
    least = policy.limit("volume_is_low", "", policy.broken_volume_share)
    if delivery.rows_a_day < least * delivery.rows_a_day_at_training:
        yield Finding(
            f"{delivery.rows_a_day:,.0f} rows a day, {delivery.rows_a_day_at_training:,.0f} at training: rows are "
            "missing",
            value=delivery.rows_a_day / delivery.rows_a_day_at_training,
        )


@alert(
    BROKEN,
    "a day has far fewer rows than days usually have",
    severity=Severity.CRITICAL,
    what_to_do="See which files of these days are missing, have them delivered, and score the days again.",
)
def rows_are_missing(evidence: Evidence) -> Iterator[Finding]:
    """Say on which days rows are missing."""
    for one in evidence.delivery.missing:
        text = f"{one.day}: {one.value:,.0f} rows, usually {one.usual:,.0f}: rows are missing"
        yield Finding(text, days=(one.day,))


@alert(
    None,
    "at the window's end, the newest row of a source is older than its `freshness` allows, or than a rule's `limit` in "
    "hours",
    what_to_do="See whether a file is missing or was refused: the last run of `data` in the table `runs` says why.",
)
def source_is_late(evidence: Evidence) -> Iterator[Finding]:
    """Say which sources have no new rows, though predictions go on."""
    for one in evidence.delivery.newest:
        if one.is_late and one.at is not None and one.behind is not None:
            text = f"{one.source}: no row since {iso(one.at)}, and rows may be {one.limit} old"
            yield Finding(text, source=one.source, value=one.behind / timedelta(hours=1))


@alert(
    BROKEN,
    "at least half of a source's columns are broken on a day",
    severity=Severity.CRITICAL,
    what_to_do="Compare these days' files with those before, and have the source's owner deliver them again.",
)
def source_is_broken(evidence: Evidence) -> Iterator[Finding]:
    """Say which sources are broken, when, and what one of their columns shows."""
    for source, days in evidence.broken_sources.items():
        columns = evidence.delivery.columns[source]
        faults = [fault for fault in evidence.faults.columns if fault.column in columns and fault.day in days]
        several, example = len({fault.column for fault in faults}), faults[-1]
        yield Finding(
            f"{source}: {several} of its {len(columns)} columns are broken on {_days(days)}, such as {example.column}: "
            f"{_change(example.kind, example)}",
            source=source,
            days=tuple(days),
        )


@alert(
    BROKEN,
    "a column is broken on a day on which its source is not: see docs/broken-data.md",
    what_to_do="Compare the column with the days before, and ask its owner what changed.",
)
def column_is_broken(evidence: Evidence) -> Iterator[Finding]:
    """Say which columns are broken, how and when; those of a broken source are said with it."""
    with_source = {
        (day, column)
        for source, days in evidence.broken_sources.items()
        for day in days
        for column in evidence.delivery.columns[source]
    }
    by_kind: dict[tuple[str, ValueKind], list[Fault]] = {}
    for fault in evidence.faults.columns:
        if (fault.day, fault.column) in with_source:
            continue
        by_kind.setdefault((fault.column, fault.kind), []).append(fault)
    for (column, kind), faults in by_kind.items():
        days = [fault.day for fault in faults]
        yield Finding(
            f"{column}: {_change(kind, faults[-1])} on {_days(days)}",
            column=column,
            value=faults[-1].value,
            days=tuple(days),
            lacks_values=kind is ValueKind.NULLS,
        )


@alert(
    SERVING,
    "the online store was further behind in the window than the serving policy's `max_staleness`",
    what_to_do="Look at the runs of features and of their publication, and publish again.",
)
def online_store_is_behind(evidence: Evidence) -> Iterator[str]:
    """Say since when single requests were answered by features that are too old, or refused."""
    behind = evidence.online
    if behind is not None and behind.by > evidence.max_staleness:
        yield (
            f"at {iso(behind.at)} the online store reached to {iso(behind.reaches_to)}, {behind.by} behind, and "
            f"{evidence.max_staleness} is allowed: look at the runs of features and of their publication"
        )


@alert(
    SERVING,
    "a feature of an answer is not what the batch join gives, and the online store's age, as far as it is allowed, is "
    "not why: see docs/serving.md",
    what_to_do="Compare the feature's table with what the online store holds, and publish it anew.",
)
def features_differ(evidence: Evidence) -> Iterator[str | Finding]:
    """Say which features single requests saw otherwise than a batch, and on which days; the worst ones by name."""
    wrong = _wrong(evidence.consistency)
    for feature, days in list(wrong.items())[:SHOWN_FEATURES]:
        different, answers = sum(one.unexplained for one in days), sum(one.answers for one in days)
        anew = ", whose table was computed anew since," if any(one.computed_anew for one in days) else ""
        on = tuple(sorted(one.day for one in days))
        text = f"{feature}{anew} differed from the batch in {different:,} of {answers:,} answers on {_days(on)}"
        yield Finding(text, column=feature, value=different / answers, days=on)
    if rest := list(wrong)[SHOWN_FEATURES:]:
        yield f"so did {len(rest)} more features, such as {rest[0]}: see the table consistency"


@alert(
    None,
    "a feature that batches were scored with is not what the batch join gives now, and no correction is why",
    what_to_do="Find out who wrote the feature's table since, and what changed; train again once it is right.",
)
def features_were_rewritten(evidence: Evidence) -> Iterator[Finding]:
    """Say which features of rows that were scored are others by now, and on which days; the worst ones by name."""
    for feature, days in list(_wrong(evidence.skew).items())[:SHOWN_FEATURES]:
        different, rows = sum(one.different for one in days), sum(one.answers for one in days)
        on = tuple(sorted(one.day for one in days))
        text = f"{feature} is another one now than {different:,} of {rows:,} rows were scored with on {_days(on)}"
        yield Finding(text, column=feature, value=different / rows, days=on)


@alert(
    SERVING,
    "a line of the request log could not be read",
    what_to_do="See the lines in the table `quarantine`: a service of another version, or a full disk?",
)
def answers_are_quarantined(evidence: Evidence) -> Iterator[str]:
    """Say how many rows of the request log could not be read."""
    rows, unreadable_rows = evidence.log_counts
    if unreadable_rows:
        yield (
            f"{unreadable_rows:,} of {rows:,} rows of the request log could not be read: see the table quarantine, "
            f"source {REQUEST_LOG}"
        )


def _wrong(days: Iterable[FeatureDay]) -> dict[str, list[FeatureDay]]:
    """List by feature the days on which it is wrong, the worst first."""
    wrong: dict[str, list[FeatureDay]] = defaultdict(list)
    for one in worst_first(one for one in days if one.is_wrong):
        wrong[one.feature].append(one)
    return wrong


def _change(kind: ValueKind, fault: Fault) -> str:
    if kind is ValueKind.FACTOR:
        return f"its quantiles are {fault.value:.3g} times what they were, another unit?"
    what = {
        ValueKind.NULLS: "of the rows have no value",
        ValueKind.FREQUENT: "of the values are the same one",
        ValueKind.OUTSIDE: "of the values are new or far outside the training's range",
    }
    return f"{fault.value:.0%} {what[kind]}, usually {fault.usual:.0%}"


def _days(days: Sequence[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
