"""A second use case looks up a feature table of the first, which it only reads: same features, same predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import commands
import pytest
import shop
from first_champion import AS_OF, LATER, Stage, on_shop
from pyspark.sql import DataFrame

from levelfive.app import App
from levelfive.core.windows import Window
from levelfive.data import job as data
from levelfive.errors import AsOfError, ConfigError
from levelfive.features import job as features
from levelfive.features.store import LocalFeatureStore
from levelfive.registry import job as registry_job
from levelfive.scoring import job as scoring
from levelfive.storage.local_tables import LocalTables
from levelfive.storage.runs import JobContext
from levelfive.training import job as training
from levelfive.usecase import sharing
from levelfive.usecase.use_case import UseCase

MODEL = "levelfive.local.refunds"


def refunds() -> UseCase:
    """The shop's model again, with the shop's features instead of features of its own."""
    lookups = tuple(replace(one, table=f"shop.{one.table}") for one in shop.USE_CASE.model.lookups)
    return replace(
        shop.USE_CASE, name="refunds", feature_tables=(), model=replace(shop.USE_CASE.model, lookups=lookups)
    )


@pytest.fixture
def owner(loop, tmp_path: Path) -> App:
    return loop.copy(tmp_path / "home", Stage.CHAMPION)


@pytest.fixture
def reader(owner: App) -> JobContext:
    tables = LocalTables(
        owner.tables.spark,
        schema=f"refunds_{owner.tables.schema}",
        warehouse=owner.home / "lakehouse",
        schema_of=lambda name: {"shop": owner.tables.schema}[name],
    )
    context = JobContext(tables, refunds(), LocalFeatureStore(tables))
    data.run(context, landing=owner.landing, as_of=LATER)
    features.run(context, as_of=LATER)
    return context


@on_shop
def test_features_of_another_use_case_train_and_score_as_ones_own(owner: App, reader: JobContext) -> None:
    """Two trainings of six weeks, the champion's and the reader's, of the same rows."""
    registry = owner.registry.another(MODEL)
    trained = training.run(reader, owner.tracking, registry, as_of=AS_OF)
    assert trained.version is not None
    registry_job.run(reader, registry, version=trained.version, as_of=AS_OF, by="test")
    before = owner.tables.version("store_returns")

    ours = scoring.run(reader, registry, window=Window(AS_OF, LATER), as_of=LATER)
    theirs = scoring.run(owner.context, owner.registry, window=Window(AS_OF, LATER), as_of=LATER)

    assert ours.rows == theirs.rows > 0
    columns = ("order_id", "score", "features")
    same = [sorted(map(str, of.tables.read("predictions").select(*columns).collect())) for of in (reader, owner)]
    assert same[0] == same[1]
    (run,) = (row for row in reader.tables.control_tables.rows("runs") if row["stage"] == "scoring")
    assert dict(run["versions_read"])["shop.store_returns"] == before
    assert owner.tables.version("store_returns") == before
    assert "store_returns" not in reader.tables.names()
    late = Window(LATER, LATER + (LATER - AS_OF))
    with pytest.raises(AsOfError, match="also of use case shop, whose tables are looked up"):
        scoring.run(reader, registry, window=late, as_of=late.end)


@on_shop
def test_a_trial_reads_features_of_another_use_case_where_its_jobs_wrote_them(
    owner: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("levelfive.app.load_use_case", lambda name: refunds())
    settings = f"use_case: refunds\nshared_schemas: {{shop: {owner.tables.schema}}}\n"
    (owner.home / "levelfive.yml").write_text(settings)
    before = owner.tables.names()

    code = commands.run(owner.home, "check", "--landing", str(owner.landing))

    said = capsys.readouterr().out
    assert code == 0, said
    assert "scores of a model that was fitted on them" in said
    assert "was not looked at" not in said
    assert owner.tables.names() == before


@on_shop
def test_a_change_that_breaks_a_reader_is_refused_before_anything_is_written(
    owner: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "installed", lambda: iter((shop.USE_CASE, refunds())))
    (table,) = shop.USE_CASE.feature_tables

    def renamed(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
        return shop.store_returns(raw, window).withColumnRenamed("returned_share", "share")

    use_case = replace(shop.USE_CASE, feature_tables=(replace(table, compute=renamed),))
    before = {name: owner.tables.version(name) for name in ("store_returns", "labels")}

    with pytest.raises(ConfigError, match="has no longer column returned_share, which use case 'refunds' looks up"):
        features.run(replace(owner.context, use_case=use_case), as_of=LATER, since=AS_OF)

    assert owner.tables.version("store_returns") == before["store_returns"]


@on_shop
def test_what_a_table_and_its_columns_mean_is_shown_by_the_catalog(owner: App) -> None:
    (table,) = shop.USE_CASE.feature_tables
    meanings = {"returned_share": "share of the store's orders that came back, 0 to 1", "gone": "no such column"}
    described = replace(table, description="What came back, by store's hour", column_descriptions=meanings)
    context = replace(owner.context, use_case=replace(shop.USE_CASE, feature_tables=(described,)))

    for _ in range(2):
        features.run(context, as_of=LATER, since=AS_OF)

    (detail,) = owner.tables.spark.sql(f"DESCRIBE DETAIL {owner.tables.name('store_returns')}").collect()
    assert detail["description"] == "What came back, by store's hour"
    fields = {field.name: field.metadata.get("comment") for field in owner.tables.read("store_returns").schema}
    assert fields["returned_share"] == meanings["returned_share"]
    operations = [commit.operation for commit in owner.tables.history("store_returns") if commit.is_upkeep]
    assert len(operations) == 2
