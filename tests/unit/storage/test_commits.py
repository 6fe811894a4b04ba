"""When a version was committed tells it from another one of its number, also where a folder was copied."""

import shutil
from pathlib import Path

import pandas as pd
from deltalake import write_deltalake

from levelfive.storage.commits import committed_on_disk


def test_a_version_is_told_by_its_commit_and_not_by_the_times_of_files(tmp_path: Path) -> None:
    table, backup, rows = tmp_path / "table", tmp_path / "backup", pd.DataFrame({"id": [1]})
    write_deltalake(table, rows)
    shutil.copytree(table, backup, copy_function=shutil.copyfile)
    write_deltalake(table, rows, mode="append")
    first, second = (committed_on_disk(table, version) for version in (0, 1))

    write_deltalake(backup, rows, mode="append")

    assert first is not None
    assert committed_on_disk(backup, 0) == first
    assert committed_on_disk(backup, 1) not in (None, second)


def test_of_a_commit_that_is_gone_nothing_is_told(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pd.DataFrame({"id": [1]}))

    assert committed_on_disk(tmp_path, 7) is None
