"""What a training set reuses: only a training set that is proven to be the model's, only what saw all features."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from in_memory.release import AS_OF, LATER, Environment, a_model, flights

from levelfive.core.windows import Window
from levelfive.models.package import Model
from levelfive.training.dataset import write_snapshot
from levelfive.training.reuse import training_set_of, versions_that_saw

ROWS = flights(Window(AS_OF, LATER))


class Artefacts:
    """A tracking store with one training set, or none."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def download(self, run_id: str, path: str, folder: Path) -> Path | None:
        assert (run_id, path) == ("a-run", "training_set/training_set.parquet")
        return self.path


def trained_on(sha256: str) -> Model:
    model = a_model(AS_OF)
    return Model(model.estimator, replace(model.card, training_set_sha256=sha256))


def test_the_training_set_of_a_model_is_read_where_its_hash_is_the_model_s(tmp_path: Path) -> None:
    snapshot = write_snapshot(ROWS, tmp_path)

    rows = training_set_of(Artefacts(snapshot.path), trained_on(snapshot.sha256), tmp_path)

    pd.testing.assert_frame_equal(rows, ROWS)


def test_a_training_set_that_is_gone_or_another_is_none(tmp_path: Path) -> None:
    snapshot = write_snapshot(ROWS, tmp_path)
    another = trained_on(hashlib.sha256(b"another").hexdigest())

    assert training_set_of(Artefacts(None), trained_on(snapshot.sha256), tmp_path) is None
    assert training_set_of(Artefacts(snapshot.path), another, tmp_path) is None


@pytest.mark.parametrize(
    ("features", "hours", "saw"), [(("distance",), 1, True), (("distance",), 0, False), (("moon",), 1, False)]
)
def test_a_champion_counts_that_was_trained_before_and_saw_all_features(
    production: Environment, features: tuple[str, ...], hours: int, saw: bool
) -> None:
    version = production.released()

    versions = versions_that_saw(production.context, production.registry, features, AS_OF + timedelta(hours=hours))

    assert versions == ((version,) if saw else ())
