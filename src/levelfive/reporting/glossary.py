"""What is registered, as tables of Markdown; documents hold them between marks, and `make glossary` renews them."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from levelfive.monitoring.alerts import ALERTS, Alert
from levelfive.monitoring.drift_statistics import DRIFT_STATISTICS, DriftStatistic
from levelfive.statistics.tasks.registry import own_tasks

_BLOCK = re.compile(r"(<!-- registered: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def drift_statistics() -> str:
    """Write the registered drift statistics as a table."""
    heads = ("statistic", "of", "from", "to", "meaning")
    return _table(heads, (_drift_statistic(one) for one in DRIFT_STATISTICS.values()))


def alerts() -> str:
    """Write the registered alerts as a table."""
    heads = ("alert", "statement", "severity", "raised where")
    return _table(heads, (_alert(one) for one in ALERTS.values()))


def metrics() -> str:
    """Write the metrics of levelfive's own tasks as a table."""
    heads = ("metric", "task", "meaning")
    rows = (
        (f"`{metric.name}`", task.name, f"{metric.title}: {metric.reading}")
        for task in own_tasks()
        for metric in task.metrics
    )
    return _table(heads, rows)


TABLES: Mapping[str, Callable[[], str]] = {"drift_statistics": drift_statistics, "alerts": alerts, "metrics": metrics}
"""By the name in a document's mark, what writes the table."""


def with_tables(document: str) -> str:
    """Write the tables of a document anew, each between `<!-- registered: NAME -->` and `<!-- end -->`."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{TABLES[block['name']]()}\n{block[3]}", document)


def _drift_statistic(statistic: DriftStatistic) -> tuple[str, ...]:
    kinds = "all columns" if len(statistic.kinds) > 1 else str(*statistic.kinds)
    meaning = f"{statistic.title}: {statistic.meaning}"
    return (f"`{statistic.name}`", kinds, *map(_limit, statistic.limits), meaning)


def _alert(one: Alert) -> tuple[str, ...]:
    statement = "none" if one.statement is None else one.statement.title
    return (f"`{one.name}`", statement, one.severity, one.meaning)


def _limit(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else "no limit"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (heads, ("---",) * len(heads), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:]):
        file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
