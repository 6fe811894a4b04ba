"""A report's words: names of windows and metrics, numbers with units, and the sentence at the top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from textwrap import shorten

from levelfive.core.windows import Window
from levelfive.monitoring.evidence import STATEMENTS
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.reporting.data import AlertLine, MissingLine, Point, ReportData, is_long_ago
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.tasks.task import Task

NOT_KNOWN = "–"  # noqa: RUF001 (the dash that tables show for a number that is not known)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Health(StrEnum):
    """How the model is, in the words that a reader sees."""

    FINE = "fine"
    ACKNOWLEDGED = "acknowledged"
    NOTHING = "nothing to monitor"
    NEEDS_A_PERSON = "needs a person"
    INCOMPLETE = "not enough measured yet"
    UNMEASURED = "nothing measured yet"


@dataclass(frozen=True)
class Headline:
    """How the model is, and the sentence that says why."""

    health: Health
    sentence: str


def headline(data: ReportData) -> Headline:
    """Say in one sentence how the model is: verdict, open alerts, missing rows, the latest mature performance."""
    verdict, point = data.latest_verdict, data.latest_mature
    numbers = f" {_performance(data, point)}" if point else ""
    alerts = _not_said_in(verdict, data.alerts)
    calls = [_call(verdict)] if verdict and verdict.calls_for_a_person else []
    calls += _in_short([_alert(one) for one in alerts if not one.word])
    calls += [f"rows are missing: {missing_days(data.missing)}"] if data.missing else []
    if calls:
        harm = _harm(verdict, data.alerts)
        sentence = f"{'; '.join(calls)}.".replace("….", "…")
        return Headline(Health.NEEDS_A_PERSON, f"The model needs a person: {sentence}{harm}{numbers}")
    if data.latest_empty is not None:
        of = window_name(data.latest_empty.window)
        return Headline(Health.NOTHING, f"There is nothing to monitor: nothing was scored in {of}.{numbers}")
    words = [f"{_call(verdict)}; {verdict.acknowledgement}"] if verdict and verdict.acknowledgement else []
    words += _in_short([f"{_alert(one)}; {one.word}" for one in alerts])
    if words:
        return Headline(Health.ACKNOWLEDGED, f"A person knows: {'; '.join(words)}.{numbers}")
    if not verdict and not data.metric_names:
        return Headline(Health.UNMEASURED, _UNMEASURED if data.champion else _NO_CHAMPION)
    if not verdict:
        return Headline(Health.INCOMPLETE, f"No window has been judged yet.{numbers or _PROVISIONAL}")
    calm = f"neither harm nor broken data in {window_name(verdict.window)}"
    if not point:
        return Headline(Health.INCOMPLETE, f"There is {calm}, but no window has enough known labels yet.")
    if is_long_ago(verdict.window, data.as_of):
        return Headline(Health.INCOMPLETE, f"There is {calm}, but no window was judged since.{numbers}")
    if data.latest_unlabelled is not None:
        of = window_name(data.latest_unlabelled.window)
        return Headline(Health.INCOMPLETE, f"There is {calm}, but no label is known of {of}.{numbers}")
    return Headline(Health.FINE, f"The model is fine: {calm}.{numbers}")


_UNMEASURED = "Nothing is measured yet: a model is deployed, and its first labels are still to come."
_PROVISIONAL = " The performance is provisional: no window has enough known labels."
_SHOWN_REASONS = 3
_LONGEST_REASON = 160  # characters: all of it is below
_NO_CHAMPION = "Nothing is measured yet: no model is deployed."


def _harm(verdict: KnownVerdict | None, alerts: Sequence[AlertLine]) -> str:
    """Say whether what calls for a person harms the model, unless that is why it calls."""
    if verdict is None or verdict.harmful or any(one.is_of_harm for one in alerts):
        return ""
    if verdict.skill is None:
        return " Whether that harms the model is not known yet: few labels of the window are."
    return " The labels known show no harm to the model."


def _call(verdict: KnownVerdict) -> str:
    return f"in {window_name(verdict.window)}, {'; '.join(_in_short(verdict.reasons_to_call))}"


def _in_short(reasons: Sequence[str]) -> list[str]:
    rest = len(reasons) - _SHOWN_REASONS
    first = [shorten(reason, _LONGEST_REASON, placeholder=" …") for reason in reasons[:_SHOWN_REASONS]]
    return [*first, *([f"and {rest} more, below"] if rest > 0 else [])]


def _not_said_in(verdict: KnownVerdict | None, alerts: Sequence[AlertLine]) -> list[AlertLine]:
    """Choose the open alerts that are urgent, and of which the verdict does not say the same."""
    texts = [] if verdict is None else [text for of in STATEMENTS for text in of.said_in(verdict) if not of.of_columns]
    return [one for one in alerts if one.is_urgent and not any(text in one.message for text in texts)]


def _alert(one: AlertLine) -> str:
    title = f"{one.title[0].lower()}{one.title[1:]}"
    return f'the alert "{title}" is open since {day_name(one.since)}: {one.message}'


def _performance(data: ReportData, point: Point) -> str:
    name = data.chart_metrics[0] if data.chart_metrics[0] in point.live else next(iter(point.live))
    against = f", against {number(point.reference[name].value)} never retrained" if name in point.reference else ""
    return (
        f"In {window_name(point.window)}, the latest window whose labels are known, "
        f"its {metric_name(data.task, name)} was {estimate(point.live[name])}{against}."
    )


def missing_days(lines: Sequence[MissingLine], *, limit: int = 8) -> str:
    """List days on which rows are missing, by source."""
    return listed([f"{of.source} {_days(of.first, of.last)}" for of in lines], limit=limit)


def _days(first: date, last: date) -> str:
    return f"of {day_name(first)}" if first == last else f"from {day_name(first)} to {day_name(last)}"


def window_name(window: Window) -> str:
    """Name a window as a person would: `Jul 2024`, `1 Jul to 7 Jul 2024`, or its times if these are no whole days.

    Where days begin at another time than midnight, as those of a use case may, it is said once: `Jul 2024, from 06:00`.
    """
    if window.start.time() != window.end.time():
        return f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    begin = "" if window.start.time() == time() else f", from {window.start:%H:%M}"
    return f"{_days_name(window)}{begin}"


def _days_name(window: Window) -> str:
    start, last = window.start, window.end - timedelta(days=1)
    if start.day == window.end.day == 1 and (last.year, last.month) == (start.year, start.month):
        return f"{_MONTHS[start.month - 1]} {start.year}"
    if last == start:
        return day_name(start)
    first = f"{start.day} {_MONTHS[start.month - 1]}" if start.year == last.year else day_name(start)
    return f"{first} to {day_name(last)}"


def day_name(moment: date) -> str:
    """Write a day, such as `7 Jul 2024`."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def rates_title(data: ReportData) -> str:
    """Name what labels and scores are on average."""
    return f"Observed {data.task.label_mean} and mean predicted score"


