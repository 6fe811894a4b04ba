"""Versions of a table as deliveries: by their names, rows remember where they came from."""

from pathlib import Path

from levelfive.data.changes import TableVersions, Way
from levelfive.storage.foreign_tables import ForeignTable


def versions(table_id: str, first: int, last: int) -> TableVersions:
    table = ForeignTable(None, "main.shop.things")
    return TableVersions(Path("things"), table_id, (), version=last, table=table, first=first, way=Way.WHOLE)


def test_a_delivery_is_named_by_its_versions_and_its_table() -> None:
    table_id = "5f2a0c31-9c1e-4b8e-8f9e-d3c1c0a1b2c3"

    assert versions(table_id, 3, 12).name == "versions 3 to 12 of 5f2a0c31"
    assert versions(table_id, 4, 4).name == "version 4 of 5f2a0c31"


def test_tables_that_are_made_anew_each_night_have_deliveries_of_other_names() -> None:
    assert versions("5f2a0c31-9c1e", 0, 0).name != versions("0b7d44e2-11aa", 0, 0).name
