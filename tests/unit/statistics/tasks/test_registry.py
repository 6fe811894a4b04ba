"""A task is found by the name that a model's package tells, and two tasks never share one."""

import json
from dataclasses import replace
from unittest.mock import patch

import pytest
from in_memory.release import a_use_case
from multiclass import COLOURS, Colours

from levelfive import BINARY, REGRESSION, Multiclass, Quantiles, register_task
from levelfive.errors import ConfigError
from levelfive.statistics.tasks import registry
from levelfive.statistics.tasks.registry import own_tasks, task_named, task_of
from levelfive.statistics.tasks.task import Task
from levelfive.usecase.check import check


class Another(Colours):
    name = "another"


class Impostor(Colours):
    name = "binary"


@pytest.mark.parametrize("task", [BINARY, REGRESSION, COLOURS], ids=lambda task: task.name)
def test_a_task_that_was_registered_is_found_by_its_name(task: Task) -> None:
    assert task_named(task.name) is task


@pytest.mark.parametrize("name", ["sorting", "plots", "../binary", ""])
def test_a_name_of_no_task_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"no task '{name}'; known are binary, .*regression.* Import the module"):
        task_named(name)


def test_the_tasks_that_levelfive_brings_are_listed_and_no_others() -> None:
    assert own_tasks() == (BINARY, REGRESSION)


def test_a_task_cannot_take_the_name_of_another() -> None:
    with pytest.raises(ConfigError, match=r"Impostor has the name of levelfive\.statistics\.tasks\.binary\.Binary"):
        register_task(Impostor())

    assert task_named("binary") is BINARY


@pytest.mark.parametrize("task", [Multiclass("fruits", ("apple", "pear")), Quantiles("wait", (0.1, 0.9))])
def test_a_task_with_a_definition_is_made_from_it_wherever_a_package_is_loaded(task: Task) -> None:
    definition = json.loads(json.dumps(task.definition))

    assert task_of(definition) == task
    assert task_of({**definition, "name": "another"}) != task
    assert own_tasks() == (BINARY, REGRESSION)


def test_a_definition_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no kind of task 'survival'; known are multiclass, quantiles\. Install"):
        task_of({"kind": "survival", "name": "wait"})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "wait", "levels": [0.1, 0.9], "weights": [1, 2]}, "unexpected keyword argument 'weights'"),
        ({"name": "wait"}, "missing a required argument: 'levels'"),
    ],
)
def test_a_definition_with_other_fields_is_refused(fields: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=f"a task of kind quantiles: .*{says}.*Install the levelfive that saved it"):
        task_of({"kind": "quantiles", **fields})


def test_a_module_that_is_loaded_again_registers_its_task_anew() -> None:
    again = Colours()
    with patch.dict(registry._TASKS), patch.dict(registry._REGISTERED_BY):
        assert task_named(register_task(again).name) is again
    assert task_named(COLOURS.name) is COLOURS


def test_a_use_case_whose_task_no_package_could_name_is_refused() -> None:
    use_case = a_use_case()

    with pytest.raises(ConfigError, match="its task 'another' is not registered: call `register_task`"):
        check(replace(use_case, model=replace(use_case.model, task=Another())))
    check(replace(use_case, model=replace(use_case.model, task=Multiclass("fruits", ("apple", "pear")))))
