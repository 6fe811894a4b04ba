"""Spark's control tables do what all must do, and Spark reads what a laptop's write."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from control_table_contract import ControlTableContract, WritersSideBySide, fact, numbers

from levelfive.storage.control_tables import ControlTables
from levelfive.storage.spark_control_tables import SparkControlTables
from levelfive.storage.tables import Tables


class TestOfAWorkspace(ControlTableContract):
    @pytest.fixture
    def control_tables(self, tables: Tables) -> ControlTables:
        return SparkControlTables(tables)


class TestWritersSideBySide(WritersSideBySide):
    @pytest.fixture
    def control_tables(self, tables: Tables) -> ControlTables:
        """A laptop's, with schemas as Spark reads them, or over Connect those of a workspace."""
        return tables.control_tables


def rows_by_number(control_tables: ControlTables) -> list[dict[str, object]]:
    return sorted(control_tables.rows("facts"), key=lambda row: row["number"])


WRITER = """
import sys
from dataclasses import dataclass
from pathlib import Path
from levelfive.storage.delta_rs_control_tables import DeltaRsControlTables

@dataclass(frozen=True)
class Number:
    number: int

control_tables = DeltaRsControlTables(lambda table: Path(sys.argv[1]) / table)
for number in range(10):
    print(control_tables.add("facts", [Number(number)], ("number",)).rows, flush=True)
    assert {"number": number} in control_tables.rows("facts")
"""


@pytest.mark.usefixtures("warehouse")
def test_processes_at_the_same_time_add_a_key_once(tmp_path: object) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) for _ in range(3)]
    added = [int(line) for process in both for line in process.communicate()[0].split()]
    assert [process.returncode for process in both] == [0, 0, 0]
    assert (len(added), sum(added)) == (30, 10)


@pytest.mark.usefixtures("warehouse")
def test_spark_reads_what_the_laptop_wrote_and_the_other_way_round(tables: Tables) -> None:
    tables.control_tables.add("facts", [fact("a", 1)])
    tables.control_tables.replace("facts", [fact("a", 2)], ("name",))
    SparkControlTables(tables).add("facts", [fact("b", 3)])
    ours, theirs = rows_by_number(tables.control_tables), rows_by_number(SparkControlTables(tables))
    assert ours == theirs
    assert numbers(tables.control_tables) == [2, 3]
    assert tables.read("facts").where("at < timestamp'2013-03-10 07:00:01'").count() == 2
    assert tables.version("facts") == 2
