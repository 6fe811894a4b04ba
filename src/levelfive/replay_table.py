"""The demo's final table, for a terminal."""

from __future__ import annotations

from rich.table import Table

from levelfive.replay import PeriodRow, ReplayResult

SHOWN_METRICS = 2


def demo_table(result: ReplayResult) -> Table:
    """Show a line a period: what landed, what was scored, and how the predictions did."""
    table = Table("period", "landed", "accepted", "quarantined", "scored", "no label (mean score)", "label rate")
    found = [row.performance.evaluation for row in result.rows if row.performance and row.performance.evaluation]
    names = list(found[0].estimates)[:SHOWN_METRICS] if found else []
    for column in table.columns[1:5]:
        column.justify = "right"
    for name in names:
        table.add_column(name.replace("_", " "))
    for row in result.rows:
        table.add_row(*_cells(row, names))
    for column in table.columns:
        column.no_wrap = True
    return table


def _cells(row: PeriodRow, names: list[str]) -> list[str]:
    cells = [f"{row.window.start:%Y-%m-%d}", f"{row.landed:,}", f"{row.accepted:,}", f"{row.quarantined:,}"]
    if row.performance is None:
        return [*cells, "(training)"]
    others = sorted(row.performance.without_label.items())
    cells += [f"{row.performance.scored:,}", ", ".join(f"{n:,} {what} ({mean:.2f})" for what, (n, mean) in others)]
    found = row.performance.evaluation
    if found is None:
        return cells
    estimates = [found.estimates[name] for name in names]
    return [*cells, f"{found.label_mean:.3f}", *(f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in estimates)]
