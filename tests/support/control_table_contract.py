"""What control tables must do, whichever engine holds them; a suite brings `control_tables`."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest

from levelfive.core.windows import Window, utc
from levelfive.errors import TableError
from levelfive.storage.control_tables import ControlTables
from levelfive.storage.records import from_row, record_of
from levelfive.storage.spark_control_tables import NAMED_VALUES

MICROSECOND = timedelta(microseconds=1)


class Mood(StrEnum):
    """What a fact may hold of texts."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Fact:
    """A record with a field of every kind."""

    name: str
    at: datetime | None
    day: date | None
    number: int
    share: float
    good: bool
    counts: Mapping[str, int]
    parts: tuple[float, ...]
    mood: Mood = Mood.GOOD
    window: Window | None = None


@dataclass(frozen=True)
class Text:
    """A record whose number is a text."""

    number: str


@dataclass(frozen=True)
class Earlier:
    """A fact as an earlier levelfive wrote it, which knew less."""

    name: str
    number: int


@record_of("versions")
@dataclass(frozen=True)
class Later(Earlier):
    """The same of today, with columns that were added."""

    share: float = 0.25
    parts: tuple[str, ...] = ()
    window: Window | None = None


def fact(name: str, number: int, **other: Any) -> Fact:
    cells: dict[str, Any] = {"at": utc(2013, 3, 10, 7), "day": date(2013, 3, 10), "share": 0.5, "good": True}
    return Fact(**{"name": name, "number": number, **cells, "counts": {"a": number}, "parts": (1.0, 2.0), **other})


def numbers(control_tables: ControlTables, table: str = "facts") -> list[int]:
    return sorted(row["number"] for row in control_tables.rows(table))


