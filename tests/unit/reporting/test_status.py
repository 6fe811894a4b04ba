"""What `levelfive status` collects."""

from __future__ import annotations

from datetime import timedelta

from in_memory.release import LATER, Environment

from levelfive import BINARY
from levelfive.core.windows import Window
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.performance_records import write_performance
from levelfive.reporting.status import status_of
from levelfive.storage.runs import Run

DAY = timedelta(days=1)


def answers(window: Window, versions: tuple[str, ...], scored: int) -> Performance:
    return Performance(window, versions, scored, 0, 0, True, {}, None, None, None)


def test_which_versions_answered_single_requests_is_told_of_the_latest_window_that_has_some(
    production: Environment,
) -> None:
    first, second, third = (Window(LATER + n * DAY, LATER + (n + 1) * DAY) for n in range(3))
    run, name, as_of = Run(production.tables, "monitoring"), production.registry.name, LATER + 3 * DAY
    before = status_of(production.context, production.registry, as_of).served
    served = [answers(first, ("1",), 5), answers(second, ("1", "2"), 7), answers(third, (), 0)]
    live = [answers(third, ("3",), 9)]
    write_performance(run, name, live, task=BINARY, as_of=as_of, served_performances=served)

    assert before is None
    assert status_of(production.context, production.registry, as_of).served == (second, "1, 2")
    assert status_of(production.context, production.registry, as_of - DAY).served is None  # not yet known
