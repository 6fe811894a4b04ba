"""A report's charts: what is registered here for a section is drawn in it.

Metrics and rates stand by window, with what was decided at the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from levelfive.monitoring.alert_states import granularity
from levelfive.reporting.data import ChampionLine, Point, Reliability, ReportData
from levelfive.reporting.svg import GREY, INK, LIVE, PROMOTED, SECOND, drawing, place_in_time, svg
from levelfive.reporting.words import (
    estimate,
    metric_name,
    metric_unit,
    number,
    rates_title,
    share,
    shortened,
    window_name,
)
from levelfive.statistics.metrics import Estimate

_HALO = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}  # keeps a label apart from the lines
SHOWN_FEATURES = 12
ESTIMATED_LABEL = "estimated from the scores alone"
_NOTHING = Estimate(math.nan, math.nan, math.nan, 0, 0)


class Section(StrEnum):
    """A section of the report that has charts, by its id in the page."""

    PERFORMANCE = "performance"
    RATES = "rates"
    ALARMS = "alarms"
    COLUMNS = "columns"
    MODEL = "model"


@dataclass(frozen=True)
class Chart:
    """A drawn chart; one that is wide scrolls by itself under its title."""

    svg: Markup
    title: str = ""
    wide: bool = False


Drawing: TypeAlias = Callable[[ReportData], Iterable[Chart]]
_DRAWINGS: dict[Section, list[Drawing]] = {section: [] for section in Section}


def charts_of(section: Section) -> Callable[[Drawing], Drawing]:
    """Register a function that draws charts of a section, or none where there is nothing to draw."""

    def register(drawing: Drawing) -> Drawing:
        _DRAWINGS[section].append(drawing)
        return drawing

    return register


def figures(data: ReportData, section: Section) -> list[Chart]:
    """Draw all charts that are registered for a section."""
    return [chart for draw in _DRAWINGS[section] for chart in draw(data)]


@charts_of(Section.PERFORMANCE)
def metric_charts(data: ReportData) -> Iterator[Chart]:
    """Draw the one or two most telling metrics."""
    for metric in data.chart_metrics:
        yield Chart(metric_chart(data, metric))


def metric_chart(data: ReportData, metric: str) -> Markup:
    """Draw a metric of the live model and of the champion never retrained, with intervals by days."""
    points = data.points_in_time
    live = [point.live.get(metric, _NOTHING) for point in points]
    reference = [point.reference.get(metric, _NOTHING) for point in points]
    estimates = [point.estimates.get(metric, _NOTHING) if point.provisional else _NOTHING for point in points]
    has_estimates = any(math.isfinite(of.value) for of in estimates)
    with drawing():
        figure, axes = _figure_with_decisions(data)
        title, unit = metric_name(data.task, metric), metric_unit(data.task, metric)
        axes.set_title(f"{title} ({unit})" if unit else metric, loc="left")
        _band(axes, points, reference, GREY)
        _band(axes, points, live, LIVE)
        _line(axes, points, [of.value for of in reference], color=GREY, marker="s", style="--")
        _line(axes, points, [of.value for of in live], color=LIVE, marker="o", style="-")
        if has_estimates:
            _band(axes, points, estimates, SECOND)
            _line(axes, points, [of.value for of in estimates], color=SECOND, marker="D", style=":")
        _mark_promotions(axes, data)
        _shade_notes(axes, data)
        _label_provisional(axes, points, [of.value for of in live])
        handles = _handles(data, "live model", "never retrained", second=GREY)
        if has_estimates:
            handles.append(Line2D([], [], color=SECOND, marker="D", linestyle=":", label=ESTIMATED_LABEL))
        _legend(figure, handles)
        text = "; ".join(
            f"{window_name(point.window)}: {estimate(mine)} live, {estimate(old)} never retrained"
            + (f", {estimate(guess)} estimated" if math.isfinite(guess.value) else "")
            for point, mine, old, guess in zip(points, live, reference, estimates, strict=True)
        )
        name = f"metric-{data.chart_metrics.index(metric)}"
        return svg(figure, name=name, alternative=f"{title} by window. {text}.")


@charts_of(Section.PERFORMANCE)
def reliability_charts(data: ReportData) -> Iterator[Chart]:
    """Draw how often scores came true, where that is known."""
    if data.reliability is not None:
        yield Chart(reliability_chart(data, data.reliability))


def reliability_chart(data: ReportData, reliability: Reliability) -> Markup:
    """Draw the mean label by score, with intervals by days, over what unseen scores said at training."""
    groups = reliability.groups
    scores, labels = [of.score for of in groups], [of.label for of in groups]
    ends = [*scores, *(of.low for of in groups), *(of.high for of in groups)]
    with drawing():
        figure = Figure(figsize=(5.4, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.set_title(f"{data.task.label_mean.capitalize()} by score,\n{window_name(reliability.window)}", loc="left")
        axes.set(xlabel="mean score of a tenth of the rows", ylabel=f"observed {data.task.label_mean}")
        if data.task.labels_are_shares:
            axes.xaxis.set_major_formatter(PercentFormatter(1.0))
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color=GREY, linewidth=1, linestyle=":")
        if reliability.training is not None:
            at = np.linspace(min(scores), max(scores), 200)
            axes.plot(at, reliability.training.shares_of(at), color=SECOND, linewidth=1.4, linestyle="--")
        axes.vlines(scores, [of.low for of in groups], [of.high for of in groups], color=LIVE, linewidth=1)
        axes.plot(scores, labels, color=LIVE, marker="o", markersize=5.5, linewidth=1.6)
        handles = [
            Line2D([], [], color=LIVE, marker="o", markersize=5.5, label="live model"),
            Line2D([], [], color=GREY, linestyle=":", label="scores that come true"),
        ]
        if reliability.training is not None:
            handles.append(Line2D([], [], color=SECOND, linestyle="--", label="unseen rows at training"))
        figure.legend(handles=handles, loc="outside lower left", ncols=2, columnspacing=1.2, fontsize=9)
        text = "; ".join(
            f"{number(of.score)}: {number(of.label)} ({number(of.low)} to {number(of.high)})" for of in groups
        )
        name = f"Observed {data.task.label_mean} by mean score in {window_name(reliability.window)}"
        return svg(figure, name="reliability", alternative=f"{name}. {text}.")


@charts_of(Section.RATES)
def rate_charts(data: ReportData) -> Iterator[Chart]:
    """Draw the mean label and the mean score, where one is known."""
    if data.points_with_rates:
        yield Chart(rate_chart(data))


def rate_chart(data: ReportData) -> Markup:
    """Draw the observed label rate against the mean predicted score."""
    points = data.points_in_time
    rates = [_or_nan(point.label_rate) for point in points]
    scores = [_or_nan(point.mean_score) for point in points]
    usual = [point.usual_label_mean or _NOTHING for point in points]
    has_usual = any(math.isfinite(of.value) for of in usual)
    with drawing():
        figure, axes = _figure_with_decisions(data)
        axes.set_title(rates_title(data), loc="left")
        if data.task.labels_are_shares:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        if has_usual:
            _band(axes, points, usual, GREY)
            _line(axes, points, [of.value for of in usual], color=GREY, marker="", style=":")
        _line(axes, points, scores, color=SECOND, marker="s", style="--")
        _line(axes, points, rates, color=LIVE, marker="o", style="-")
        _mark_promotions(axes, data)
        _shade_notes(axes, data)
        _label_provisional(axes, points, rates)
        handles = _handles(data, f"observed {data.task.label_mean}", "mean score", second=SECOND)
        if has_usual:
            handles.append(Line2D([], [], color=GREY, linestyle=":", label="at training, band of such windows"))
        _legend(figure, handles)
        text = "; ".join(
            f"{window_name(point.window)}: {number(rate)} observed, {number(score)} predicted"
            + (f", {estimate(before)} at training" if math.isfinite(before.value) else "")
            for point, rate, score, before in zip(points, rates, scores, usual, strict=True)
        )
        return svg(
            figure, name="rates", alternative=f"Observed {data.task.label_mean} and mean score by window. {text}."
        )


@charts_of(Section.MODEL)
def importance_charts(data: ReportData) -> Iterator[Chart]:
    """Draw what the last champion's scores rest on, beside the one before, where that is known."""
    if data.champions and data.champions[-1].importances:
        yield Chart(importance_chart(data.champions))


