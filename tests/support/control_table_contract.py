"""What control tables must do, whichever engine holds them; a suite brings `control_tables`."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from levelfive.core.windows import utc
from levelfive.errors import TableError
from levelfive.storage.control_tables import ControlTables
from levelfive.storage.spark_control_tables import NAMED_VALUES

SCHEMA = """name string, at timestamp, day date, number long, share double, good boolean, counts map<string,long>,
    parts array<double>"""
MICROSECOND = timedelta(microseconds=1)


def row(name: str, number: int, **other: object) -> tuple[object, ...]:
    cells = {"at": utc(2013, 3, 10, 7), "day": date(2013, 3, 10), "share": 0.5, "good": True}
    cells |= {"counts": {"a": number}, "parts": [1.0, 2.0], **other}
    return (name, cells["at"], cells["day"], number, *(cells[c] for c in ("share", "good", "counts", "parts")))


def numbers(control_tables: ControlTables, table: str = "facts") -> list[int]:
    return sorted(found["number"] for found in control_tables.rows(table))


class ControlTableContract:
    """What one writer sees."""

    def test_what_was_written_is_read_with_its_types(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", SCHEMA, [row("it's", 1), row("b", 2, day=None, at=None, counts={}, parts=[])])
        first, second = sorted(control_tables.rows("facts"), key=lambda found: found["number"])
        assert first == {
            "name": "it's",
            "at": utc(2013, 3, 10, 7),
            "day": date(2013, 3, 10),
            "number": 1,
            "share": 0.5,
            "good": True,
            "counts": {"a": 1},
            "parts": [1.0, 2.0],
        }
        assert (second["at"], second["day"], second["counts"], second["parts"]) == (None, None, {}, [])

    def test_times_are_in_utc(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", "at timestamp", [(utc(2013, 3, 10, 7),)])

        assert [found["at"].utcoffset().total_seconds() for found in control_tables.rows("facts")] == [0]

    def test_rows_are_chosen_by_values_and_columns(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", SCHEMA, [row("a", 1), row("b", 2), row("a", 3, good=False)])
        found = control_tables.rows("facts", columns=("number",), where={"name": "a", "good": True})
        assert found == [{"number": 1}]
        assert control_tables.rows("facts", where={"at": utc(2013, 3, 10, 8)}) == []

    def test_rows_are_chosen_by_their_least_and_greatest_values(self, control_tables: ControlTables) -> None:
        hours = [utc(2013, 3, 10, hour) + MICROSECOND for hour in range(4)]
        rows = [row("a", hour, at=at, day=date(2013, 3, 10 + hour)) for hour, at in enumerate(hours)]
        for part in (rows[:2], [*rows[2:], row("a", 9, at=None, day=None)]):
            control_tables.add("facts", SCHEMA, part)

        def chosen(**between: tuple[object, object]) -> list[int]:
            return sorted(
                found["number"] for found in control_tables.rows("facts", columns=("number",), between=between)
            )

        first, last = hours[1:3]
        assert chosen(at=(first, last)) == chosen(day=(date(2013, 3, 11), date(2013, 3, 12))) == [1, 2]
        assert (chosen(at=(first, None)), chosen(at=(None, first))) == ([1, 2, 3], [0, 1])
        assert chosen(at=(first + MICROSECOND, last - MICROSECOND)) == []
        assert chosen(at=(first, None), day=(None, date(2013, 3, 12))) == [1, 2]

    def test_rows_are_chosen_by_any_of_several_values(self, control_tables: ControlTables) -> None:
        names = {f"it's {number}": number for number in range(3)} | {
            f"other {number}": 10 + number for number in range(3)
        }
        control_tables.add("facts", SCHEMA, [row(name, number) for name, number in names.items()])

        for unknown in (1, 2 * NAMED_VALUES):
            wanted = {"it's 0", "it's 2", "other 1", *(f"nobody {number}" for number in range(unknown))}
            found = control_tables.rows("facts", where={"name": wanted, "good": True})
            assert sorted(row["number"] for row in found) == [0, 2, 11]
        assert control_tables.rows("facts", where={"name": []}) == []

    def test_a_table_that_is_not_there_has_no_rows(self, control_tables: ControlTables) -> None:
        assert control_tables.rows("nothing") == []

    def test_a_key_is_added_once(self, control_tables: ControlTables) -> None:
        assert control_tables.add("facts", SCHEMA, [row("a", 1)], ("name", "number")).rows == 1
        write = control_tables.add("facts", SCHEMA, [row("a", 1, share=9.0), row("a", 2)], ("name", "number"))
        assert (write.rows, numbers(control_tables)) == (1, [1, 2])
        assert {found["share"] for found in control_tables.rows("facts")} == {0.5}
        again = control_tables.add("facts", SCHEMA, [row("a", 2)], ("name", "number"))
        assert (again.rows, numbers(control_tables)) == (0, [1, 2])

    def test_a_key_with_times_is_added_once_wherever_it_lies(self, control_tables: ControlTables) -> None:
        rows = [row("a", number, at=utc(2013, 3, number + 1), day=date(2013, 3, number + 1)) for number in range(5)]
        keys = ("name", "at", "day")
        control_tables.add("facts", SCHEMA, [*rows, row("a", 7, at=None)], keys)

        again = control_tables.add("facts", SCHEMA, [rows[3], rows[1], row("b", 1)], keys)
        without = control_tables.add("facts", SCHEMA, [row("a", 7, at=None)], keys)

        assert (again.rows, without.rows, numbers(control_tables)) == (1, 0, [0, 1, 1, 2, 3, 4, 7])

    def test_rows_take_the_place_of_those_that_agree(self, control_tables: ControlTables) -> None:
        of = ("name", "at")
        control_tables.replace("facts", SCHEMA, [row("it's", 1), row("it's", 2), row("b", 3)], of)
        control_tables.replace("facts", SCHEMA, [row("it's", 4)], of)
        assert numbers(control_tables) == [3, 4]
        control_tables.replace("facts", SCHEMA, [row("it's", 5, at=utc(2013, 3, 10, 8))], of)
        assert numbers(control_tables) == [3, 4, 5]

    def test_rows_that_do_not_fit_are_refused_and_nothing_is_written(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", SCHEMA, [row("a", 1)])
        with pytest.raises(TableError, match="facts"):
            control_tables.add("facts", "number string", [("two",)])
        assert numbers(control_tables) == [1]

    def test_a_column_that_the_table_lacks_is_refused(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", SCHEMA, [row("a", 1)])

        with pytest.raises(TableError, match="facts"):
            control_tables.add("facts", f"{SCHEMA}, later string", [(*row("a", 2), "new")])

        assert numbers(control_tables) == [1]
        assert "later" not in control_tables.rows("facts")[0]


class WritersSideBySide:
    """What writers at the same time see."""

    def test_writers_at_the_same_time_add_a_key_once(self, control_tables: ControlTables) -> None:
        def write(number: int) -> int | None:
            return control_tables.add(
                "facts", SCHEMA, [row("a", n) for n in range(number, number + 3)], ("number",)
            ).rows

        with ThreadPoolExecutor(4) as pool:
            added = list(pool.map(write, [0, 1, 2, 3]))
        assert numbers(control_tables) == list(range(6))
        assert sum(filter(None, added)) == 6

    @pytest.mark.alike
    def test_appends_at_the_same_time_are_all_kept(self, control_tables: ControlTables) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: control_tables.add("facts", SCHEMA, [row("a", n)]), range(12)))
        assert numbers(control_tables) == list(range(12))
