"""Monitoring, decision, retraining, promotion and rollback, on a copy of the lakehouse of the whole path."""

import shutil
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from first_champion import AS_OF, LATER, Stage, on_flights, on_shop, prepare
from pyspark.sql import functions as F
from registered import files_of

from levelfive.app import App
from levelfive.core.windows import Window, utc
from levelfive.errors import EvidenceError, RegistryError
from levelfive.features import job as features
from levelfive.monitoring import job as monitoring
from levelfive.monitoring import performance_records, records
from levelfive.registry.promotions import champion, history
from levelfive.reporting.collect import collect
from levelfive.reporting.page import render
from levelfive.retraining import job as retraining
from levelfive.retraining.policy import Action
from levelfive.retraining.records import RETRAININGS
from levelfive.scoring import job as scoring
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.training.dataset import DAY_NUMBER, SLICE, Wanted, labelled_rows, training_rows
from levelfive.usecase.policies import GatePolicy, RetrainingPolicy

SCORED = Window(AS_OF, LATER)


@dataclass(frozen=True)
class Copy:
    """A copy of the application, with a use case whose gate and policy answer to three days of labels."""

    app: App
    context: JobContext

    def retrain(self, as_of=LATER) -> retraining.RetrainingResult:
        return retraining.run(self.context, self.app.stores, as_of=as_of)

    def versions(self) -> int:
        return len(self.app.registry.versions())


def a_copy(app: App) -> Copy:
    use_case = replace(
        app.use_case,
        gate=GatePolicy(min_days=2, min_rows=50, margin=1.0),
        retraining=RetrainingPolicy(label_growth=0.02),
    )
    return Copy(app, JobContext(app.tables, use_case, app.context.features))


@pytest.fixture
def copy(loop, tmp_path: Path) -> Copy:
    """Three days were scored."""
    return a_copy(loop.copy(tmp_path / "home", Stage.SCORED))


@pytest.fixture
def monitored(loop, tmp_path: Path) -> Copy:
    """Three days were scored and monitored."""
    return a_copy(loop.copy(tmp_path / "home", Stage.MONITORED))


def table(copied: Copy, name: str, *order: str) -> pd.DataFrame:
    return copied.app.tables.read(name).toPandas().sort_values(list(order), ignore_index=True)


@pytest.mark.nightly
@on_shop
def test_profiles_count_every_live_prediction_and_stay_as_they_are_whenever_they_are_made(
    monitored: Copy,
) -> None:
    """Features of two days, and two windows monitored."""
    copy, context, central = monitored, monitored.context, monitored.app.registry

    then = [table(copy, name, "column_name", *more) for name, more in (("profiles", ["day"]), ("drift", []))]
    first = monitoring.run(context, central, window=SCORED, as_of=LATER)
    # Of the performance what is known, and what the scores alone tell.
    assert tuple(len(table(copy, name, "as_of")) for name in ("performance", "verdicts")) == (2, 1)
    features.run(context, as_of=LATER + timedelta(days=2))
    again = monitoring.run(context, central, window=SCORED, as_of=LATER + timedelta(days=2))
    now = [table(copy, name, "column_name", *more) for name, more in (("profiles", ["day"]), ("drift", []))]

    for before, after in zip(then, now, strict=True):
        pd.testing.assert_frame_equal(before, after, check_exact=True)
    rows = (
        copy.app.tables.read(PREDICTIONS)
        .where(F.col("role") == "champion")
        .where((F.col("prediction_time") >= F.lit(SCORED.start)) & (F.col("prediction_time") < F.lit(SCORED.end)))
    )
    whole = then[0][then[0].day.isna()].set_index("column_name")
    assert {rows.count()} == set(whole["count"] + whole.num_nulls)
    assert first.performance[-1].provisional
    assert first.performance[-1].mature < again.performance[-1].mature
    assert list(first.verdicts) == list(again.verdicts)


def test_profiles_say_what_pandas_says_of_the_same_rows(monitored: Copy) -> None:
    rows = monitored.app.tables.read(PREDICTIONS).where(F.col("prediction_time") >= F.lit(SCORED.start)).toPandas()
    spec, seen = monitored.app.use_case.model, pd.DataFrame(rows.features.tolist())

    whole = table(monitored, "profiles", "column_name").query("day.isna()").set_index("column_name")

    for name in set(spec.features) - set(spec.categorical):
        values, ours = seen[name].dropna().astype(float), whole.loc[name]
        assert len(seen) - len(values) == ours.num_nulls
        expected = [values.mean(), values.std(ddof=0), values.min(), values.max()]
        assert pytest.approx(expected) == [ours["avg"], ours["stddev"], ours["min"], ours["max"]]
        assert len(values) == sum(ours.counts)
        assert pytest.approx(values.sum()) == sum(ours.sums)
    for name in spec.categorical:
        counts = {category: n for category, n in dict(whole.loc[name].frequent_items).items() if n}
        assert dict(seen[name].value_counts()) == counts


def test_a_window_that_nobody_scored_is_refused(copy: Copy) -> None:
    with pytest.raises(EvidenceError, match="levelfive scoring"):
        monitoring.run(copy.context, copy.app.registry, window=Window(utc(2013, 1, 5), utc(2013, 1, 6)), as_of=LATER)


