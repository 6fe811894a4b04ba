"""Control tables that need no Spark: a laptop's, and the ones in memory that other tests stand on."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from control_table_contract import ControlTableContract, WritersSideBySide
from deltalake import DeltaTable
from in_memory.control_tables import MemoryControlTables

from levelfive.storage.control_tables import ControlTables
from levelfive.storage.delta_rs_control_tables import DeltaRsControlTables


@pytest.fixture(params=["memory", "laptop"])
def control_tables(request: pytest.FixtureRequest, tmp_path: Path) -> ControlTables:
    if request.param == "memory":
        return MemoryControlTables()
    return DeltaRsControlTables(lambda table: tmp_path / table)


class TestOneWriter(ControlTableContract):
    pass


class TestWritersSideBySide(WritersSideBySide):
    pass


@dataclass(frozen=True)
class OfDay:
    """A fact of a day."""

    name: str
    day: date


def days_of_facts(folder: Path, days: int) -> DeltaRsControlTables:
    """A laptop's control table with a commit for each day of March, and so a file."""
    control_tables = DeltaRsControlTables(lambda table: folder / table)
    for day in range(1, days + 1):
        control_tables.add("facts", [OfDay(f"of {day}", date(2013, 3, day))], ("name", "day"))
    return control_tables


def test_of_a_laptops_control_table_only_the_files_of_the_day_are_read(tmp_path: Path) -> None:
    control_tables = days_of_facts(tmp_path, 5)
    day = date(2013, 3, 5)
    oldest_first = sorted((tmp_path / "facts").glob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)

    for file in oldest_first[:-1]:
        file.unlink()

    assert [row["name"] for row in control_tables.rows("facts", between={"day": (day, None)})] == ["of 5"]
    for names in ({"of 5"}, {"of", "of 5", "of 6"}):
        assert [row["name"] for row in control_tables.rows("facts", where={"name": names})] == ["of 5"]
    assert control_tables.add("facts", [OfDay("of 5", day), OfDay("another", day)], ("name", "day")).rows == 1


def test_a_control_table_whose_old_commits_were_cleaned_up_is_what_it_was(tmp_path: Path) -> None:
    control_tables = days_of_facts(tmp_path, 5)
    DeltaTable(tmp_path / "facts").create_checkpoint()
    for commit in sorted((tmp_path / "facts" / "_delta_log").glob("[0-9]*.json"))[:-1]:
        commit.unlink()

    again = control_tables.add(
        "facts", [OfDay(f"of {day}", date(2013, 3, day)) for day in range(1, 7)], ("name", "day")
    )

    assert (again.rows, again.version) == (1, 5)
    assert sorted(row["name"] for row in control_tables.rows("facts")) == [f"of {day}" for day in range(1, 7)]
