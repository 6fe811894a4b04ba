"""A report's heat map: how far columns moved by window, in units of how much they vary by themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from levelfive.core.windows import Window
from levelfive.reporting.charts import Chart, Section, charts_of
from levelfive.reporting.data import ColumnWindow, ReportData
from levelfive.reporting.svg import GREY, LIGHT, STEPS, drawing, place_in_time, svg
from levelfive.reporting.words import number, shortened

SHOWN_COLUMNS = 30
_EDGES = (1.0, 2.0, 3.0, 5.0)
_WORDS = ("as usual", "1 to 2", "2 to 3", "3 to 5", "5 and more")
_HATCH, _DOTS = "////", "...."


@charts_of(Section.COLUMNS)
def moves_charts(data: ReportData) -> Iterator[Chart]:
    """Draw the columns that moved furthest for what is usual of them, if there are columns."""
    if data.columns:
        yield Chart(moves_chart(data, list(furthest(data))[:SHOWN_COLUMNS]), "Moves by window", wide=True)


def moves_chart(data: ReportData, columns: Sequence[str]) -> Markup:
    """Draw how far columns moved by window as a heat map, the first column at the top; hatched is what is outside."""
    row_of = {column: row for row, column in enumerate(columns)}
    cells = [cell for cell in data.columns if cell.column in row_of]
    windows = sorted({cell.window for cell in cells})
    with drawing():
        figure = Figure(figsize=(9.5, 1.1 + 0.21 * len(columns)), layout="constrained")
        axes = figure.subplots()
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        steps = {(cell.window, row_of[cell.column]): _step(cell.deviations) for cell in cells}
        for step, color in enumerate(STEPS):
            _fill(axes, [of for of, that in steps.items() if that == step], color)
        every = [(window, row) for window in windows for row in row_of.values()]
        _fill(axes, [of for of in every if steps.get(of) is None], "none", hatch=_DOTS, edge=LIGHT)
        beyond = [(cell.window, row_of[cell.column]) for cell in cells if cell.is_outside]
        _fill(axes, beyond, "none", hatch=_HATCH, edge=GREY)
        start, end = windows[0].start, max(window.end for window in windows)
        axes.set(xlim=(place_in_time(start), place_in_time(end)), ylim=(len(columns), 0))
        axes.set_yticks(np.arange(len(columns)) + 0.5, [shortened(column, 28) for column in columns])
        axes.tick_params(axis="y", length=0)
        _label_furthest(axes, data, columns)
        axes.xaxis_date()
        figure.legend(
            handles=[
                Patch(facecolor=color, edgecolor=LIGHT, label=word) for color, word in zip(STEPS, _WORDS, strict=True)
            ]
            + [
                Patch(facecolor="none", edgecolor=LIGHT, hatch=_DOTS, label="not measured"),
                Patch(facecolor="none", edgecolor=GREY, hatch=_HATCH, label="outside the training's range"),
            ],
            loc="outside upper left",
            ncols=4,
            columnspacing=1.2,
            handlelength=1.0,
        )
        return svg(figure, name="moves", alternative=_words(data, columns, windows))


def furthest(data: ReportData) -> dict[str, float]:
    """Find how far each column moved at most, in its own units, furthest first; NaN where that is not known."""
    return _greatest(data, lambda cell: cell.deviations)


def greatest_psi(data: ReportData) -> dict[str, float]:
    """Find each column's greatest PSI; NaN where none is measured."""
    return _greatest(data, lambda cell: cell.psi)


def _greatest(data: ReportData, of: Callable[[ColumnWindow], float | None]) -> dict[str, float]:
    greatest: dict[str, float] = {}
    for cell in data.columns:
        value = of(cell)
        values = [greatest.get(cell.column, math.nan), math.nan if value is None else value]
        greatest[cell.column] = max((one for one in values if not math.isnan(one)), default=math.nan)
    return dict(sorted(greatest.items(), key=lambda item: (math.isnan(item[1]), -item[1], item[0])))


def _words(data: ReportData, columns: Sequence[str], windows: Sequence[Window]) -> str:
    moves = furthest(data)
    first = ", ".join(f"{column} {number(moves[column])}" for column in columns[:5])
    return (
        f"Heat map of moves, in units of each column's own variation without a change: {len(columns)} of {len(moves)} "
        f"columns over {len(windows)} windows. Furthest: {first}."
    )


def _fill(axes: Axes, cells: Sequence[tuple[Window, int]], color: str, *, hatch: str = "", edge: str = "white") -> None:
    if cells:
        path = Path.make_compound_path(*(_box(window, row) for window, row in cells))
        axes.add_patch(PathPatch(path, facecolor=color, edgecolor=edge, linewidth=0 if hatch else 0.6, hatch=hatch))


def _box(window: Window, top: float) -> Path:
    left, right, bottom = place_in_time(window.start), place_in_time(window.end), top + 1
    return Path([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], closed=True)


def _label_furthest(axes: Axes, data: ReportData, columns: Sequence[str]) -> None:
    moves = furthest(data)
    axis = axes.secondary_yaxis("right")
    axis.set_yticks(np.arange(len(columns)) + 0.5, [number(moves[column]) for column in columns])
    axis.tick_params(axis="y", length=0)
    axis.spines[:].set_visible(False)
    axes.annotate(
        "furthest", (1, 1), xycoords="axes fraction", xytext=(4, 3), textcoords="offset points", fontsize=9, color=GREY
    )


def _step(deviations: float | None) -> int | None:
    if deviations is None or math.isnan(deviations):
        return None
    return int(np.searchsorted(_EDGES, deviations, side="right"))
