"""The parts in memory answer to the calls that the real ones answer to."""

import inspect

import pytest
from control_table_contract import Earlier
from in_memory.control_tables import MemoryControlTables
from in_memory.registry import MemoryBackend, MemoryClient
from in_memory.tables import MemoryTables
from lock_contract import check_that_one_piece_of_work_waits_for_the_other
from mlflow import MlflowClient

from levelfive.core.windows import utc
from levelfive.errors import TableError
from levelfive.registry.backends import Backend
from levelfive.storage.commits import Commit
from levelfive.storage.control_tables import ControlTables
from levelfive.storage.tables import WATERMARK, Tables

OF_TESTS_ALONE = {
    MemoryControlTables: {"versions"},
    MemoryBackend: {"change_file", "lose_files", "opened", "place"},
    MemoryClient: set(),
    MemoryTables: {"forget_commits"},
}


def parameters(of: type, name: str) -> list[tuple[str, object, object]]:
    """List a method's parameters, without their types, which some modules keep as text."""
    found = inspect.signature(getattr(of, name)).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in found]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (MemoryControlTables, ControlTables),
        (MemoryBackend, Backend),
        (MemoryClient, MlflowClient),
        (MemoryTables, Tables),
    ],
)
def test_a_part_in_memory_is_called_as_the_real_one(ours: type, theirs: type) -> None:
    public = {name for name, _ in inspect.getmembers(ours, callable) if not name.startswith("_")}

    assert len(public) > 2
    for name in public - OF_TESTS_ALONE[ours]:
        assert parameters(ours, name) == parameters(theirs, name), name


@pytest.mark.parametrize(("ours", "theirs"), [(MemoryControlTables, ControlTables), (MemoryBackend, Backend)])
def test_a_protocol_is_served_as_a_whole(ours: type, theirs: type) -> None:
    asked = {name for name, _ in inspect.getmembers(theirs, inspect.isfunction) if not name.startswith("_")}

    assert asked <= {name for name, _ in inspect.getmembers(ours, inspect.isfunction)}


def test_work_on_tables_in_memory_waits_as_it_does_on_a_laptop() -> None:
    check_that_one_piece_of_work_waits_for_the_other(MemoryTables())


def test_a_control_table_in_memory_has_a_version_for_each_write() -> None:
    tables = MemoryTables()

    made = [tables.control_tables.add("facts", [Earlier("a", number)], ("number",)).version for number in (1, 2, 2)]

    assert made == [0, 1, 1]
    assert (tables.exists("facts"), tables.version("facts"), tables.names()) == (True, 1, ("facts",))
    assert [commit.version for commit in tables.history("facts")] == [1, 0]


def test_a_table_of_commits_in_memory_tells_them_newest_first_and_how_far_they_reach() -> None:
    days = [utc(2013, 3, day) for day in (1, 2, 3)]
    commits = tuple(Commit(place, {WATERMARK: day.isoformat()}) for place, day in enumerate(days))

    tables = MemoryTables(commits={"labels": commits})

    assert tables.history("labels", limit=2) == (commits[2], commits[1])
    assert tables.watermark("labels", before=days[2]) == days[1]
    assert tables.watermark("nothing", before=days[2]) is None


def test_a_table_that_is_not_in_memory_says_who_writes_it() -> None:
    for ask in (MemoryTables("flights").read, MemoryTables("flights").version):
        with pytest.raises(TableError, match=r"flights\.labels does not exist yet: run the stage that writes it first"):
            ask("labels")
