"""What a training set reuses: the champion's own, and what versions saw that scored with the same features."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import pandas as pd

from levelfive.models.package import Model
from levelfive.registry.promotions import history
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext
from levelfive.training.dataset import SNAPSHOT
from levelfive.training.tracking import Tracking

TRAINING_SET = "training_set"
"""The folder of a tracked run that holds the training set."""


def training_set_of(tracking: Tracking, model: Model, folder: Path) -> pd.DataFrame | None:
    """Read the training set of a model; None where it is gone, or not the one that the model was trained on."""
    path = tracking.download(model.card.run_id, f"{TRAINING_SET}/{SNAPSHOT}", folder)
    if path is None:
        return None
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return pd.read_parquet(path) if sha256 == model.card.training_set_sha256 else None


def versions_that_saw(
    context: JobContext, registry: CentralRegistry, features: Collection[str], as_of: datetime
) -> tuple[str, ...]:
    """List the champions so far that scored with all of these features; one that is gone, or its files, is left out."""
    versions = dict.fromkeys(promotion.version for promotion in history(context.tables, registry.name))
    models = {version: registry.load_if_there(version) for version in versions}
    return tuple(
        version
        for version, model in models.items()
        if model is not None and model.card.as_of < as_of and set(features) <= set(model.card.features)
    )
