"""`levelfive data forget`: what names nobody is refused before anything is started; what was done is said and kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from commands import run
from in_memory.registry import MemoryBackend
from in_memory.release import a_context, a_use_case, runs
from in_memory.tables import MemoryTables

from levelfive.cli.options import Shared
from levelfive.core.windows import Window, utc
from levelfive.erasure.beyond import beyond_of
from levelfive.erasure.forget import Stores, places
from levelfive.erasure.person import plan
from levelfive.online.opening import open_store, url_of
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase import sharing
from levelfive.usecase.features import Lookup
from levelfive.usecase.sources import Source
from levelfive.usecase.use_case import UseCase

ORDERS = Source("orders", {"order_id": "long", "customer": "string"}, key=("order_id",))
RETURNS = Source("returns", {"order_id": "long", "why": "string"}, key=("order_id",))
ASKED = ("--reason", "asked for", "--as-of", "2013-07-01T06:00Z")


class Tracked:
    """A tracking store in which nothing was tracked."""

    def runs(self) -> tuple[str, ...]:
        return ()


def a_shop() -> UseCase:
    found = a_use_case(sources=(ORDERS, RETURNS), feature_tables=())
    return replace(found, key=("order_id",), model=replace(found.model, lookups=()))


@dataclass
class App:
    """An application in memory, with two landing files."""

    landing: Path
    context: JobContext
    starter: str = "grace@example.com"
    settings: Any = field(default_factory=lambda: SimpleNamespace(online_store=None))
    registry: Any = field(default_factory=lambda: MemoryBackend().opened("levelfive.dev.shop"))
    tracking: Tracked = field(default_factory=Tracked)

    @property
    def use_case(self) -> UseCase:
        return self.context.use_case

    @property
    def online_store(self) -> Any:
        return open_store(url_of(self.landing / "online.db"))


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    for source, rows in (("orders", "order_id,customer\n1,ada\n2,bob\n"), ("returns", "order_id,why\n1,late\n")):
        (tmp_path / source).mkdir()
        (tmp_path / source / "may.csv").write_text(rows)
    found = App(tmp_path, a_context(MemoryTables(), a_shop()))
    monkeypatch.setattr(Shared, "open_app", lambda *_: found)
    return found


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_what_was_removed_is_printed_and_written_down_without_whose_it_was(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app.landing, "data", "forget", "--key", "customer=ada", "--by", "eve", *ASKED) == 0

    assert (app.landing / "orders" / "may.csv").read_text() == "order_id,customer\n2,bob\n"
    (row,) = runs(app.context.tables)
    assert (row["stage"], row["status"], row["as_of"]) == ("erasure", "succeeded", utc(2013, 7, 1, 6))
    assert row["parameters"] == {"by": "grace@example.com (for eve)", "reason": "asked for", "columns": "customer"}
    assert {place: rows for place, rows in row["counts"].items() if rows} == {"files of orders": 1}
    (note,) = app.context.tables.control_tables.rows(ANNOTATIONS)
    assert (note["kind"], note["reason"], note["run_id"]) == ("erased", "asked for", row["run_id"])
    assert "ada" not in repr([row, note])
    told = said(capsys)
    assert "files of orders │ 1 │" in told.replace("┃", "│")
    assert "Cannot be made again since: - an ingestion of may.csv with the same counts" in told
    assert (
        "Outside its reach: - labels, predictions and training sets, which are by order_id: no raw table holds" in told
    )
    assert "- telemetry, and what a terminal or a job's log has shown;" in told


def test_a_second_run_finds_nothing(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run(app.landing, "data", "forget", "--key", "customer=ada", *ASKED) == 0

    assert [sum(row["counts"].values()) for row in runs(app.context.tables)] == [1, 0]
    assert "Cannot be made again" not in said(capsys).split("rows removed")[-1]


def test_a_dry_run_counts_and_changes_nothing(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app.landing, "data", "forget", "--key", "order_id=1", "--dry-run", *ASKED) == 0

    assert "1,ada" in (app.landing / "orders" / "may.csv").read_text()
    assert app.context.tables.names() == ()
    told = said(capsys)
    assert "rows that would be removed" in told
    assert "files of returns │ 1 │" in told.replace("┃", "│")


def test_what_is_still_there_is_said_and_is_no_success(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    (app.landing / "orders" / "june.csv.tmp").write_text("3,ada")

    assert run(app.landing, "data", "forget", "--key", "customer=ada", *ASKED) == 2

    assert "Still there: - files of orders: june.csv.tmp in" in said(capsys)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("--key", "name=ada"), "no source declares a column name; the columns are of orders: order_id, customer"),
        (("--key", "customer"), "a key is COLUMN=VALUE"),
        (("--key", "order_id=ada"), "column 'order_id' is a long, and the value that was given is none"),
        (("--key", "customer=ada", "--by", "ada"), "who names the person, which would stay in the record"),
        (("--key", "customer=asked"), "why names the person, which would stay in the record"),
        (("--key", "customer=ada", "--as-of", "May"), "ISO 8601"),
    ],
    ids=["no column", "no value", "another type", "who", "why", "no time"],
)
def test_what_makes_no_sense_is_refused_before_anything_is_changed(
    app: App, keys: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app.landing, "data", "forget", *ASKED, *keys) == 2

    assert words in " ".join(capsys.readouterr().err.split())
    assert "1,ada" in (app.landing / "orders" / "may.csv").read_text()
    assert app.context.tables.names() == ()


def test_a_reason_is_asked_for(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app.landing, "data", "forget", "--key", "customer=ada") == 2
    assert "--reason" in capsys.readouterr().err

    assert run(app.landing, "data", "forget", "--key", "customer=ada", "--reason", " ") == 2
    assert "an erasure is recorded with who and why, got ' ': say why" in capsys.readouterr().err


def test_the_raw_tables_that_tell_their_keys_come_last(app: App) -> None:
    meant, stores = plan(app.use_case, {"customer": "ada"}), Stores(app.landing, app.registry, app.tracking)

    names = [place.name for place in places(app.context, Run(app.context.tables, ""), stores, meant)]

    assert names == [
        "examples of models",
        "training sets",
        "request log",
        "files of returns",
        "files of orders",
        "quarantine",
        "categories in profiles and drift",
        "predictions",
        "labels",
        "staging_request_log",
        "staging_returns",
        "staging_orders",
        "raw_returns",
        "raw_orders",
    ]


def test_use_cases_that_look_up_features_of_this_one_are_named(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = (Lookup(f"{app.use_case.name}.sums", {}, ("n",)),)
    reader = replace(app.use_case, name="refunds", model=replace(app.use_case.model, lookups=lookups))
    monkeypatch.setattr(sharing, "installed", lambda: iter((reader,)))

    phrases = beyond_of(app.context, plan(app.use_case, {"order_id": "1"}).person, app.landing)

    assert phrases[0] == (
        "what use case refunds holds, which looks up feature tables of this one: run it for that use case, too"
    )


def test_the_annotation_is_of_the_moment(app: App) -> None:
    run(app.landing, "data", "forget", "--key", "customer=ada", *ASKED)

    (note,) = app.context.tables.control_tables.rows(ANNOTATIONS)
    assert Window(note["window_start"], note["window_end"]).start == utc(2013, 7, 1, 6)
    assert note["subject"] == f"use case {app.use_case.name}"
