"""Landing files lose a person's rows, and are known as they are then: none is ingested again or called changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_memory.tables import MemoryTables

from levelfive.core.windows import utc
from levelfive.data.landed import LANDING_FILES, LandedFile, add_files, new_files
from levelfive.data.landing import inspect, list_files
from levelfive.data.listings import note_listings
from levelfive.erasure import files
from levelfive.erasure.files import LandingFiles
from levelfive.erasure.person import KeyValues, Person
from levelfive.scoring.requests import LOG
from levelfive.storage.runs import Run
from levelfive.usecase.sources import Source

ORDERS = Source("orders", {"order_id": "long", "customer": "string"}, key=("order_id",))
ADA = Person(
    KeyValues(("customer",), frozenset({("ada",)})),
    KeyValues(("order_id",), frozenset({("1",)})),
    kinds={"customer": "string", "order_id": "long"},
)
HEADER = "order_id,customer\n"


@pytest.fixture
def run() -> Run:
    return Run(MemoryTables(), "a-run")


def land(landing: Path, **contents: str) -> None:
    (landing / "orders").mkdir(exist_ok=True)
    for name, rows in contents.items():
        (landing / "orders" / f"{name}.csv").write_text(HEADER + rows)


def ingest(run: Run, landing: Path) -> list[str]:
    """Note what is new as the data stage does; the names of these files."""
    listed = {ORDERS.name: list_files(landing, ORDERS)}
    fresh = new_files(run, listed, [ORDERS]).get(ORDERS.name, ())
    counts, times = (2, 2, 0, 0), (None, None, utc(2013, 5, 1))
    add_files(
        run,
        [
            LandedFile(ORDERS.name, one.name, one.sha256, *counts, *times, size=one.size, modified_at=one.modified_at)
            for one in fresh
        ],
    )
    note_listings(run, listed, ())
    return [file.name for file in fresh]


def of_orders(run: Run, landing: Path) -> LandingFiles:
    return LandingFiles(run, landing, ORDERS, ADA)


def test_a_file_that_was_ingested_is_not_ingested_again(run: Run, tmp_path: Path) -> None:
    land(tmp_path, may="1,ada\n2,bob\n", june="3,bob\n")
    assert ingest(run, tmp_path) == ["june.csv", "may.csv"]

    assert of_orders(run, tmp_path).count().rows == 1
    removal = of_orders(run, tmp_path).erase()

    may = tmp_path / "orders" / "may.csv"
    assert (removal.rows, removal.consequences) == (1, ("an ingestion of may.csv with the same counts",))
    assert may.read_text() == HEADER + "2,bob\n"
    assert ingest(run, tmp_path) == []
    rows = run.rows(LANDING_FILES, where={"source_file": "may.csv"})
    assert [(row["sha256"], row["rows_in"], row["accepted"]) for row in rows] == [(inspect(may).sha256, 2, 2)]
    assert of_orders(run, tmp_path).erase().rows == 0


def test_a_later_delivery_of_the_same_person_is_taken_in(run: Run, tmp_path: Path) -> None:
    land(tmp_path, may="1,ada\n2,bob\n")
    ingest(run, tmp_path)
    of_orders(run, tmp_path).erase()

    land(tmp_path, june="5,ada\n")

    assert ingest(run, tmp_path) == ["june.csv"]


def test_a_file_that_waits_to_be_ingested_loses_the_rows_too(run: Run, tmp_path: Path) -> None:
    land(tmp_path, may="1,ada\n2,bob\n")

    of_orders(run, tmp_path).erase()

    assert run.rows(LANDING_FILES) == []
    assert ingest(run, tmp_path) == ["may.csv"]


def test_a_run_that_was_killed_before_the_file_had_its_place_is_completed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(tmp_path, may="1,ada\n2,bob\n")
    ingest(run, tmp_path)
    erase_is_killed(run, tmp_path, monkeypatch, Path, "replace")
    assert "ada" in (tmp_path / "orders" / "may.csv").read_text()

    assert of_orders(run, tmp_path).erase().rows == 1

    assert [file.name for file in (tmp_path / "orders").iterdir()] == ["may.csv"]
    assert ingest(run, tmp_path) == []


def test_a_run_that_was_killed_before_it_noted_the_file_left_it_as_it_was(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(tmp_path, may="1,ada\n2,bob\n")
    ingest(run, tmp_path)
    erase_is_killed(run, tmp_path, monkeypatch, files, "note_rewritten")

    assert ingest(run, tmp_path) == []
    assert of_orders(run, tmp_path).erase().rows == 1
    assert ingest(run, tmp_path) == []


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def erase_is_killed(run: Run, landing: Path, monkeypatch: pytest.MonkeyPatch, within: object, call: str) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(within, call, killed)
        with pytest.raises(KeyboardInterrupt):
            of_orders(run, landing).erase()


def test_a_file_of_which_nothing_is_left_is_removed(run: Run, tmp_path: Path) -> None:
    land(tmp_path, may="1,bob\n2,ada\n", june="3,bob\n")
    ingest(run, tmp_path)

    assert of_orders(run, tmp_path).erase().rows == 2

    assert [file.name for file in (tmp_path / "orders").iterdir()] == ["june.csv"]
    assert ingest(run, tmp_path) == []


def test_what_was_not_looked_into_is_named(run: Run, tmp_path: Path) -> None:
    land(tmp_path, may="2,bob\n")
    (tmp_path / "orders" / "june.csv.tmp").write_text("1,ada")

    (said,) = of_orders(run, tmp_path).erase().left

    assert said.startswith("files of orders: june.csv.tmp in ")
    assert "run this again once they have landed" in said


def test_a_source_without_a_folder_has_no_rows(run: Run, tmp_path: Path) -> None:
    assert of_orders(run, tmp_path).erase().rows == 0


def test_answers_are_theirs_by_their_key_or_by_what_was_looked_up(run: Run, tmp_path: Path) -> None:
    (tmp_path / LOG.name).mkdir()
    log = tmp_path / LOG.name / "requests_1.jsonl"
    lines = [
        {"request_id": "a", "keys": {"order_id": 1}, "features": {"price": 1.5}},
        {"request_id": "b", "keys": {"order_id": 2}, "features": {"customer": "ada"}},
        {"request_id": "c", "keys": {"order_id": 11}, "features": {"customer": "adam"}},
    ]
    texts = [json.dumps(line) + "\n" for line in lines]
    log.write_text("".join([*texts, 'cut off: {"customer": "ada"\n', "cut off\n"]))
    place = LandingFiles(run, tmp_path, LOG, ADA)

    assert (place.name, place.count().rows, place.erase().rows) == ("request log", 3, 3)
    assert log.read_text() == f"{texts[2]}cut off\n"