def importance_chart(champions: Sequence[ChampionLine]) -> Markup:
    """Draw the features that the last champion rests on most, as bars, and what the one before rested on, as marks."""
    *earlier, last = champions
    names = most_important(last)[:SHOWN_FEATURES]
    rows = range(len(names))
    with drawing():
        figure = Figure(figsize=(5.4, 1.4 + 0.26 * len(names)), layout="constrained")
        axes = figure.subplots()
        axes.set_title(f"What version {shortened(last.version, 8)} rests on", loc="left")
        axes.barh(rows, [last.importances[name] for name in names], color=LIVE, height=0.62)
        handles = [Line2D([], [], color=LIVE, linewidth=6, label=f"version {shortened(last.version, 8)}")]
        if earlier and earlier[-1].importances:
            before = [earlier[-1].importances.get(name, 0.0) for name in names]
            axes.plot(before, rows, linestyle="none", marker="D", markersize=5, color=SECOND)
            label = f"version {shortened(earlier[-1].version, 8)}, champion before"
            handles.append(Line2D([], [], color=SECOND, marker="D", markersize=5, linestyle="none", label=label))
        axes.set_yticks(rows, [shortened(name, 24) for name in names])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_axisbelow(True)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        figure.legend(handles=handles, loc="outside lower left", ncols=2, columnspacing=1.2, fontsize=9)
        text = "; ".join(f"{name}: {share(last.importances[name])}" for name in names)
        return svg(figure, name="importances", alternative=f"What version {last.version} rests on. {text}.")


