"""What an online store must do, whichever engine holds it.

A suite brings `store`, its `url`, and `open_again`, which opens the same one once more.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from math import isnan
from typing import Any

import pytest

from levelfive.core.windows import Window, to_micros, utc
from levelfive.errors import ConfigError, NotKept, OnlineStoreConflict, OnlineStoreError
from levelfive.online.opening import open_store
from levelfive.online.store import Ask, OnlineStore, OnlineTable, Publication, Row, StoredValues, TableState

MICROSECOND = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
T = utc(2013, 5, 1, 12)
AIRCRAFT = OnlineTable("aircraft", ("tailnum",), ("string",), ("seats",), ("int",), timestamped=False)
DELAYS = OnlineTable("delays", ("carrier", "flight"), ("string", "long"), ("delay",), ("double",), timestamped=True)

PUBLISHES_HALF = """
import os, signal, sys
from levelfive.online.opening import open_store
from levelfive.online.store import Publication, Row
from online_store_contract import AIRCRAFT, state

def rows():
    for number in range(2000):
        if number == 1500:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Row((f"N{number}",), None, (2,))

open_store(sys.argv[1]).publish(Publication(state(AIRCRAFT, 2), rows()))
"""


def of_kind(kind: str, *, key: bool = False) -> OnlineTable:
    """Make a table with one key and one column, one of them of a kind."""
    return OnlineTable("kinds", ("key",), (kind if key else "string",), ("value",), ("int" if key else kind,), False)


def state(table: OnlineTable = DELAYS, version: int = 1, **times: datetime | None) -> TableState:
    return TableState(table, version, times.pop("published_at", None) or T, **times)


def aircraft(*seats: int, version: int = 1) -> Publication:
    rows = [Row((f"N{number}",), None, (value,)) for number, value in enumerate(seats)]
    return Publication(state(AIRCRAFT, version), rows)


def delay(at: datetime, value: float | None, flight: int = 1) -> Row:
    return Row(("AA", flight), to_micros(at), (value,))


def delays(*rows: Row, version: int = 1, **other: Any) -> Publication:
    times = {name: other.pop(name) for name in ("reaches_to", "kept_from", "oldest") if name in other}
    return Publication(state(version=version, **times), rows, **other)


def ask_delay(at: datetime, max_age: timedelta | None = None, flight: int = 1) -> Ask:
    return Ask("delays", ("AA", flight), to_micros(at), None if max_age is None else to_micros(at - max_age))


def read_delays(store: OnlineStore, *times: datetime, max_age: timedelta | None = None) -> list[Any]:
    answers = store.read([ask_delay(at, max_age) for at in times])
    return [None if known is None else known.values[0] for known in answers]


def seats(store: OnlineStore, *numbers: int) -> list[Any]:
    answers = store.read([Ask("aircraft", (f"N{number}",)) for number in numbers])
    return [None if known is None else known.values[0] for known in answers]


@contextmanager
def opening(url: str) -> Iterator[Callable[[], OnlineStore]]:
    """Open a store as often as it is asked for; at the end all of them are closed."""
    stores: list[OnlineStore] = []

    def open_again() -> OnlineStore:
        stores.append(open_store(url))
        return stores[-1]

    yield open_again
    for store in stores:
        store.close()


class OnlineStoreContract:
    """What those who publish and those who read see."""

    def test_nothing_is_there_before_the_first_publication(self, store: OnlineStore) -> None:
        assert store.states() == {}
        with pytest.raises(OnlineStoreError, match="levelfive features publish"):
            seats(store, 0)

    def test_what_was_published_is_read_by_another_one(
        self, store: OnlineStore, open_again: Callable[[], OnlineStore]
    ) -> None:
        store.publish(aircraft(150, 20))

        assert seats(open_again(), 1, 0, 7) == [20, 150, None]

    def test_a_state_is_as_it_was_published(self, store: OnlineStore) -> None:
        aircraft_state = state(AIRCRAFT, 3)
        delay_state = state(
            version=7, published_at=T + MICROSECOND, reaches_to=T, kept_from=utc(1969, 12, 31), oldest=utc(1700, 1, 1)
        )

        store.publish(Publication(aircraft_state, []))
        store.publish(Publication(delay_state, []))

        assert store.states() == {"aircraft": aircraft_state, "delays": delay_state}

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("string", ["", " a", "a", "é", "e\u0301", "\U0001f6eb", "\x00", 'it\'s "so"\n']),
            ("int", [0, -(2**31), 2**31 - 1]),
            ("bigint", [-(2**63), 2**63 - 1]),
            ("double", [0.1, -0.0, 0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf")]),
            ("float", [0.10000000149011612]),
            ("boolean", [True, False]),
            ("date", [-1, 15_826]),
            ("timestamp", [-1, 1_367_409_600_000_001]),
            ("decimal(38,2)", ["123456789012345678901234567890123456.78", "-0.10"]),
            ("binary", [b"", b"\x00\xff"]),
        ],
    )
    def test_a_value_is_to_the_last_bit_what_was_published(
        self, store: OnlineStore, kind: str, values: list[Any]
    ) -> None:
        cells = [*values, None]
        rows = [Row((str(number),), None, (value,)) for number, value in enumerate(cells)]

        store.publish(Publication(state(of_kind(kind)), rows))

        answers = store.read([Ask("kinds", (str(number),)) for number in range(len(cells))])
        # As texts, in which -0.0 is not 0.0, nor True 1.
        assert repr(answers) == repr([StoredValues(None, (value,)) for value in cells])

    def test_nan_is_a_value_and_not_null(self, store: OnlineStore) -> None:
        store.publish(Publication(state(of_kind("double")), [Row(("a",), None, (float("nan"),))]))

        [known] = store.read([Ask("kinds", ("a",))])

        assert known is not None
        assert isinstance(known.values[0], float)
        assert isnan(known.values[0])

    @pytest.mark.parametrize(
        ("kind", "keys"),
        [
            ("string", ["", " ", " a", "a", "A", "a ", "é", "e\u0301", "\x00", "1", "null", '"']),
            ("long", [0, 1, -1, 2**63 - 1]),
            ("double", [0.0, 1.0, 1.5, float("inf"), float("nan")]),
            ("boolean", [True, False]),
            ("date", [0, -1]),
            ("timestamp", [0, -1, 1]),
            ("decimal", ["0", "1.5", "100"]),
            ("binary", [b"", b"\x00"]),
        ],
    )
    def test_no_key_is_taken_for_another(self, store: OnlineStore, kind: str, keys: list[Any]) -> None:
        rows = [Row((key,), None, (number,)) for number, key in enumerate(keys)]

        store.publish(Publication(state(of_kind(kind, key=True)), rows))

        answers = store.read([Ask("kinds", (key,)) for key in keys])
        assert answers == [StoredValues(None, (number,)) for number in range(len(keys))]

    @pytest.mark.parametrize(
        ("kind", "published", "asked"),
        [
            ("double", 0.0, -0.0),
            ("double", -0.0, 0),
            ("double", 2.0, 2),
            ("decimal", "1.50", "1.5"),
            ("decimal", "100", "1E+2"),
            ("decimal", "0.00", "-0"),
            ("decimal", "1234567890123456789012345678901234567.0", "1234567890123456789012345678901234567"),
        ],
    )
    def test_keys_that_spark_joins_are_one(self, store: OnlineStore, kind: str, published: Any, asked: Any) -> None:
        store.publish(Publication(state(of_kind(kind, key=True)), [Row((published,), None, (1,))]))

        assert store.read([Ask("kinds", (asked,))]) == [StoredValues(None, (1,))]

    def test_a_key_of_several_columns_is_none_of_another_cut(self, store: OnlineStore) -> None:
        table = replace(of_kind("int"), keys=("a", "b"), key_types=("string", "string"))
        keys = [("a", "b"), ("ab", ""), ("", "ab"), ('a","b', ""), ("b", "a")]

        store.publish(Publication(state(table), [Row(key, None, (n,)) for n, key in enumerate(keys)]))

        assert store.read([Ask("kinds", key) for key in keys]) == [StoredValues(None, (n,)) for n in range(len(keys))]

    def test_nothing_is_known_of_a_key_that_is_missing(self, store: OnlineStore) -> None:
        store.publish(delays(delay(T, 1.0)))
        asks = [Ask("delays", key, to_micros(T)) for key in (("AA", None), (None, 1), (None, None), ("AA", 1))]

        assert [known is None for known in store.read(asks)] == [True, True, True, False]

    @pytest.mark.parametrize("key", [("AA", "1"), ("AA", 1.0), ("AA", True), (1, 1), ("AA", 2**63), ("AA",)])
    def test_a_key_of_another_type_is_refused(self, store: OnlineStore, key: tuple[Any, ...]) -> None:
        store.publish(delays(delay(T, 1.0)))
        with pytest.raises(ConfigError, match="value"):
            store.read([Ask("delays", key, to_micros(T))])

    @pytest.mark.parametrize("around", [T, utc(1969, 12, 31, 23), utc(1970, 1, 1)], ids=str)
    def test_the_newest_row_known_at_a_time_is_read(self, store: OnlineStore, around: datetime) -> None:
        store.publish(delays(delay(around, 1.0), delay(around + HOUR, 2.0), delay(around + HOUR, 9.0, flight=2)))
        times = (around - MICROSECOND, around, around + HOUR - MICROSECOND, around + HOUR, around + 100 * HOUR)

        assert read_delays(store, *times) == [None, 1.0, 1.0, 2.0, 2.0]
        assert [known and known.known_at for known in store.read([ask_delay(around + 2 * HOUR)])] == [
            to_micros(around + HOUR)
        ]

    def test_a_row_as_old_as_the_limit_is_read_and_none_that_is_older(self, store: OnlineStore) -> None:
        store.publish(delays(delay(T, 1.0)))

        assert read_delays(store, T + HOUR, T + HOUR + MICROSECOND, max_age=HOUR) == [1.0, None]

    def test_a_row_without_a_value_hides_older_ones(self, store: OnlineStore) -> None:
        store.publish(delays(delay(T, 1.0), delay(T + HOUR, None)))

        assert store.read([ask_delay(T + HOUR)]) == [StoredValues(to_micros(T + HOUR), (None,))]

    def test_columns_come_in_the_order_that_is_asked_for(self, store: OnlineStore) -> None:
        table = replace(AIRCRAFT, columns=("seats", "maker", "built"), types=("int", "string", "int"))
        store.publish(Publication(state(table), [Row(("N0",), None, (150, "Airbus", None))]))
        columns = (None, ("built", "seats"), ("maker",), ())

        answers = store.read([Ask("aircraft", ("N0",), columns=names) for names in columns])

        assert [known and known.values for known in answers] == [
            (150, "Airbus", None),
            (None, 150),
            ("Airbus",),
            (),
        ]
        with pytest.raises(OnlineStoreError, match="no column 'wings'"):
            store.read([Ask("aircraft", ("N0",), columns=("wings",))])

    def test_other_columns_take_the_place_of_those_that_were_there(
        self, store: OnlineStore, open_again: Callable[[], OnlineStore]
    ) -> None:
        reader = open_again()
        store.publish(aircraft(150))
        ask = Ask("aircraft", ("N0",), columns=("seats",))
        before = reader.read([ask])
        table = replace(AIRCRAFT, columns=("built", "seats"), types=("int", "int"))

        store.publish(Publication(state(table, 2), [Row(("N0",), None, (1999, 20))]))

        assert [before, reader.read([ask])] == [[StoredValues(None, (150,))], [StoredValues(None, (20,))]]

    def test_other_types_of_keys_take_the_place_of_those_that_were_there(
        self, store: OnlineStore, open_again: Callable[[], OnlineStore]
    ) -> None:
        reader = open_again()
        store.publish(Publication(state(of_kind("string", key=True)), [Row(("1",), None, (1,))]))
        assert reader.read([Ask("kinds", ("1",))]) == [StoredValues(None, (1,))]

        store.publish(Publication(state(of_kind("long", key=True), 2), [Row((1,), None, (2,))]))

        assert reader.read([Ask("kinds", (1,))]) == [StoredValues(None, (2,))]

    def test_a_table_is_replaced_as_a_whole_and_no_other(self, store: OnlineStore) -> None:
        store.publish(delays(delay(T, 1.0)))
        store.publish(aircraft(150, 20))
        store.publish(aircraft(30, version=2))

        assert (seats(store, 0, 1), read_delays(store, T)) == ([30, None], [1.0])

    def test_windows_replace_the_rows_that_became_known_within_them(self, store: OnlineStore) -> None:
        store.publish(delays(*(delay(T + n * HOUR, float(n)) for n in range(6))))
        windows = (Window(T + HOUR, T + 2 * HOUR), Window(T + 3 * HOUR, T + 5 * HOUR))
        fresh = (delay(T + HOUR, 10.0), delay(T + 4 * HOUR, 40.0))

        store.publish(delays(*fresh, version=2, windows=windows, onto=1))

        assert read_delays(store, *(T + n * HOUR for n in range(6))) == [0.0, 10.0, 2.0, 2.0, 40.0, 5.0]

    @pytest.mark.parametrize("onto", [None, 0, 2])
    def test_windows_are_put_onto_no_other_version(self, store: OnlineStore, onto: int | None) -> None:
        store.publish(delays(delay(T, 1.0)))

        with pytest.raises(OnlineStoreConflict, match="found 1: another publication came first"):
            store.publish(delays(delay(T, 9.0), version=3, windows=(Window(T, T + HOUR),), onto=onto))

        assert (read_delays(store, T), store.states()["delays"].version) == ([1.0], 1)

    def test_windows_are_put_onto_no_table_that_is_not_there(self, store: OnlineStore) -> None:
        with pytest.raises(OnlineStoreConflict, match="found None"):
            store.publish(delays(version=3, windows=(Window(T, T + HOUR),), onto=2))

    def test_a_publication_that_is_repeated_changes_nothing(self, store: OnlineStore) -> None:
        store.publish(delays(delay(T, 1.0), delay(T + HOUR, 2.0)))
        fresh = delays(delay(T + HOUR, 3.0), version=2, windows=(Window(T + HOUR, T + 2 * HOUR),), onto=1)

        store.publish(fresh)
        store.publish(fresh)

        assert (read_delays(store, T, T + HOUR), store.states()["delays"]) == ([1.0, 3.0], fresh.state)

    def test_of_old_rows_the_newest_of_each_key_stays(self, store: OnlineStore) -> None:
        old = [delay(T - n * HOUR, float(n), flight) for n in (3, 2, 1) for flight in (1, 2)]
        store.publish(delays(*old, delay(T, 0.0)))

        store.publish(delays(version=2, windows=(), onto=1, kept_from=T))

        def known(flight: int, most: datetime) -> Any:
            [answer] = store.read([ask_delay(T + HOUR, flight=flight)])
            [limited] = store.read([replace(ask_delay(T + HOUR, flight=flight), not_before=to_micros(most))])
            return answer and answer.values, limited and limited.values

        assert known(1, T) == ((0.0,), (0.0,))
        assert known(2, T - HOUR) == ((1.0,), (1.0,))
        # Without the newest one, those that went would show.
        store.publish(delays(version=3, windows=(Window(T - HOUR, T + HOUR),), onto=2, kept_from=T))
        assert read_delays(store, T) == [None]

    def test_rows_of_before_the_oldest_go(self, store: OnlineStore) -> None:
        store.publish(delays(delay(T - HOUR, 1.0), delay(T - HOUR + MICROSECOND, 2.0, flight=2)))

        store.publish(delays(version=2, windows=(), onto=1, kept_from=T, oldest=T - HOUR + MICROSECOND))

        answers = store.read([ask_delay(T), ask_delay(T, flight=2)])
        assert [known and known.values for known in answers] == [None, (2.0,)]

    def test_a_time_before_what_is_kept_is_refused(self, store: OnlineStore) -> None:
        store.publish(delays(delay(T, 1.0), kept_from=T))

        assert read_delays(store, T) == [1.0]
        with pytest.raises(NotKept, match="delays is kept since 2013-05-01"):
            store.read([ask_delay(T), ask_delay(T - MICROSECOND)])

    def test_a_table_with_times_is_asked_for_one(self, store: OnlineStore) -> None:
        store.publish(delays(delay(T, 1.0)))
        with pytest.raises(ConfigError, match="has times"):
            store.read([Ask("delays", ("AA", 1))])

    @pytest.mark.parametrize(
        "row", [Row(("AA", 1), to_micros(T), ("late",)), Row(("AA", "1"), 0, (1.0,)), Row(("AA", 1), None, (1.0,))]
    )
    def test_rows_that_do_not_fit_are_refused_and_nothing_changes(self, store: OnlineStore, row: Row) -> None:
        store.publish(delays(delay(T, 1.0)))

        with pytest.raises(ConfigError):
            store.publish(delays(delay(T, 2.0), row, version=2))

        assert (read_delays(store, T), store.states()["delays"].version) == ([1.0], 1)

    def test_a_publication_that_is_broken_off_changes_nothing(self, store: OnlineStore) -> None:
        store.publish(aircraft(150, 20))

        with pytest.raises(ZeroDivisionError):
            store.publish(Publication(state(AIRCRAFT, 2), (Row((f"N{n}",), None, (7 // (1 - n),)) for n in range(2))))

        assert (seats(store, 0, 1), store.states()["aircraft"].version) == ([150, 20], 1)

    def test_a_reader_sees_no_half_of_a_publication(
        self, store: OnlineStore, open_again: Callable[[], OnlineStore]
    ) -> None:
        reader, numbers, seen = open_again(), range(4), []
        store.publish(aircraft(*[1] * 4))

        def rows() -> Iterator[Row]:
            for number in numbers:
                yield Row((f"N{number}",), None, (2,))
                with ThreadPoolExecutor(1) as pool:
                    seen.append(pool.submit(lambda: (seats(reader, *numbers), versions(reader))).result())

        store.publish(Publication(state(AIRCRAFT, 2), rows()))

        assert seen == [([1] * 4, [1])] * 4
        assert (seats(reader, *numbers), versions(reader)) == ([2] * 4, [2])

    def test_a_publisher_that_is_killed_changes_nothing(self, store: OnlineStore, url: str) -> None:
        store.publish(aircraft(*[1] * 2000))

        killed = subprocess.run(
            [sys.executable, "-c", PUBLISHES_HALF, url], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        )

        assert killed.returncode == -signal.SIGKILL
        assert (set(seats(store, *range(2000))), versions(store)) == ({1}, [1])
        store.publish(aircraft(2, version=2))
        assert seats(store, 0, 1) == [2, None]

    def test_readers_at_the_same_time_as_publications_see_one_of_them(self, store: OnlineStore) -> None:
        store.publish(aircraft(*[0] * 20))
        over = threading.Event()

        def look() -> list[set[Any]]:
            looks = []
            while not over.is_set():
                looks.append(set(seats(store, *range(20))))
            return looks

        with ThreadPoolExecutor(2) as pool:
            looking = [pool.submit(look) for _ in range(2)]
            try:
                for version in range(1, 12):
                    store.publish(aircraft(*[version] * 20, version=version))
            finally:
                over.set()

        assert {len(values) for looks in looking for values in looks.result()} == {1}

    def test_answers_come_in_the_order_of_many_asks(self, store: OnlineStore) -> None:
        store.publish(aircraft(*range(50)))
        store.publish(delays(delay(T, -1.0)))
        asks: list[Ask] = [ask_delay(T) if n % 7 == 0 else Ask("aircraft", (f"N{n % 60}",)) for n in range(2000)]

        answers = store.read(asks)

        expected = [(-1.0,) if n % 7 == 0 else (n % 60,) if n % 60 < 50 else None for n in range(2000)]
        assert [known and known.values for known in answers] == expected
        assert store.read([]) == []

    def test_rows_that_are_chosen_are_counted_and_deleted_for_good(
        self, store: OnlineStore, open_again: Callable[[], OnlineStore]
    ) -> None:
        store.publish(delays(delay(T, 1.0), delay(T + HOUR, 2.0), delay(T, 3.0, flight=2)))
        before = store.states()

        def is_of_flight_1(row: Mapping[str, Any]) -> bool:
            return row["carrier"] == "AA" and row["flight"] == 1

        assert store.count("delays", is_of_flight_1) == 2
        assert read_delays(store, T) == [1.0]
        assert [store.erase("delays", is_of_flight_1) for _ in range(2)] == [2, 0]

        other = open_again()
        assert read_delays(other, T, T + HOUR) == [None, None]
        assert [known and known.values for known in other.read([ask_delay(T, flight=2)])] == [(3.0,)]
        assert other.states() == before

    def test_rows_are_chosen_by_their_columns_too_and_by_no_other_table(self, store: OnlineStore) -> None:
        store.publish(aircraft(150, 20))
        store.publish(delays(delay(T, 150.0)))

        assert store.erase("aircraft", lambda row: row["seats"] == 150) == 1
        assert (seats(store, 0, 1), read_delays(store, T)) == ([None, 20], [150.0])

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            ("long", 7),
            ("string", 'a "b"'),
            ("date", -1),
            ("decimal", "1.5"),
            ("binary", b"\x00\xff"),
            ("boolean", True),
        ],
    )
    def test_who_chooses_sees_a_key_as_it_was_published(self, store: OnlineStore, kind: str, value: Any) -> None:
        store.publish(Publication(state(of_kind(kind, key=True)), [Row((value,), None, (1,))]))

        assert store.count("kinds", lambda row: (row["key"], row["value"]) == (value, 1)) == 1

    def test_nothing_is_chosen_where_nothing_was_published(self, store: OnlineStore) -> None:
        assert (store.count("delays", lambda _: True), store.erase("delays", lambda _: True)) == (0, 0)
        store.publish(aircraft(150))
        assert (store.count("delays", lambda _: True), store.erase("delays", lambda _: True)) == (0, 0)


def versions(store: OnlineStore) -> Sequence[int]:
    return [found.version for found in store.states().values()]
