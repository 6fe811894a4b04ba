"""A report's charts of the columns whose drift alarm is open: the latest window beside the training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from levelfive.reporting.charts import Chart, Section, charts_of
from levelfive.reporting.data import Moved, ReportData
from levelfive.reporting.svg import GREY, LIVE, drawing, svg
from levelfive.reporting.words import day_name, share, shortened

SHOWN_ALARMS = 6
_SHOWN_BINS = 24
_LONGEST = 14


@charts_of(Section.ALARMS)
def moved_charts(data: ReportData) -> Iterator[Chart]:
    """Draw the columns whose alarm is open that the model rests on most."""
    for place, drift in enumerate(data.drifted_columns[:SHOWN_ALARMS]):
        yield Chart(moved_chart(drift, name=f"moved-{place}"))


def moved_chart(drift: Moved, *, name: str) -> Markup:
    """Draw which share of the values is in each bin, at training and in the latest window."""
    bins, before, now = _drawn(drift)
    places = np.arange(len(bins))
    with drawing():
        figure = Figure(figsize=(5.4, 3.2), layout="constrained")
        axes = figure.subplots()
        axes.set_title(f"{shortened(drift.column, 28)}, alarm since {day_name(drift.since)}", loc="left")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.bar(places, now, width=0.8, color=LIVE, alpha=0.35)
        axes.step(places, before, where="mid", color=GREY, linestyle="--", linewidth=1.6)
        axes.step(places, now, where="mid", color=LIVE, linewidth=1.6)
        axes.set_xticks(places, [shortened(one, _LONGEST) for one in bins], rotation=60, ha="right", fontsize=8)
        figure.legend(
            handles=[
                Line2D([], [], color=LIVE, label="latest window"),
                Line2D([], [], color=GREY, linestyle="--", label="training"),
            ],
            loc="outside lower left",
            ncols=2,
            fontsize=9,
        )
        text = "; ".join(
            f"{one}: {share(new)}, {share(old)} at training" for one, old, new in zip(bins, before, now, strict=True)
        )
        return svg(figure, name=name, alternative=f"Shares of the values of {drift.column} by bin. {text}.")


def _drawn(drift: Moved) -> tuple[Sequence[str], Sequence[float], Sequence[float]]:
    """Turn counts into shares; of many bins, those that moved most are drawn, and the others are one."""
    before, now = (np.array(counts, float) / max(sum(counts), 1) for counts in (drift.before, drift.now))
    if len(drift.bins) <= _SHOWN_BINS:
        return drift.bins, before.tolist(), now.tolist()
    most = np.sort(np.argsort(-np.abs(now - before), kind="stable")[: _SHOWN_BINS - 1])
    rest = np.setdiff1d(np.arange(len(drift.bins)), most)
    bins = [*(drift.bins[place] for place in most), f"{rest.size} more"]
    return bins, [*before[most].tolist(), float(before[rest].sum())], [*now[most].tolist(), float(now[rest].sum())]
