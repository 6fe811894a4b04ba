"""What the rows of monitoring's tables tell besides what was measured."""

import pytest
from in_memory.release import AS_OF, LATER
from in_memory.tables import MemoryTables
from multiclass import COLOURS

from levelfive import BINARY, REGRESSION, Task
from levelfive.core.windows import Window
from levelfive.monitoring.consecutive import DRIFT_CONSECUTIVE, ConsecutiveDrift, write_consecutive
from levelfive.monitoring.consistency import CONSISTENCY, FeatureDay
from levelfive.monitoring.evidence import Delivered
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.performance_records import PERFORMANCE, reliability_of, write_performance
from levelfive.monitoring.records import QUALITY, write_consistency, write_quality
from levelfive.monitoring.verdict import Subject
from levelfive.statistics.calibration import ReliabilityGroup
from levelfive.storage.runs import Run


@pytest.mark.parametrize(
    ("task", "loss", "skill", "offset"),
    [
        (BINARY, "log_loss", "skill", "calibration"),
        (REGRESSION, "rmse", "r2", "bias"),
        (COLOURS, "log_loss", "skill", None),
    ],
    ids=["binary", "regression", "a third task"],
)
def test_a_row_of_performance_names_the_loss_the_skill_and_the_offset_of_its_task(
    task: Task, loss: str, skill: str, offset: str | None
) -> None:
    tables = MemoryTables()
    measured = Performance(Window(AS_OF, LATER), ("7",), 9, 0, 0, True, {}, None, None, None)

    write_performance(Run(tables, "a-run"), "m", [measured], task=task, as_of=LATER)

    (row,) = tables.control_tables.rows(PERFORMANCE)
    assert (row["loss_metric"], row["skill_metric"], row["offset_metric"]) == (loss, skill, offset)


def test_how_often_scores_came_true_is_read_as_it_was_written() -> None:
    tables = MemoryTables()
    groups = (ReliabilityGroup(0.1, 0.08, 0.05, 0.11, 900), ReliabilityGroup(0.6, 0.7, 0.62, 0.78, 880))
    measured = Performance(Window(AS_OF, LATER), ("7",), 9, 0, 0, True, {}, None, None, None, reliability=groups)

    write_performance(Run(tables, "a-run"), "m", [measured], task=BINARY, as_of=LATER)

    (row,) = tables.control_tables.rows(PERFORMANCE)
    assert reliability_of(row) == groups
    assert reliability_of({}) == ()  # of a levelfive that did not say


def test_what_a_window_monitored_again_does_not_say_any_more_is_gone() -> None:
    tables, subject = MemoryTables(), Subject("m", "7", Window(AS_OF, LATER))
    run = Run(tables, "a-run")
    move = ConsecutiveDrift(
        **vars(subject), window_cmp=subject.window, column_name="wind", count_delta=0, avg_delta=0.0, statistics={}
    )
    difference = FeatureDay(
        day=AS_OF.date(), feature="wind", answers=9, mismatches=1, missing=0, extra=0, behind=0,
        max_difference=1.0, mean_difference=0.1, first_served_at=AS_OF, computed_anew=False,
    )  # fmt: skip

    def monitor(found: int) -> dict[str, int]:
        write_consecutive(run, subject, [move][:found])
        write_consistency(run, subject, [(subject, difference)][:found])
        write_quality(run, subject, [Delivered("flights", 9, 9, 0, 0)][:found])
        return {name: len(tables.control_tables.rows(name)) for name in (DRIFT_CONSECUTIVE, CONSISTENCY, QUALITY)}

    assert set(monitor(1).values()) == {1}
    assert set(monitor(0).values()) == {0}
