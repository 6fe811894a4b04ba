"""A task is found in capitals: `Task.BINARY`."""

import subprocess
import sys

import pytest

from levelfive import BINARY, REGRESSION, Task

ALONE = "from levelfive import Task; print(Task.BINARY.name, Task.REGRESSION.name)"


def test_a_task_is_found_by_its_name_in_capitals() -> None:
    assert (Task.BINARY, Task.REGRESSION) == (BINARY, REGRESSION)


def test_nothing_else_need_be_imported() -> None:
    answer = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)

    assert answer.stdout.split() == ["binary", "regression"]


@pytest.mark.parametrize(("name", "says"), [("RANKING", "there is no task 'ranking'"), ("binary", "a task has no")])
def test_another_name_is_no_task(name: str, says: str) -> None:
    with pytest.raises(AttributeError, match=says):
        getattr(Task, name)
