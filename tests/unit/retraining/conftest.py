"""A live model in memory; its labels are counted and its successors trained without Spark."""

import pytest
from in_memory.release import Environment, Packages
from in_memory.retraining import LiveModel

from levelfive.retraining import deciding, train_once
from levelfive.training import job as training


@pytest.fixture
def live(production: Environment, packages: Packages, monkeypatch: pytest.MonkeyPatch) -> LiveModel:
    found = LiveModel.released(production, packages)
    monkeypatch.setattr(training, "run", found.trainer.run)
    for module in (deciding, train_once):
        monkeypatch.setattr(module, "labelled_days", found.labels.counted)
    return found
