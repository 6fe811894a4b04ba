"""Tries a use case on the first rows of its landing files, from their headers to a model; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from levelfive.core.conditions import in_window
from levelfive.core.days import DAY
from levelfive.core.windows import Window
from levelfive.errors import TableError
from levelfive.features.lookup import assemble, check_lookup
from levelfive.features.refusals import refusals_of_workers
from levelfive.features.store import columns_after, keyed_rows, primary_key
from levelfive.models.package import feature_frame
from levelfive.storage.category_columns import with_texts
from levelfive.training.labels import faults_of
from levelfive.trial import outputs
from levelfive.trial.as_of import foresight, look_for_leaks, short_sight
from levelfive.trial.findings import Findings, Part
from levelfive.trial.first_rows import Compute, FirstRows
from levelfive.trial.heads import Head, at_hand, read_head
from levelfive.usecase.calls import feature_rows, labels_of, spine_of
from levelfive.usecase.columns import LABEL, LABELLED, OUTCOME, PREDICTION_TIME
from levelfive.usecase.features import FeatureTable, owner_of
from levelfive.usecase.use_case import UseCase

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

ROWS = 5_000
# A model is not fitted on fewer rows than these, where the time was shortened.
FEWEST_ROWS = 50


def run(
    spark: SparkSession,
    use_case: UseCase,
    landing: Path,
    *,
    limit: int = ROWS,
    read_shared: Callable[[str], DataFrame] | None = None,
) -> Findings:
    """Try a use case on the first rows of each of its sources.

    Args:
        spark: The session; nothing is written by it.
        use_case: What is tried.
        landing: Folder with one folder a source.
        limit: How many rows of a source at most.
        read_shared: From the name of another use case's feature table to the table, as it is written there.
    """
    return _Trial(spark, use_case, landing, limit, read_shared).run()


@dataclass
class _Trial:
    spark: SparkSession
    use_case: UseCase
    landing: Path
    limit: int
    read_shared: Callable[[str], DataFrame] | None
    findings: Findings = field(default_factory=Findings)
    tables: dict[str, DataFrame] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first = FirstRows(self.use_case, self.limit)

    def run(self) -> Findings:
        references = {source.name: source.references for source in self.use_case.sources}
        for name in TopologicalSorter(references).static_order():
            self._read(name)
        if self.first.period is None:
            self.findings.left_out("what follows", "no source that `spine` or `labels` reads has rows with a date")
            return self.findings
        for table in self.use_case.feature_tables:
            self._compute(table)
        self._share()
        spine, labels = self._spine(), self._labels()
        if spine is None or labels is None:
            self.findings.left_out("the model", "it needs rows of `spine` and of `labels`")
            return self.findings
        before = len(self.findings.faults)
        with self.findings.noting("the comparison of `spine` with `labels`"):
            self._compare(spine, labels)
        if len(self.findings.faults) > before:
            self.findings.left_out("the model", "rows of `spine` and of `labels` do not fit each other")
            return self.findings
        with self.findings.noting("the join of `spine` with its lookups and labels"):
            rows = self._joined(spine, labels)
            if rows is not None:
                self._fit(rows)
        return self.findings

    def _read(self, name: str) -> None:
        source = self.use_case.source(name)
        if self._lacks(f"source {name!r}", source.references):
            return
        with self.findings.noting(f"`derive` of source {name!r}"):
            references = {other: self.first.raw[other] for other in source.references}
            head = read_head(self.spark, source, self.landing, references, limit=self.limit)
            self.first.raw[name] = head.accepted_rows
            self.findings.parts.append(Part(f"source {name}", head.rows_in, _became(head)))

    def _lacks(self, what: str, sources: Sequence[str]) -> bool:
        absent = self.first.absent(sources)
        if absent:
            self.findings.left_out(what, f"it needs source {', '.join(absent)}")
        return bool(absent)

    def _compute(self, table: FeatureTable) -> None:
        what, compute = f"feature table {table.name!r}", partial(feature_rows, table)
        if self._lacks(what, table.sources):
            return
        with self.findings.noting(f"`compute` of {what}"), refusals_of_workers(table.name):
            window = self.first.window()
            raw = self.first.known(table.sources, window.end)
            if table.timestamped:
                window = self.first.affordable(compute, raw, step=self._grid_of(table) or DAY)
            self.windows[table.name] = window
            rows = at_hand(compute(raw, window))
            key_check = keyed_rows(table, rows)
            count, with_keys = rows.count(), key_check.rows.count()
            notes = (f"{count - with_keys:,} without a key" if count > with_keys else "", self.first.shortened(window))
            self.findings.parts.append(Part(what, count, ", ".join(filter(None, notes))))
            fault = key_check.fault()
            if fault is not None:
                raise fault
            if not with_keys:
                self.findings.notes.append(f"{what} has no row with {', '.join(primary_key(table))}.")
            self.tables[table.name] = key_check.rows
            look_for_leaks(self.first, table, key_check.rows, self.findings, start=window.start)
            key, lookback = primary_key(table), table.lookback
            self.findings.faults += short_sight(
                self.first, compute, table.sources, what=what, lookback=lookback, key=key, end=window.end
            )
            self._cost_of_grid(table, with_keys)

    def _share(self) -> None:
        """Read what the lookups ask of other use cases; those compute it, and look for its faults."""
        if self.read_shared is None:
            return
        for name in dict.fromkeys(lookup.table for lookup in self.use_case.model.lookups if owner_of(lookup.table)):
            what = f"feature table {name!r}"
            with self.findings.noting(what):
                try:
                    self.tables[name] = self.read_shared(name)
                except TableError as err:
                    self.findings.left_out(what, str(err))

    def _cost_of_grid(self, table: FeatureTable, rows: int) -> None:
        """Say how many rows a grid makes: one for each key and tick, whether anything happened or not."""
        grid = self._grid_of(table)
        if grid is not None and rows:
            days, ticks = self.windows[table.name].length / DAY, DAY / grid
            self.findings.notes.append(
                f"feature table {table.name!r} has a row for each key and tick, {ticks:,.0f} ticks a day: for the keys "
                f"of these first rows about {rows / days:,.0f} rows a day, {rows / days * 365:,.0f} a year."
            )

    def _grid_of(self, table: FeatureTable) -> timedelta | None:
        grids = [lookup.grid for lookup in self.use_case.model.lookups if lookup.table == table.name and lookup.grid]
        return min(grids, default=None)

    def _spine(self) -> DataFrame | None:
        def rows(raw: Mapping[str, DataFrame], window: Window) -> DataFrame:
            model = self.use_case.model
            return spine_of(self.use_case, raw, window, features=model.spine_features, lookups=model.lookups)

        return self._output("spine", rows, "with a prediction time in", outputs.faults_of_spine)

    def _labels(self) -> DataFrame | None:
        return self._output(
            "labels", partial(labels_of, self.use_case), "that became known in", outputs.faults_of_labels
        )

    def _output(
        self,
        name: str,
        compute: Compute,
        columns: str,
        faults_of_rows: Callable[[UseCase, pd.DataFrame], Iterable[str]],
    ) -> DataFrame | None:
        """Call `spine` or `labels`, and look at its rows; None where they cannot be used."""
        what = f"`{name}` of the use case"
        sources = {"spine": self.use_case.spine_sources, "labels": self.use_case.label_sources}[name]
        if self._lacks(what, sources):
            return None
        with self.findings.noting(what):
            maturity = self.use_case.maturity
            raw = self.first.known(sources, self.first.window(maturity).end)
            within = self.first.affordable(compute, raw, step=DAY)
            window = Window(within.start - maturity, within.end + maturity)
            rows = at_hand(compute(raw, window))
            in_memory = rows.toPandas()
            self.findings.parts.append(Part(f"`{name}`", len(in_memory), self.first.shortened(within)))
            if in_memory.empty:
                self.findings.faults.append(f"{what} returned no row {columns} {window}.")
                return None
            faults = list(faults_of_rows(self.use_case, in_memory)) or list(
                foresight(self.first, compute, sources, name=name, start=window.start, rows=in_memory)
            )
            lookback = self.use_case.labels_lookback if name == "labels" else None
            faults += short_sight(
                self.first, compute, sources, what=what, lookback=lookback, key=self.use_case.key, end=within.end
            )
            self.findings.faults += faults
            return None if faults else rows
        return None

    def _compare(self, spine: DataFrame, labels: DataFrame) -> None:
        ours, theirs = dict(spine.dtypes), dict(labels.dtypes)
        for key in self.use_case.key:
            if not outputs.same_kind(ours[key], theirs[key]):
                self.findings.faults.append(
                    f"{key} is a {ours[key]} in `spine` and a {theirs[key]} in `labels`: cast one."
                )
                return
        self.findings.faults += outputs.faults_of_pairs(self.use_case, spine.toPandas(), labels.toPandas())

    def _joined(self, spine: DataFrame, labels: DataFrame) -> pd.DataFrame | None:
        use_case, lookups = self.use_case, self.use_case.model.lookups
        if absent := [lookup.table for lookup in lookups if lookup.table not in self.tables]:
            self.findings.left_out("the model", f"it needs feature table {', '.join(dict.fromkeys(absent))}")
            return None
        before = len(self.findings.faults)
        ours = dict(spine.dtypes)
        for lookup in lookups:
            check_lookup(lookup, self.tables[lookup.table])
            theirs = dict(self.tables[lookup.table].dtypes)
            for key, name in lookup.keys.items():
                if not outputs.same_kind(ours[name], theirs[key]):
                    self.findings.faults.append(
                        f"the lookup of {lookup.table!r} compares {name}, a {ours[name]} in `spine`, with {key}, a "
                        f"{theirs[key]}: cast one."
                    )
        if len(self.findings.faults) > before:
            return None
        labels_there = labels.where(F.col(OUTCOME) == LABELLED).select(*use_case.key, LABEL)
        rows = spine.join(labels_there, on=list(use_case.key), how="inner")
        if shorter := [of for of in self.windows.values() if of != self.first.window()]:
            within = Window(max(of.start for of in shorter), min(of.end for of in shorter))
            rows = rows.where(in_window(PREDICTION_TIME, within))
            if rows.count() < FEWEST_ROWS:
                self.findings.left_out("the model", f"fewer than {FEWEST_ROWS} rows lie in {within}")
                return None
        window = self.first.window(use_case.maturity)
        frame = assemble(rows, lookups, self.tables.__getitem__, window).select(*columns_after(rows, lookups))
        self.findings.faults += outputs.faults_of_kinds(use_case, dict(frame.dtypes))
        if len(self.findings.faults) > before:
            return None
        in_memory: pd.DataFrame = with_texts(frame, use_case.model.categorical).toPandas()
        self.findings.parts.append(Part("labelled rows with their features", len(in_memory)))
        return in_memory

    def _fit(self, rows: pd.DataFrame) -> None:
        model = self.use_case.model
        if rows.empty:
            return
        self.findings.notes += outputs.notes_on_features(self.use_case, rows)
        if faults := [*faults_of(model.task, rows[LABEL]), *outputs.faults_of_features(self.use_case, rows)]:
            self.findings.faults += faults
            return
        labels = rows[LABEL].to_numpy(np.float64)
        if alike := model.task.cannot_be_learned(labels):
            self.findings.faults.append(f"of the rows that have features, {alike}: try more rows (--rows).")
            return
        features = feature_frame(rows, model.features, model.categorical)
        with self.findings.noting("what `build` of the model returns"):
            estimator = model.estimator()
            estimator.fit(features, labels)
            scores = model.task.predict(estimator, features)
            self.findings.faults += outputs.faults_of_scores(model.task, scores, len(rows))
            self.findings.parts.append(Part("scores of a model that was fitted on them", len(scores)))


def _became(head: Head) -> str:
    counts: Mapping[str, int] = {
        "break the contract": head.refused_rows,
        "repeat a key": head.duplicate_rows,
        "delete": head.deleted_rows,
    }
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
