"""What a team declares to bring its own model: sources, features, label, model, metrics and gate.

A use case is data and small functions, no machinery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from traceback import extract_tb
from typing import TYPE_CHECKING, Protocol, TypeVar

from levelfive.core.windows import Window
from levelfive.errors import ConfigError, first_line, translating
from levelfive.usecase.features import FeatureTable, own_name, owner_of
from levelfive.usecase.model import ModelSpec
from levelfive.usecase.policies import GatePolicy, MonitoringPolicy, RetrainingPolicy, ServingPolicy
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ENTRY_POINT_GROUP = "levelfive.use_cases"


@dataclass(frozen=True)
class ReplayPlan:
    """How the demo replays the files of a year: a dated file is named `<source>_<year>-<month>` and its ending.

    Args:
        year: The year of the files.
        training_months: Months that land before the first model is trained.
        date_columns: Columns of the dated sources that hold year, month and day of the use case's days.
    """

    year: int
    training_months: int
    date_columns: tuple[str, str, str]


@dataclass(frozen=True)
class UseCase:
    """Everything that levelfive needs to know about one prediction problem.

    Args:
        name: A Python identifier; the default schema and the registered model carry it.
        sources: The landing files and their contracts, in the order of ingestion.
        feature_tables: What the features stage computes.
        key: Columns that identify a row to be predicted.
        spine_sources: Sources that `spine` reads.
        spine: From the raw tables and a window of prediction times: `key`, `prediction_time`, the keys of
            the lookups and the spine's own features.
        label_sources: Sources that `labels` reads.
        labels: From the raw tables as known at a window's end, the outcomes that became known within the
            window: `key`, `prediction_time`, `label` (double), `outcome` and `known_at`.
        maturity: Age, from the prediction time, at which nearly all labels are known.
        model: The model's recipe.
        slices: Spine columns by whose values metrics are also reported.
        gate: When a candidate may go live.
        monitoring: From which values on monitoring says something.
        retraining: When the live model is trained again.
        day_starts_at: Offset from UTC midnight at which the use case's day begins.
        replay: How `levelfive demo` walks through the fixtures, or None for a use case without.
        labels_lookback: How long before a window's start the rows are dated that `labels` needs for it, as the
            `lookback` of a feature table.
        lookback: How far back features look: what is computed so long after a hole in its sources is marked.
        serving: What the online store keeps for single requests, and how old it may become.
        purpose: What the predictions are for and who acts on them, for the model card.
        limits: What they are not for, or not good at, a sentence each, for the model card.
    """

    name: str
    sources: tuple[Source, ...]
    feature_tables: tuple[FeatureTable, ...]
    key: tuple[str, ...]
    spine_sources: tuple[str, ...]
    spine: Callable[[Mapping[str, DataFrame], Window], DataFrame]
    label_sources: tuple[str, ...]
    labels: Callable[[Mapping[str, DataFrame], Window], DataFrame]
    maturity: timedelta
    model: ModelSpec
    slices: tuple[str, ...] = ()
    gate: GatePolicy = field(default_factory=GatePolicy)
    monitoring: MonitoringPolicy = field(default_factory=MonitoringPolicy)
    retraining: RetrainingPolicy = field(default_factory=RetrainingPolicy)
    day_starts_at: timedelta = timedelta(0)
    replay: ReplayPlan | None = None
    lookback: timedelta = timedelta(days=28)
    serving: ServingPolicy = field(default_factory=ServingPolicy)
    purpose: str = ""
    limits: tuple[str, ...] = ()
    labels_lookback: timedelta | None = None

    @property
    def has_corrected_labels(self) -> bool:
        """Whether a label may change after it became known."""
        return any(self.source(name).has_corrections for name in self.label_sources)

    def source(self, name: str) -> Source:
        """Find a source by name.

        Raises:
            ConfigError: There is no such source.
        """
        return _named(self.sources, name, "source")

    def feature_table(self, name: str) -> FeatureTable:
        """Find a feature table by its logical name, or one of another use case by `<use case>.<table>`.

        Raises:
            ConfigError: There is no such table, or no such use case.
        """
        owner = owner_of(name)
        tables = self.feature_tables if owner in ("", self.name) else find_use_case(owner).feature_tables
        return replace(_named(tables, own_name(name), "feature table"), name=name)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_T = TypeVar("_T", bound=_Named)


def _named(items: Sequence[_T], name: str, what: str) -> _T:
    for item in items:
        if item.name == name:
            return item
    raise ConfigError(f"there is no {what} {name!r}; known are {', '.join(item.name for item in items)}")


def load_use_case(name: str) -> UseCase:
    """Find a use case by the name of its entry point, and check it.

    Raises:
        ConfigError: There is no such entry point or package, it cannot be imported, it does not hold a use case, or
            one that cannot be used.
    """
    use_case = find_use_case(name)
    # What is checked is defined here, so that the check cannot be imported above.
    from levelfive.usecase.check import check

    check(use_case)
    return use_case


def find_use_case(name: str) -> UseCase:
    """Find a use case by the name of its entry point.

    Where nothing is installed, as in a Git folder, it is found as `USE_CASE` of a package of that name, or of its
    module `use_case`.

    Raises:
        ConfigError: There is no such entry point or package, it cannot be imported, or it does not hold a use case.
    """
    points = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in points and not (name.isidentifier() and find_spec(name) is not None):
        raise ConfigError(
            f"there is no use case {name!r}; installed are {', '.join(sorted(points)) or 'none'}: install the package "
            f"that offers it beside levelfive, by an entry point in the group {ENTRY_POINT_GROUP!r}."
        )
    with translating(partial(_import_failure, name)):
        use_case = points[name].load() if name in points else _of_package(name)
    if not isinstance(use_case, UseCase):
        raise ConfigError(f"use case {name!r} must be a levelfive UseCase, it is {type(use_case).__name__}")
    return use_case


def _of_package(name: str) -> object:
    package = import_module(name)
    if not hasattr(package, "USE_CASE") and hasattr(package, "__path__") and find_spec(f"{name}.use_case"):
        package = import_module(f"{name}.use_case")
    return getattr(package, "USE_CASE", None)


def _import_failure(name: str, err: Exception) -> ConfigError:
    """Say where the import of a use case failed, as far as it came."""
    frames = [one for one in extract_tb(err.__traceback__) if "importlib" not in one.filename]
    last = frames[-1]
    where = "" if last.filename == __file__ else f" ({last.filename}, line {last.lineno})"
    return ConfigError(
        f"use case {name!r} cannot be imported: {type(err).__name__}: {first_line(err)}{where}. Correct its package or "
        "its entry point, or install what it needs."
    )
