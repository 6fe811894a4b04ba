"""A report's heat map: the PSI of columns by week."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from levelfive.reporting.charts import Chart, Section, charts_of
from levelfive.reporting.data import ColumnWeek, ReportData
from levelfive.reporting.svg import GREY, LIGHT, STEPS, drawing, place_in_time, svg
from levelfive.reporting.words import number, shortened

SHOWN_COLUMNS = 30
_EDGES = (0.1, 0.25, 0.5, 1.0)
_WORDS = ("below 0.1", "0.1 to 0.25", "0.25 to 0.5", "0.5 to 1", "1 and more")
_WEEK = timedelta(days=7)


@charts_of(Section.COLUMNS)
def psi_charts(data: ReportData) -> Iterator[Chart]:
    """Draw the PSI of the columns where it is greatest, if there are columns."""
    if data.columns:
        yield Chart(psi_chart(data, list(greatest_psi(data))[:SHOWN_COLUMNS]), "PSI by week", wide=True)


def psi_chart(data: ReportData, columns: Sequence[str]) -> Markup:
    """Draw the PSI of the columns by week as a heat map, the first column at the top."""
    row_of = {column: row for row, column in enumerate(columns)}
    cells = [cell for cell in data.columns if cell.column in row_of]
    weeks = sorted({cell.week for cell in cells})
    with drawing():
        figure = Figure(figsize=(9.5, 1.1 + 0.21 * len(columns)), layout="constrained")
        axes = figure.subplots()
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        for step, color in enumerate(STEPS):
            _fill(axes, [(cell, row_of[cell.column]) for cell in cells if _step(cell.psi) == step], color)
        _fill(axes, [(cell, row_of[cell.column]) for cell in cells if _step(cell.psi) is None], "none")
        axes.set(xlim=(place_in_time(weeks[0]), place_in_time(weeks[-1] + _WEEK)), ylim=(len(columns), 0))
        axes.set_yticks(np.arange(len(columns)) + 0.5, [shortened(column, 28) for column in columns])
        axes.tick_params(axis="y", length=0)
        _label_greatest(axes, data, columns)
        axes.xaxis_date()
        figure.legend(
            handles=[
                Patch(facecolor=color, edgecolor=LIGHT, label=word) for color, word in zip(STEPS, _WORDS, strict=True)
            ]
            + [Patch(facecolor="none", edgecolor=LIGHT, label="not measured")],
            loc="outside upper left",
            ncols=6,
            columnspacing=1.2,
            handlelength=1.0,
        )
        return svg(figure, name="psi", alternative=_psi_words(data, columns, weeks))


def greatest_psi(data: ReportData) -> dict[str, float]:
    """Find each column's greatest PSI, greatest first; NaN where none is measured."""
    greatest: dict[str, float] = {}
    for cell in data.columns:
        values = [greatest.get(cell.column, math.nan), math.nan if cell.psi is None else cell.psi]
        greatest[cell.column] = max((value for value in values if not math.isnan(value)), default=math.nan)
    return dict(sorted(greatest.items(), key=lambda item: (math.isnan(item[1]), -item[1], item[0])))


def _psi_words(data: ReportData, columns: Sequence[str], weeks: Sequence[datetime]) -> str:
    greatest = greatest_psi(data)
    first = ", ".join(f"{column} {number(greatest[column])}" for column in columns[:5])
    return (
        f"Heat map of PSI: {len(columns)} of {len(greatest)} columns over {len(weeks)} weeks. Greatest values: {first}."
    )


def _fill(axes: Axes, cells: Sequence[tuple[ColumnWeek, int]], color: str) -> None:
    if cells:
        boxes = [_box(place_in_time(cell.week), row) for cell, row in cells]
        path = Path.make_compound_path(*boxes)
        axes.add_patch(PathPatch(path, facecolor=color, edgecolor=LIGHT if color == "none" else "white", linewidth=0.6))


def _box(left: float, top: float) -> Path:
    right, bottom = left + _WEEK.days, top + 1
    return Path([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], closed=True)


def _label_greatest(axes: Axes, data: ReportData, columns: Sequence[str]) -> None:
    greatest = greatest_psi(data)
    axis = axes.secondary_yaxis("right")
    axis.set_yticks(np.arange(len(columns)) + 0.5, [number(greatest[column]) for column in columns])
    axis.tick_params(axis="y", length=0)
    axis.spines[:].set_visible(False)
    axes.annotate(
        "greatest", (1, 1), xycoords="axes fraction", xytext=(4, 3), textcoords="offset points", fontsize=9, color=GREY
    )


def _step(psi: float | None) -> int | None:
    return None if psi is None or math.isnan(psi) else int(np.searchsorted(_EDGES, psi, side="right"))
