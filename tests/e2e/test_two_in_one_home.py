"""Two use cases in one home, by their commands: what is done to one leaves the other's files as they are."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import commands
import pandas as pd
import pytest
import shop
from first_champion import AS_OF, LATER, SMALL, Kept, Stage
from holding import holding

from levelfive.core.windows import iso
from levelfive.usecase import sharing
from levelfive.usecase.use_case import UseCase

pytestmark = pytest.mark.nightly
# Databases of MLflow, and of no use case alone: of these, runs and versions are looked at.
SHARED = {"mlflow.db"}
OF_HOME = ("lakehouse", "landing", "online", "tracking", "registry")


def refunds() -> UseCase:
    """The shop's model again, with the shop's features instead of features of its own."""
    lookups = tuple(replace(one, table=f"shop.{one.table}") for one in shop.USE_CASE.model.lookups)
    return replace(
        shop.USE_CASE, name="refunds", feature_tables=(), model=replace(shop.USE_CASE.model, lookups=lookups)
    )


class Home:
    """A home with the shop, whose champion has scored, and with refunds, of which nothing was run yet."""

    def __init__(self, folder: Path, schema: str) -> None:
        self.folder, self.schemas = folder, {"shop": schema, "refunds": f"refunds_of_{schema}"}
        for name, its_schema in self.schemas.items():
            text = f"use_case: {name}\ntable_schema: {its_schema}\nshared_schemas: {{shop: {schema}}}\n"
            self._settings(name).write_text(text)
        shutil.copytree(folder / "landing" / "shop", folder / "landing" / "refunds")

    def run(self, use_case: str, *arguments: str) -> int:
        return commands.run(self.folder, "--config", str(self._settings(use_case)), *arguments)

    def _settings(self, use_case: str) -> Path:
        return self.folder.parent / f"{use_case}.yml"

    def files(self) -> dict[Path, str]:
        """Hash all files that are of one use case."""
        files = (file for name in OF_HOME for file in (self.folder / name).rglob("*") if file.is_file())
        return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.name not in SHARED}

    def of(self, use_case: str, files: dict[Path, str]) -> dict[Path, str]:
        """Choose the files of a use case by the folder of its tables, its landing folder and its online store."""
        names = {use_case, f"{self.schemas[use_case]}.db"}
        return {file: text for file, text in files.items() if names & {*file.parts}}


@pytest.fixture
def home(kept_of: Callable[[str], Kept], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    kept_of(SMALL).copy(Stage.SCORED, tmp_path / "home", "two_in_one_home")
    known = {"shop": shop.USE_CASE, "refunds": refunds()}
    monkeypatch.setattr("levelfive.app.load_use_case", known.__getitem__)
    monkeypatch.setattr(sharing, "installed", lambda: iter(known.values()))
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path / "home", "two_in_one_home")


def test_what_is_done_to_one_leaves_the_other_as_it_is(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """The second use case goes from its files to a report and an online store; then a person is forgotten, in both."""
    at, then = ("--as-of", iso(LATER)), ("--as-of", iso(AS_OF))
    assert home.run("shop", "features", "publish", *at) == 0
    assert home.run("shop", "report", *at) == 0
    before = home.files()

    for line in (
        ("data", *at),
        ("features", *at),
        ("training", *then),
        ("registry", "promote", "2", *then),
        ("scoring", *at, "--from", "P3D"),
        ("monitoring", *at, "--from", "P3D"),
        ("report", *at),
        ("status", *at),
        ("features", "publish", *at),
    ):
        assert home.run("refunds", *line) == 0, line

    after = home.files()
    assert {file: text for file, text in after.items() if file in before} == before
    assert home.of("refunds", after)
    assert {file.name for file in home.folder.parent.glob("report-*.html")} == {
        "report-shop.html",
        "report-refunds.html",
    }
    said = capsys.readouterr().out
    assert "it looks up shop.store_returns: returned_share" in said

    order = trained_on(home.folder)
    places = {"lakehouse", "landing", "tracking"}
    assert holding(home.folder, order) >= places
    asked = ("data", "forget", "--key", f"order_id={order}", "--reason", "asked for", "--by", "ada", *at)
    assert home.run("shop", *asked) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Cannot be made again since: - " in said
    assert (
        "what use case refunds holds, which looks up feature tables of this one: run it for that use case, too" in said
    )
    assert home.of("refunds", home.files()) == home.of("refunds", after)
    forgotten = home.files()

    assert home.run("refunds", *asked) == 0

    assert holding(home.folder, order) == set()
    assert home.of("shop", home.files()) == home.of("shop", forgotten)
    assert home.run("shop", "status", *at) == home.run("refunds", "status", *at) == 0

    shutil.rmtree(home.folder / "landing" / "refunds")
    shutil.rmtree(home.folder / "lakehouse" / f"{home.schemas['refunds']}.db")
    assert home.run("shop", "scoring", *at, "--from", "P3D") == 0


def trained_on(home: Path) -> int:
    """Find an order that both were trained on, and which is an example in their packages."""
    sets = [pd.read_parquet(file) for file in sorted(home.glob("tracking/artifacts/**/training_set.parquet"))]
    assert len(sets) == 2
    (order,) = set.intersection(*(set(rows["order_id"].tail(95)[:1]) for rows in sets))
    return int(order)