class ControlTableContract:
    """What one writer sees."""

    def test_what_was_written_is_read_with_its_types(self, control_tables: ControlTables) -> None:
        facts = [
            fact("it's", 1, mood=Mood.BAD, window=Window(utc(2013, 3, 10), utc(2013, 3, 11))),
            fact("b", 2, day=None, at=None, counts={}, parts=()),
        ]

        control_tables.add("facts", facts)

        rows = sorted(control_tables.rows("facts"), key=lambda row: row["number"])
        assert [from_row(Fact, row) for row in rows] == facts
        assert rows[0] == {
            "name": "it's",
            "at": utc(2013, 3, 10, 7),
            "day": date(2013, 3, 10),
            "number": 1,
            "share": 0.5,
            "good": True,
            "counts": {"a": 1},
            "parts": [1.0, 2.0],
            "mood": "bad",
            "window_start": utc(2013, 3, 10),
            "window_end": utc(2013, 3, 11),
        }

    @pytest.mark.alike
    def test_times_are_in_utc(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", [fact("a", 1)])

        assert [row["at"].utcoffset().total_seconds() for row in control_tables.rows("facts")] == [0]

    @pytest.mark.alike
    def test_rows_are_chosen_by_values_and_columns(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", [fact("a", 1), fact("b", 2), fact("a", 3, good=False)])
        found = control_tables.rows("facts", columns=("number",), where={"name": "a", "good": True})
        assert found == [{"number": 1}]
        assert control_tables.rows("facts", where={"at": utc(2013, 3, 10, 8)}) == []

    @pytest.mark.alike
    def test_rows_are_chosen_by_their_least_and_greatest_values(self, control_tables: ControlTables) -> None:
        hours = [utc(2013, 3, 10, hour) + MICROSECOND for hour in range(4)]
        rows = [fact("a", hour, at=at, day=date(2013, 3, 10 + hour)) for hour, at in enumerate(hours)]
        for part in (rows[:2], [*rows[2:], fact("a", 9, at=None, day=None)]):
            control_tables.add("facts", part)

        def chosen(**between: tuple[object, object]) -> list[int]:
            return sorted(row["number"] for row in control_tables.rows("facts", columns=("number",), between=between))

        first, last = hours[1:3]
        assert chosen(at=(first, last)) == chosen(day=(date(2013, 3, 11), date(2013, 3, 12))) == [1, 2]
        assert (chosen(at=(first, None)), chosen(at=(None, first))) == ([1, 2, 3], [0, 1])
        assert chosen(at=(first + MICROSECOND, last - MICROSECOND)) == []
        assert chosen(at=(first, None), day=(None, date(2013, 3, 12))) == [1, 2]

    def test_rows_are_chosen_by_any_of_several_values(self, control_tables: ControlTables) -> None:
        names = {f"it's {number}": number for number in range(3)} | {
            f"other {number}": 10 + number for number in range(3)
        }
        control_tables.add("facts", [fact(name, number) for name, number in names.items()])

        for unknown in (1, 2 * NAMED_VALUES):
            wanted = {"it's 0", "it's 2", "other 1", *(f"nobody {number}" for number in range(unknown))}
            found = control_tables.rows("facts", where={"name": wanted, "good": True})
            assert sorted(row["number"] for row in found) == [0, 2, 11]
        assert control_tables.rows("facts", where={"name": []}) == []

    def test_a_table_that_is_not_there_has_no_rows(self, control_tables: ControlTables) -> None:
        assert control_tables.rows("nothing") == []

    def test_a_key_is_added_once(self, control_tables: ControlTables) -> None:
        assert control_tables.add("facts", [fact("a", 1)], ("name", "number")).rows == 1
        write = control_tables.add("facts", [fact("a", 1, share=9.0), fact("a", 2)], ("name", "number"))
        assert (write.rows, numbers(control_tables)) == (1, [1, 2])
        assert {row["share"] for row in control_tables.rows("facts")} == {0.5}
        again = control_tables.add("facts", [fact("a", 2)], ("name", "number"))
        assert (again.rows, numbers(control_tables)) == (0, [1, 2])

    @pytest.mark.alike
    def test_a_key_with_times_is_added_once_wherever_it_lies(self, control_tables: ControlTables) -> None:
        rows = [fact("a", number, at=utc(2013, 3, number + 1), day=date(2013, 3, number + 1)) for number in range(5)]
        keys = ("name", "at", "day")
        control_tables.add("facts", [*rows, fact("a", 7, at=None)], keys)

        again = control_tables.add("facts", [rows[3], rows[1], fact("b", 1)], keys)
        without = control_tables.add("facts", [fact("a", 7, at=None)], keys)

        assert (again.rows, without.rows, numbers(control_tables)) == (1, 0, [0, 1, 1, 2, 3, 4, 7])

    def test_rows_take_the_place_of_those_that_agree(self, control_tables: ControlTables) -> None:
        of = ("name", "at")
        control_tables.replace("facts", [fact("it's", 1), fact("it's", 2), fact("b", 3)], of)
        control_tables.replace("facts", [fact("it's", 4)], of)
        assert numbers(control_tables) == [3, 4]
        control_tables.replace("facts", [fact("it's", 5, at=utc(2013, 3, 10, 8))], of)
        assert numbers(control_tables) == [3, 4, 5]

    def test_rows_with_some_values_are_removed_and_no_others(self, control_tables: ControlTables) -> None:
        at = utc(2013, 3, 10, 7) + MICROSECOND
        control_tables.add("facts", [fact("it's", 1, at=at), fact("it's", 2), fact("b", 3, at=at)])

        write = control_tables.remove("facts", {"name": "it's", "at": at})

        assert write is not None
        assert (write.table, numbers(control_tables)) == ("facts", [2, 3])
        assert control_tables.remove("facts", {"name": "it's", "at": at}) is None
        assert control_tables.remove("nothing", {"name": "it's"}) is None
        control_tables.add("facts", [fact("it's", 4, at=at)])
        assert numbers(control_tables) == [2, 3, 4]

    def test_rows_that_do_not_fit_are_refused_and_nothing_is_written(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", [fact("a", 1)])
        with pytest.raises(TableError, match="facts"):
            control_tables.add("facts", [Text("two")])
        assert numbers(control_tables) == [1]

    @pytest.mark.alike
    def test_a_table_that_an_earlier_levelfive_made_is_read(self, control_tables: ControlTables) -> None:
        control_tables.add("versions", [Earlier("a", 1)])

        assert [from_row(Later, row) for row in control_tables.rows("versions")] == [Later("a", 1)]
        assert control_tables.rows("versions", columns=("name", "share")) == [{"name": "a", "share": None}]
        for value in (0.25, None):
            assert control_tables.rows("versions", columns=("name",), where={"share": value}) == []
        assert (
            control_tables.rows("versions", columns=("name",), between={"window_end": (utc(2013, 3, 10), None)}) == []
        )

    @pytest.mark.parametrize("is_there", [True, False], ids=["a table", "no table"])
    def test_a_column_that_no_levelfive_knows_is_refused(self, control_tables: ControlTables, is_there: bool) -> None:
        if is_there:
            control_tables.add("versions", [Earlier("a", 1)])
        ways: tuple[dict[str, Any], ...] = (
            {"columns": ("name", "nmae")},
            {"where": {"nmae": "a"}},
            {"between": {"nmae": ("a", None)}},
        )

        for way in ways:
            with pytest.raises(TableError, match=r"'versions' has no column nmae, it has .*name.*: correct the name"):
                control_tables.rows("versions", **way)

    def test_a_null_is_equal_to_nothing(self, control_tables: ControlTables) -> None:
        control_tables.add("facts", [fact("a", 1, at=None)])

        assert control_tables.rows("facts", where={"at": None}) == []

    @pytest.mark.alike
    @pytest.mark.parametrize("keys", [(), ("name",)], ids=["all", "by key"])
    def test_a_table_that_an_earlier_levelfive_made_is_added_to(
        self, control_tables: ControlTables, keys: tuple[str, ...]
    ) -> None:
        control_tables.add("versions", [Earlier("a", 1)])
        later = Later("b", 2, 0.75, ("c",), Window(utc(2013, 3, 10), utc(2013, 3, 11)))

        control_tables.add("versions", [later], keys)

        rows = sorted(control_tables.rows("versions"), key=lambda row: row["number"])
        assert [from_row(Later, row) for row in rows] == [Later("a", 1), later]
        assert control_tables.rows("versions", columns=("name",), where={"share": 0.75}) == [{"name": "b"}]

    @pytest.mark.alike
    def test_rows_of_an_earlier_levelfive_are_replaced(self, control_tables: ControlTables) -> None:
        control_tables.add("versions", [Earlier("a", 1), Earlier("b", 2)])

        control_tables.replace("versions", [Later("a", 3, 0.75)], ("name",))

        rows = sorted(control_tables.rows("versions"), key=lambda row: row["number"])
        assert [from_row(Later, row) for row in rows] == [Later("b", 2), Later("a", 3, 0.75)]

    @pytest.mark.alike
    def test_a_table_that_a_later_levelfive_wrote_is_read_and_written(self, control_tables: ControlTables) -> None:
        control_tables.add("versions", [Later("a", 1, 0.75, ("c",))])

        control_tables.add("versions", [Earlier("b", 2)])
        control_tables.add("versions", [Earlier("b", 2), Earlier("c", 3)], ("name",))
        control_tables.replace("versions", [Earlier("c", 4)], ("name",))

        rows = sorted(control_tables.rows("versions"), key=lambda row: row["number"])
        assert [from_row(Earlier, row) for row in rows] == [Earlier("a", 1), Earlier("b", 2), Earlier("c", 4)]
        assert [from_row(Later, row) for row in rows] == [Later("a", 1, 0.75, ("c",)), Later("b", 2), Later("c", 4)]


class WritersSideBySide:
    """What writers at the same time see."""

    @pytest.mark.alike
    def test_writers_at_the_same_time_add_a_key_once(self, control_tables: ControlTables) -> None:
        """Writers meet until one of them has lost, over Connect too."""

        def write(number: int) -> int | None:
            return control_tables.add("facts", [fact("a", n) for n in range(number, number + 3)], ("number",)).rows

        with ThreadPoolExecutor(3) as pool:
            added = list(pool.map(write, [0, 1, 2]))
        assert numbers(control_tables) == list(range(5))
        assert sum(filter(None, added)) == 5

    @pytest.mark.alike
    def test_appends_at_the_same_time_are_all_kept(self, control_tables: ControlTables) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: control_tables.add("facts", [fact("a", n)]), range(12)))
        assert numbers(control_tables) == list(range(12))