def metric_name(task: Task, name: str) -> str:
    """Name a metric of a task; one that it does not know keeps its own name."""
    metric = task.metric(name)
    return name if metric is None else metric.title


def metric_unit(task: Task, name: str) -> str:
    """Say a metric's unit or how to read it; empty for one that the task does not know."""
    metric = task.metric(name)
    return "" if metric is None else metric.reading


def number(value: float | None) -> str:
    """Write a number with as many digits as matter."""
    if value is None or not math.isfinite(value):
        return NOT_KNOWN
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def share(value: float | None) -> str:
    """Write a share of 0 to 1 in per cent."""
    if value is None or not math.isfinite(value):
        return NOT_KNOWN
    return "<0.1%" if 0 < value < 0.0005 else f"{value:.1%}"


def estimate(value: Estimate | None) -> str:
    """Write an estimate with its interval, if there is one."""
    if value is None or not math.isfinite(value.value):
        return NOT_KNOWN
    has_interval = math.isfinite(value.low) and math.isfinite(value.high)
    return (
        f"{number(value.value)} ({number(value.low)} to {number(value.high)})" if has_interval else number(value.value)
    )


def listed(names: Sequence[str], *, limit: int = 8) -> str:
    """Write the first names, and how many there are besides."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")


def shortened(text: str, length: int) -> str:
    """Cut a text that is longer than `length`, and show that it is cut."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
