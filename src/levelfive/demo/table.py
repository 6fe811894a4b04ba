"""The demo's final table, for a terminal."""

from __future__ import annotations

from rich.table import Table

from levelfive.reporting.measurements import MeasuredWindow
from levelfive.statistics.tasks.task import Task

SHOWN_METRICS = 2


def demo_table(measures: tuple[MeasuredWindow, ...], task: Task) -> Table:
    """Show a line a window: what landed, what was scored and by which version, and how the predictions did."""
    table = Table(
        "from", "landed", "accepted", "quarantined", "scored", "version", "no label (mean score)", task.label_mean
    )
    names = list(measures[0].point.live)[:SHOWN_METRICS] if measures else []
    for column in table.columns[1:6]:
        column.justify = "right"
    for name in names:
        table.add_column(name.replace("_", " "))
        table.add_column("never retrained")
    for one in measures:
        table.add_row(*_cells(one, names))
    for column in table.columns:
        column.no_wrap = True
    return table


def _cells(one: MeasuredWindow, names: list[str]) -> list[str]:
    point = one.point
    counts = (point.landed, point.accepted, point.quarantined, point.scored)
    cells = [f"{point.window.start:%Y-%m-%d}", *(f"{count:,}" for count in counts), point.model_version]
    cells.append(", ".join(f"{n:,} {what} ({mean:.2f})" for what, (n, mean) in sorted(one.without_label.items())))
    cells.append("" if point.label_rate is None else f"{point.label_rate:.3f}")
    for name in names:
        live, reference = point.live[name], point.reference[name]
        cells += [f"{live.value:.3f} [{live.low:.3f}, {live.high:.3f}]", f"{reference.value:.3f}"]
    return cells
