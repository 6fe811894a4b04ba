"""Training sets, and model packages with their examples, without a person's rows.

A package holds features of a few rows and no key: they are found by the training set that they are from. So packages
come first, and the training set of a run last.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from levelfive.core.texts import counted
from levelfive.erasure.person import Person
from levelfive.erasure.place import Removal
from levelfive.errors import DamagedModel
from levelfive.formats.rewriting import may_have_a_fraction
from levelfive.models.card import ModelCard
from levelfive.models.package import (
    SMOKE_ROWS,
    feature_frame,
    load,
    read_card,
    replace_examples,
    smoke_rows,
    with_scores,
)
from levelfive.registry.store import CentralRegistry
from levelfive.registry.tags import HOLDS_FORGOTTEN
from levelfive.statistics.baseline import Baseline
from levelfive.statistics.categories import category_text
from levelfive.statistics.distinct_sketches import hashed_categories
from levelfive.training.dataset import SNAPSHOT
from levelfive.training.register import EXAMPLES
from levelfive.training.reuse import TRAINING_SET
from levelfive.training.tracking import Tracking

PACKAGE = "model"
"""The folder of a tracked run that holds the package of its refit."""
KNOWS, MAY_KNOW = "knows", "may know"


@dataclass
class TrainingSets:
    """The training sets of all runs that were tracked, each without the rows that are theirs.

    A training set that lacks rows is no longer the one that its model was trained on, which its hash tells: the next
    training takes their features from the tables.

    Args:
        tracking: The tracking store.
        person: Whose rows.
    """

    tracking: Tracking
    person: Person
    name: str = "training sets"

    def count(self) -> Removal:
        """Count the rows that are theirs."""
        return self._each(is_to_go=False)

    def erase(self) -> Removal:
        """Write the training sets anew that have rows of theirs."""
        return self._each(is_to_go=True)

    def _each(self, *, is_to_go: bool) -> Removal:
        rows = {run_id: self._of_run(run_id, is_to_go=is_to_go) for run_id in self.tracking.runs()}
        run_ids = sorted(run_id for run_id, count in rows.items() if count)
        phrases = (f"the trainings of the tracked runs {', '.join(run_ids)}, on the same rows",) if run_ids else ()
        return Removal(sum(rows.values()), phrases)

    def _of_run(self, run_id: str, *, is_to_go: bool) -> int:
        with training_set(self.tracking, run_id) as path:
            if path is None:
                return 0
            rows = pq.read_table(path)
            theirs = chosen(self.person, rows)
            if is_to_go and any(theirs):
                others = rows.filter(pc.invert(pa.array(theirs, pa.bool_())))
                pq.write_table(others, path, compression="zstd")
                self.tracking.replace(run_id, path, TRAINING_SET)
            return sum(theirs)


@dataclass
class Examples:
    """The rows by which packages are checked, in the registry and among the artefacts of tracked runs.

    Where nothing else would be left, other rows of the training set take their place.

    Args:
        registry: The central registry.
        tracking: The tracking store.
        person: Whose rows.
    """

    registry: CentralRegistry
    tracking: Tracking
    person: Person
    name: str = "examples of models"
    _left: list[str] = field(default_factory=list, init=False)

    def count(self) -> Removal:
        """Count the rows that are theirs."""
        return self._each(is_to_go=False)

    def erase(self) -> Removal:
        """Replace the rows, and the versions' hashes with them."""
        return self._each(is_to_go=True)

    def _each(self, *, is_to_go: bool) -> Removal:
        self._left.clear()
        versions = [one.version for one in self.registry.versions()]
        count = sum(self._of_version(version, is_to_go=is_to_go) for version in versions)
        count += sum(self._of_run(run_id, is_to_go=is_to_go) for run_id in self.tracking.runs())
        return Removal(count, left=tuple(self._left))

    def _of_version(self, version: str, *, is_to_go: bool) -> int:
        if not self.registry.holds_files(version):
            return 0
        with tempfile.TemporaryDirectory() as folder:
            try:
                package = self.registry.download_unfinished(version, Path(folder))
            except DamagedModel:
                self._left.append(f"version {version} has other files than were registered: delete it in the registry")
                return 0
            self._look_at_categories(package, f"version {version}")
            package_rows = self._package(package)
            if is_to_go and (package_rows.rows or self.registry.is_unfinished(version)):
                self._replace(package_rows, version)
            self._look_at_what_is_left(version)
            return package_rows.rows

    def _replace(self, package_rows: _PackageRows, version: str) -> None:
        # A run that was killed after the last file has but the hash left.
        names = package_rows.written() if package_rows.rows else ()
        if names is None or not self.registry.replace(version, package_rows.folder, names):
            before = int(self.registry.find(version).tags.get(HOLDS_FORGOTTEN, 0))
            self.registry.tag(version, {HOLDS_FORGOTTEN: str(max(before, package_rows.rows))})

    def _look_at_what_is_left(self, version: str) -> None:
        """Say which versions still hold examples of theirs, or of others who were forgotten before."""
        rows = int(self.registry.find(version).tags.get(HOLDS_FORGOTTEN, 0))
        if rows:
            self._left.append(
                f"version {version} of {self.registry.name} holds {counted(rows, 'row')} of people who were forgotten "
                "as examples, which cannot be replaced: train again, promote, and delete the version in the registry"
            )

    def _of_run(self, run_id: str, *, is_to_go: bool) -> int:
        with tempfile.TemporaryDirectory() as folder:
            package = self.tracking.download(run_id, PACKAGE, Path(folder))
            if package is None:
                return 0
            package_rows = self._package(package)
            if package_rows.rows and is_to_go:
                for name in package_rows.written() or ():
                    self.tracking.replace(run_id, package / name, PACKAGE)
            return package_rows.rows

    def _package(self, folder: Path) -> _PackageRows:
        with training_set(self.tracking, read_card(folder).run_id) as path:
            return _PackageRows(folder, self.person, None if path is None else pq.read_table(path))

    def _look_at_categories(self, package: Path, what: str) -> None:
        """Say which versions know them by a category: that is in the fitted model, which only a training changes."""
        card = read_card(package)
        for name, value in category_of(self.person).items():
            if knows := knowledge_of(card, name, value):
                self._left.append(
                    f"{what} of {self.registry.name} {knows} {name} of theirs as a category: train again now that "
                    "their rows are gone, promote, and delete the version in the registry"
                )


