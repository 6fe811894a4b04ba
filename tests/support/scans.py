"""Which files of tables Spark has opened, as its own metrics tell of each query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

FILES_READ = "number of files read"
_TABLE = re.compile(r"Scan parquet \S*\.(\w+)$")


@dataclass(frozen=True)
class Scan:
    """A look at a table: how many of its files were opened."""

    table: str
    files: int


@contextmanager
def scans_of(spark: SparkSession) -> Iterator[Callable[[], list[Scan]]]:
    """List the scans of the queries that end within a block, in their order."""
    store = spark._jsparkSession.sharedState().statusStore()
    before = _executions(store)

    def scans() -> list[Scan]:
        spark._jsc.sc().listenerBus().waitUntilEmpty()
        return [scan for number in sorted(_executions(store) - before) for scan in _scans(store, number)]

    yield scans


def _executions(store: Any) -> set[int]:
    listed = store.executionsList()
    return {listed.apply(place).executionId() for place in range(listed.size())}


def _scans(store: Any, execution: int) -> Iterator[Scan]:
    values, nodes = store.executionMetrics(execution), store.planGraph(execution).allNodes()
    for place in range(nodes.size()):
        node = nodes.apply(place)
        match = _TABLE.search(node.name().strip())
        metrics = node.metrics()
        for number in range(metrics.size() if match else 0):
            metric = metrics.apply(number)
            value = values.get(metric.accumulatorId())
            if metric.name() == FILES_READ and value.isDefined():
                yield Scan(match[1], int(value.get().replace(",", "")))