def test_a_training_set_grows_into_what_would_be_assembled_anew(copy: Copy) -> None:
    """Two training sets, assembled by Spark."""
    use_case, window = copy.context.use_case, Window(utc(2013, 2, 12, 6), LATER - copy.context.use_case.maturity)
    run, spec = Run(copy.app.tables, "test"), use_case.model
    anew = labelled_rows(copy.context, run, spec.lookups, window, as_of=LATER)
    earlier = anew[anew.prediction_time < pd.Timestamp(AS_OF).tz_localize(None)]

    first = history(copy.app.tables, copy.app.registry.name)[0].version
    wanted = Wanted(spec.features, spec.lookups, copy.app.registry.name, earlier, served_by=(first,))
    grown = training_rows(copy.context, run, wanted, window, as_of=LATER)

    assert len(earlier) < len(grown) == len(anew)
    slices = [f"{SLICE}{name}" for name in use_case.slices]
    columns = [*dict.fromkeys([*use_case.key, *spec.features]), *slices, "label", DAY_NUMBER]
    pd.testing.assert_frame_equal(anew[columns], grown[columns], check_exact=True, check_dtype=False)


@pytest.mark.nightly
@on_shop
def test_a_decision_to_retrain_trains_and_promotes_once(monitored: Copy) -> None:
    """A training on six weeks."""
    copy, before = monitored, monitored.versions()

    first = copy.retrain()
    second = copy.retrain()

    assert first.decision.action is Action.RETRAIN
    assert first.promotion is not None
    assert (first.decision, first.retraining, first.promotion) == (
        second.decision,
        second.retraining,
        second.promotion,
    )
    assert before + 2 == copy.versions()
    assert 1 == table(copy, "decisions", "as_of").shape[0] == table(copy, RETRAININGS, "as_of").shape[0]
    live = champion(copy.context.tables, copy.app.registry.name, as_of=LATER + timedelta(hours=1))
    assert live is not None
    assert first.retraining is not None
    assert first.retraining.version == live.version
    page = render(collect(copy.context, copy.app.registry, as_of=LATER))
    assert "label growth" in page
    assert f"version {live.version}" in page


@on_flights
def test_a_later_champion_is_compared_with_the_first_one_whenever_its_window_is_measured(copy: Copy, loop) -> None:
    """A training, three more days of data and features, and four windows monitored."""

    def models(window: Window) -> list[str]:
        told = table(copy, "performance", "as_of", "model")
        of_window = told[told.window_end == pd.Timestamp(window.end).tz_localize(None)]
        return [model for model in of_window.model if model != performance_records.ESTIMATED]

    retrained = copy.retrain()
    assert retrained.promotion is not None
    day, later = Window(LATER, LATER + timedelta(days=1)), LATER + timedelta(days=3)
    prepare(copy.app, loop.deliver, Window(LATER, later))
    scoring.run(copy.context, copy.app.registry, window=day, as_of=later)
    for window in (SCORED, day):
        monitoring.run(copy.context, copy.app.registry, window=window, as_of=later)

    assert models(SCORED) == ["live"]
    assert models(day) == ["live", "reference"]
    rows = table(copy, "predictions", "prediction_time").query("model_version == @retrained.promotion.version")
    assert retrained.promotion.previous_version is not None
    first = copy.app.registry.load(retrained.promotion.previous_version)
    seen = pd.DataFrame(list(rows["features"]))
    assert rows["reference_score"].to_numpy() == pytest.approx(first.score(seen))

    shutil.rmtree(files_of(copy.app.registry, retrained.promotion.version))
    fresh = replace(copy.app).registry
    both = monitoring.run(copy.context, fresh, window=Window(AS_OF, day.end), as_of=later)
    assert list(both.verdicts) == [retrained.promotion.previous_version]
    with pytest.raises(RegistryError, match="are gone"):
        monitoring.run(copy.context, fresh, window=day, as_of=later)
    assert {one.column for one in collect(copy.context, fresh, as_of=later).columns} >= {"distance"}


@on_flights
def test_a_refused_candidate_is_recorded_and_not_promoted(copy: Copy) -> None:
    """A training on six weeks."""
    context = replace(
        copy.context, use_case=replace(copy.context.use_case, gate=GatePolicy(min_days=2, min_rows=100, min_skill=0.99))
    )

    result = retraining.run(context, copy.app.stores, as_of=LATER)

    assert result.retraining is not None
    assert not result.retraining.passed
    assert result.promotion is None
    assert len(history(copy.app.tables, copy.app.registry.name)) == 1


def test_verdicts_hold_what_a_decision_needs(monitored: Copy) -> None:
    copy = monitored

    (record,) = records.verdicts(Run(copy.app.tables, "test"), copy.app.registry.name, as_of=LATER)

    assert (record.window, record.as_of) == (SCORED, LATER)
    assert record.rows > 50
    assert record.skill is not None
    assert np.isfinite(record.skill).all()
    assert not records.verdicts(Run(copy.app.tables, "test"), copy.app.registry.name, as_of=AS_OF)