def most_important(champion: ChampionLine) -> list[str]:
    """List the features that a version rests on, those that it rests on most first."""
    shares = sorted(champion.importances.items(), key=lambda one: (-one[1], one[0]))
    return [name for name, value in shares if value > 0]


def _figure_with_decisions(data: ReportData) -> tuple[Figure, Axes]:
    """Set up a chart over time, above a strip with a row for each kind of decision."""
    actions = sorted({decision.action for decision in data.decisions})
    rows = len(actions)
    figure = Figure(figsize=(5.4, 3.4 + 0.18 * rows), layout="constrained")
    if not rows:
        axes = figure.subplots()
        _time_axis(axes, data)
        return figure, axes
    axes, strip = figure.subplots(2, 1, sharex=True, height_ratios=(14, rows))
    for row, action in enumerate(actions):
        times = [place_in_time(decision.as_of) for decision in data.decisions if decision.action == action]
        strip.plot(times, [row] * len(times), linestyle="none", marker="|D^v"[row % 4], color=INK, markersize=5)
    strip.set_yticks(range(rows), [shortened(action, 18) for action in actions])
    strip.set_ylim(rows - 0.5, -0.5)
    strip.tick_params(axis="y", length=0)
    strip.grid(visible=False)
    _time_axis(strip, data)
    axes.tick_params(axis="x", length=0)
    return figure, axes


def _shade_notes(axes: Axes, data: ReportData) -> None:
    left, right = axes.get_xlim()
    for note in data.notes:
        start, end = (place_in_time(moment) for moment in (note.window.start, note.window.end))
        if start < right and left < end:
            axes.axvspan(max(start, left), min(end, right), color=GREY, alpha=0.12, linewidth=0)


def _time_axis(axes: Axes, data: ReportData) -> None:
    points = data.points_in_time
    start = place_in_time(points[0].window.start)
    ends = [point.window.end for point in points]
    end = place_in_time(max([*ends, *(decision.as_of for decision in data.decisions)]))
    margin = 0.03 * (end - start)
    axes.set_xlim(start - margin, end + margin)
    axes.xaxis_date()


