"""The card of a model version: what is known of a fitted model, and how it is written as JSON."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from importlib.metadata import version as installed
from typing import Any

from levelfive.core.windows import iso
from levelfive.statistics.calibration import Calibration
from levelfive.statistics.tasks.registry import module_of, task_of
from levelfive.statistics.tasks.task import Task
from levelfive.usecase.features import Lookup

REQUIREMENTS = ("scikit-learn", "xgboost", "pandas", "numpy", "mlflow")
_TUPLES = ("features", "categorical", "key", "slices", "limits", "libraries")


@dataclass(frozen=True)
class UseCaseCode:
    """The use case's own code: the distribution that it was installed from, if it was, and a hash of its source."""

    distribution: str = ""
    version: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class SliceMetrics:
    """Metrics of a holdout's rows, or of one slice of them.

    Args:
        slice: Such as `carrier=UA`, or `carrier missing`; empty for all rows.
        rows: How many there are.
        days: On how many days.
        values: The metrics that are defined, by name.
        low: The lower ends of their intervals by days, where the days tell.
        high: The upper ends.
    """

    slice: str
    rows: int
    days: int
    values: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]


@dataclass(frozen=True)
class ModelCard:
    """What is known of a fitted model; times in UTC, `trained_until` not included.

    `score_baseline` says how the scores of its baseline were made; it is empty for a candidate, which has none, and for
    models that were compared with scores of the very rows that they had been fitted on. `importances` are the shares of
    what its scores rest on, by feature. `key`, `slices` and `max_staleness` are the use case's, for a service that has
    the version alone; one of an earlier levelfive has none, nor has it importances, or a `calibration`, how often its
    unseen scores came true. `holdout` is how the candidate did, all rows first; `purpose` and `limits` are what the use
    case says of itself. `libraries` are the distributions of the estimator's classes, beside `REQUIREMENTS`.
    """

    use_case: str
    task: Task
    features: tuple[str, ...]
    categorical: tuple[str, ...]
    lookups: tuple[Lookup, ...]
    trained_from: datetime
    trained_until: datetime
    as_of: datetime
    training_rows: int
    training_set_sha256: str
    table_versions: Mapping[str, int]
    parameters: Mapping[str, float | int | str]
    seed: int
    run_id: str
    code_revision: str
    baseline: str
    holdout_skill: float | None = None
    score_baseline: str = ""
    importances: Mapping[str, float] = field(default_factory=dict)
    code: UseCaseCode = UseCaseCode()
    key: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    max_staleness: timedelta | None = None
    calibration: Calibration | None = None
    holdout: tuple[SliceMetrics, ...] = ()
    purpose: str = ""
    limits: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    @property
    def requirements(self) -> dict[str, str]:
        """The versions here of what the model is made of, by distribution."""
        return {name: installed(name) for name in (*REQUIREMENTS, *self.libraries)}

    def to_json(self) -> str:
        """Write the card as JSON."""
        record = {**asdict(self), "task": self.task.definition}
        if module := module_of(self.task):
            record["task_module"] = module
        for name in ("trained_from", "trained_until", "as_of"):
            record[name] = iso(record[name])
        record["max_staleness"] = _seconds(self.max_staleness)
        for lookup in record["lookups"]:
            for name in ("max_age", "grid"):
                lookup[name] = _seconds(lookup[name])
        record["environment"] = {"python": platform.python_version(), **self.requirements}
        return json.dumps(record, indent=1, sort_keys=True)

    @property
    def identity(self) -> str:
        """Hash of what makes the model what it is, as 64 hexadecimal digits: not its run, nor the tables' versions.

        The code's hash is a part of it: another recipe has another identity, even if it has led to the same scores.
        """
        plain = replace(self, run_id="", table_versions={})
        return hashlib.sha256(plain.to_json().encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Read a card that `to_json` wrote.

        Raises:
            ConfigError: Its task is not known here, nor the module that registers it.
        """
        record: dict[str, Any] = json.loads(text)
        record.pop("environment")
        task = task_of(record.pop("task"), record.pop("task_module", ""))
        for name in ("trained_from", "trained_until", "as_of"):
            record[name] = datetime.fromisoformat(record[name])
        record["lookups"] = tuple(_lookup(lookup) for lookup in record["lookups"])
        record["max_staleness"] = _length(record.get("max_staleness"))
        record["calibration"] = _calibration(record.get("calibration"))
        record["holdout"] = tuple(SliceMetrics(**part) for part in record.get("holdout", ()))
        return cls(
            **{
                **record,
                "task": task,
                "code": UseCaseCode(**record.get("code", {})),
                **{n: tuple(record.get(n, ())) for n in _TUPLES},
            }
        )


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _length(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _calibration(record: dict[str, Any] | None) -> Calibration | None:
    return None if record is None else Calibration(tuple(record["scores"]), tuple(record["shares"]))


def _lookup(record: dict[str, Any]) -> Lookup:
    lengths = {name: _length(record.pop(name)) for name in ("max_age", "grid")}
    return Lookup(**{**record, **lengths, "columns": tuple(record["columns"])})