@dataclass
class _PackageRows:
    """The smoke rows of a package, and which of them are a person's."""

    folder: Path
    person: Person
    trained_on: pa.Table | None

    @property
    def rows(self) -> int:
        """How many are theirs."""
        return int(self._theirs.sum())

    def written(self) -> tuple[str, ...] | None:
        """Write the package's examples anew; tells the files that are others then, None where none could be left."""
        rest = self._smoke[~self._theirs]
        rows = self._others() if rest.empty else rest
        return None if rows is None else replace_examples(self.folder, rows)

    @cached_property
    def _smoke(self) -> pd.DataFrame:
        return smoke_rows(self.folder)

    @cached_property
    def _theirs(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Tell of each smoke row whether it is theirs by its own features, or has the features of a row that is."""
        by_feature = np.array(chosen(self.person, pa.Table.from_pandas(self._smoke, preserve_index=False)), bool)
        if self.trained_on is None:
            return by_feature
        theirs = self.trained_on.filter(pa.array(chosen(self.person, self.trained_on), pa.bool_())).to_pandas()
        if not set(self._card.features) <= set(theirs.columns):
            return by_feature
        features = set(_tuples(self._features(theirs)))
        alike = np.array([row in features for row in _tuples(self._features(self._smoke))], bool)
        return np.logical_or(by_feature, alike)

    def _others(self) -> pd.DataFrame | None:
        """Score the last rows of the training set that are not theirs; None where there are none."""
        if self.trained_on is None:
            return None
        others = self.trained_on.filter(pc.invert(pa.array(chosen(self.person, self.trained_on), pa.bool_())))
        if not others.num_rows:
            return None
        last = self._features(others.to_pandas().tail(EXAMPLES).head(SMOKE_ROWS))
        return with_scores(load(self.folder), last)

    def _features(self, rows: pd.DataFrame) -> pd.DataFrame:
        return feature_frame(rows, self._card.features, self._card.categorical)

    @cached_property
    def _card(self) -> ModelCard:
        return read_card(self.folder)


@contextmanager
def training_set(tracking: Tracking, run_id: str) -> Iterator[Path | None]:
    """Copy the training set of a run into a folder of its own; None where it is gone, or another store has it."""
    with tempfile.TemporaryDirectory() as folder:
        yield tracking.download(run_id, f"{TRAINING_SET}/{SNAPSHOT}", Path(folder))


def chosen(person: Person, rows: pa.Table) -> list[bool]:
    """Tell of each row of a training set whether it is theirs."""
    names = {name for way in person.ways(rows.column_names) for name in way.columns}
    texts = {name: _texts(rows.column(name)) for name in sorted(names)}
    flags = [False] * rows.num_rows
    for place, cells in enumerate(zip(*texts.values(), strict=True)):
        flags[place] = person.has(dict(zip(texts, cells, strict=True)))
    return flags


def category_of(person: Person) -> Mapping[str, str]:
    """Tell the one column that names a person, and the value as a category; nothing where it takes several together."""
    (values,) = person.identifiers.values
    if len(values) > 1:
        return {}
    (name,), (value,) = person.identifiers.columns, values
    return {name: category_text(Decimal(value)) if may_have_a_fraction(person.kinds[name]) else value}


def knowledge_of(card: ModelCard, feature: str, value: str) -> str:
    """Say whether a model knows a value as a category: empty where it does not, `may know` where nothing tells."""
    if feature not in card.categorical:
        return ""
    if not card.baseline:  # a candidate has no profile
        return MAY_KNOW
    profile = Baseline.from_json(card.baseline).categorical[feature]
    if value in profile.frequent:
        return KNOWS
    if profile.others is None:
        return MAY_KNOW
    return KNOWS if int(hashed_categories([value])[0]) in profile.others else ""


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    if pa.types.is_timestamp(column.type):
        moments = column.cast(pa.timestamp("us", column.type.tz), safe=False).to_pylist()
        return [None if moment is None else moment.isoformat() for moment in moments]
    if pa.types.is_floating(column.type):
        # What is a whole number in a table may be a float in a frame that has gaps.
        return [None if number is None else _number(number) for number in column.to_pylist()]
    return [None if value is None else str(value) for value in column.to_pylist()]


def _number(number: float) -> str:
    return str(int(number)) if np.isfinite(number) and number == int(number) else repr(number)


def _tuples(frame: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    # NaN is not equal to itself, and a category that is missing is None.
    for row in frame.itertuples(index=False, name=None):
        yield tuple(None if pd.isna(cell) else cell for cell in row)