def _band(axes: Axes, points: Sequence[Point], values: Sequence[Estimate], color: str) -> None:
    low, high = np.array([of.low for of in values]), np.array([of.high for of in values])
    finite = np.isfinite(low) & np.isfinite(high)
    middles = np.array(_middles(points))
    for of_length in _by_length(points):
        where = finite[of_length].tolist()
        axes.fill_between(
            middles[of_length], low[of_length], high[of_length], where=where, color=color, alpha=0.15, linewidth=0
        )
    axes.vlines(middles[finite], low[finite], high[finite], color=color, linewidth=1)


def _line(axes: Axes, points: Sequence[Point], values: Sequence[float], *, color: str, marker: str, style: str) -> None:
    middles = _middles(points)
    for of_length in _by_length(points):
        axes.plot(
            [middles[i] for i in of_length],
            [values[i] for i in of_length],
            color=color,
            linestyle=style,
            linewidth=1.6,
        )
    for provisional, face in ((False, color), (True, "white")):
        indices = [i for i, point in enumerate(points) if point.provisional == provisional]
        axes.plot(
            [middles[i] for i in indices],
            [values[i] for i in indices],
            linestyle="none",
            marker=marker,
            markersize=5.5,
            color=color,
            markerfacecolor=face,
        )


def _label_provisional(axes: Axes, points: Sequence[Point], values: Sequence[float]) -> None:
    for point, middle, value in zip(points, _middles(points), values, strict=True):
        if point.provisional and math.isfinite(value):
            axes.annotate(
                f"{point.share_known:.0%}",
                (middle, value),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=9,
                bbox=_HALO,
            )


def _mark_promotions(axes: Axes, data: ReportData) -> None:
    left, right = axes.get_xlim()
    free_from = -math.inf
    for promotion in sorted(data.promotions, key=lambda promotion: promotion.at):
        moment = place_in_time(promotion.at)
        if not left <= moment <= right:
            continue
        axes.axvline(moment, color=PROMOTED, linewidth=1.2, linestyle=":")
        if moment >= free_from:  # labels that would lie on one another are left to the list below the charts
            axes.annotate(
                shortened(promotion.version, 8),
                (moment, 1),
                xycoords=axes.get_xaxis_transform(),
                xytext=(2, -1),
                textcoords="offset points",
                va="top",
                fontsize=9,
                color=PROMOTED,
            )
            free_from = moment + (right - left) * 0.015 * (2 + min(len(promotion.version), 8))


def _handles(data: ReportData, first_label: str, second_label: str, *, second: str) -> list[Line2D]:
    """Make the legend's entries, of what is drawn alone."""
    handles = [
        Line2D([], [], color=LIVE, marker="o", label=first_label),
        Line2D([], [], color=second, marker="s", linestyle="--", label=second_label),
    ]
    if data.promotions:
        handles.append(Line2D([], [], color=PROMOTED, linestyle=":", label="promotion of a version"))
    if any(point.provisional for point in data.points):
        label = "provisional, share of labels known"
        handles.append(Line2D([], [], color=LIVE, marker="o", markerfacecolor="white", linestyle="none", label=label))
    return handles


def _legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    for handle in handles:
        handle.set_markersize(5.5)
    figure.legend(handles=handles, loc="outside lower left", ncols=2, columnspacing=1.2, fontsize=9)


def _by_length(points: Sequence[Point]) -> list[list[int]]:
    """Put the places of points together whose windows are about as long as each other: one line joins these alone."""
    places: dict[str, list[int]] = {}
    for place, point in enumerate(points):
        places.setdefault(granularity(point.window), []).append(place)
    return list(places.values())


def _middles(points: Sequence[Point]) -> list[float]:
    return [(place_in_time(point.window.start) + place_in_time(point.window.end)) / 2 for point in points]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
