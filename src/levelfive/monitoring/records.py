"""The tables of the monitoring stage: their columns, and the rows that the job writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from levelfive.core.windows import Window
from levelfive.monitoring.alerts import Delivered
from levelfive.monitoring.daily import far_outside
from levelfive.monitoring.drift_statistics import ColumnDrift
from levelfive.monitoring.performance import Performance
from levelfive.statistics.metrics import Evaluation
from levelfive.statistics.partials import CategoricalProfile, NumericProfile, Partial
from levelfive.storage.control_tables import Between, Cells
from levelfive.storage.runs import Run

PROFILES = "profiles"
DRIFT = "drift"
PERFORMANCE = "performance"
QUALITY = "quality"
VERDICTS = "verdicts"

_WINDOW = "model_name string, model_version string, window_start timestamp, window_end timestamp"
_SCHEMAS = {
    PROFILES: f"""{_WINDOW}, day date, column string, rows long, nulls long, mean double, std double, min double,
        max double, distinct long, quantiles map<string,double>, counts array<long>, sums array<double>,
        categories map<string,long>, rest long, outside long, most_frequent long, far_outside long,
        broken boolean""",
    DRIFT: f"""{_WINDOW}, column string, statistics map<string,double>, usual map<string,double>, unusual boolean,
        seen_from map<string,double>""",
    PERFORMANCE: f"""{_WINDOW}, as_of timestamp, model string, provisional boolean, scored long, known long,
        mature long, days long, without_label map<string,long>, without_label_score map<string,double>,
        label_mean double, score_mean double, label_mean_known double, metrics map<string,double>,
        low map<string,double>, high map<string,double>""",
    QUALITY: f"""{_WINDOW}, source string, rows_in long, accepted long, quarantined long, duplicates long""",
    VERDICTS: f"""{_WINDOW}, as_of timestamp, days long, rows long, drifted_share double,
        calibration array<double>, skill array<double>, outside array<string>, unusual array<string>,
        harmful array<string>, broken array<string>, left_out array<date>""",
}
LIVE = "live"
REFERENCE = "reference"


@dataclass(frozen=True)
class Subject:
    """What is monitored: a version of a model over a window of prediction times."""

    model_name: str
    model_version: str
    window: Window

    @property
    def cells(self) -> tuple[str, str, datetime, datetime]:
        """The first four columns of every table."""
        return self.model_name, self.model_version, self.window.start, self.window.end


@dataclass(frozen=True)
class VerdictRecord:
    """One row of `verdicts`: what was said of a window at a time, and the evidence that a decision needs."""

    model_version: str
    window: Window
    as_of: datetime
    days: int
    rows: int
    drifted_share: float
    calibration: tuple[float, float] | None
    skill: tuple[float, float] | None
    outside: tuple[str, ...]
    unusual: tuple[str, ...]
    harmful: tuple[str, ...]
    broken: tuple[str, ...]
    left_out: tuple[date, ...] = ()


def write_profiles(
    run: Run,
    rows: Iterable[tuple[Subject, date | None, str, Partial, NumericProfile | CategoricalProfile]],
    broken: frozenset[tuple[date, str]] = frozenset(),
) -> None:
    """Put profiles in the place of those of their windows; `broken` are days and columns that were called so."""
    cells = [
        (
            *(*subject.cells, day, column, *_profile(partial, done)),
            *(partial.most_frequent, far_outside(partial, done), None if day is None else (day, column) in broken),
        )
        for subject, day, column, partial, done in rows
    ]
    _replace(run, PROFILES, cells)


def write_drift(
    run: Run,
    found: Iterable[tuple[Subject, ColumnDrift]],
    seen_from: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
) -> None:
    """Put the distances from the baseline in the place of those of their windows.

    Args:
        run: Which run writes.
        found: The distances.
        seen_from: By version, column and kind, the smallest change that is called broken.
    """
    cells = []
    for subject, column in found:
        seen = (seen_from or {}).get(subject.model_version, {}).get(column.column, {})
        finite = {kind: least for kind, least in seen.items() if math.isfinite(least)}
        cells.append((*subject.cells, column.column, column.statistics, column.usual, column.unusual, finite))
    _replace(run, DRIFT, cells)


def write_quality(run: Run, subject: Subject, delivered: Iterable[Delivered]) -> None:
    """Put the counts of what landed in the place of those of their window."""
    cells = [(*subject.cells, d.source, d.rows_in, d.accepted, d.quarantined, d.duplicates) for d in delivered]
    _replace(run, QUALITY, cells)


def write_performance(run: Run, model_name: str, as_of: datetime, found: Iterable[Performance]) -> None:
    """Add what the labels known at `as_of` say; what was said at other times stays."""
    cells = []
    for one in found:
        subject = Subject(model_name, ", ".join(one.versions), one.window)
        for model, evaluation in ((LIVE, one.evaluation), (REFERENCE, one.reference)):
            if model == LIVE or evaluation is not None:
                cells.append((*subject.cells, as_of, model, *_measured(one, evaluation)))
    _add(run, PERFORMANCE, cells, ("model_name", "window_start", "window_end", "as_of", "model"))


def write_verdicts(run: Run, found: Iterable[tuple[Subject, VerdictRecord]]) -> None:
    """Add what is said of windows at a time; what was said at other times stays."""
    cells = []
    for subject, record in found:
        intervals = (None if ends is None else list(ends) for ends in (record.calibration, record.skill))
        lists = (list(said) for said in (record.outside, record.unusual, record.harmful, record.broken))
        counts = (record.as_of, record.days, record.rows, record.drifted_share)
        cells.append((*subject.cells, *counts, *intervals, *lists, list(record.left_out)))
    _add(run, VERDICTS, cells, ("model_name", "model_version", "window_start", "window_end", "as_of"))


def verdicts(run: Run, model_name: str, *, as_of: datetime) -> tuple[VerdictRecord, ...]:
    """List the verdicts on a model's windows as they were known at a time, by the windows' end."""
    newest: dict[tuple[str, Window], VerdictRecord] = {}
    for row in of_model(run, VERDICTS, model_name, as_of):
        window = window_of(row)
        record = VerdictRecord(
            model_version=row["model_version"],
            window=window,
            as_of=row["as_of"],
            days=row["days"],
            rows=row["rows"],
            drifted_share=row["drifted_share"],
            calibration=_interval(row["calibration"]),
            skill=_interval(row["skill"]),
            **{name: tuple(row[name]) for name in ("outside", "unusual", "harmful", "broken", "left_out")},
        )
        newest[record.model_version, window] = record
    return tuple(sorted(newest.values(), key=lambda record: record.window.end))


def of_model(
    run: Run,
    table: str,
    model_name: str,
    as_of: datetime,
    columns: Sequence[str] | None = None,
    *,
    between: Between | None = None,
) -> list[dict[str, Any]]:
    """Read a table's rows about a model that were known at a time, what was said first before what was said later."""
    rows = run.rows(table, columns=columns, where={"model_name": model_name}, between=between)
    known = (row for row in rows if row["window_end"] <= as_of and row.get("as_of", as_of) <= as_of)
    return sorted(known, key=lambda row: row.get("as_of", as_of))


def window_of(row: Mapping[str, Any]) -> Window:
    """Read a row's window."""
    return Window(row["window_start"], row["window_end"])


def _interval(ends: list[float] | None) -> tuple[float, float] | None:
    return None if ends is None else (ends[0], ends[1])


def _profile(partial: Partial, done: NumericProfile | CategoricalProfile) -> tuple[object, ...]:
    rows = done.count + done.nulls
    if isinstance(done, CategoricalProfile):
        counted = (dict(done.frequent), done.rest, done.outside)
        return (rows, done.nulls, *(None,) * 4, done.distinct, {}, [], [], *counted)
    numbers = (done.mean, done.std, done.min, done.max)
    bins = (list(partial.counts), list(partial.sums))
    return (rows, done.nulls, *numbers, done.distinct, dict(done.quantiles), *bins, {}, None, None)


def _measured(one: Performance, evaluation: Evaluation | None) -> tuple[object, ...]:
    others = ({name: cells[side] for name, cells in one.without_label.items()} for side in (0, 1))
    days = 0 if evaluation is None else evaluation.days
    counts = (one.provisional, one.scored, one.known, one.mature, days, *others)
    if evaluation is None:
        return (*counts, None, None, one.label_mean_known, {}, {}, {})
    maps = [
        {name: value for name, e in evaluation.estimates.items() if math.isfinite(value := getattr(e, part))}
        for part in ("value", "low", "high")
    ]
    return (*counts, evaluation.label_mean, evaluation.score_mean, one.label_mean_known, *maps)


def _replace(run: Run, table: str, cells: list[Cells]) -> None:
    if cells:
        of = ("model_name", "window_start", "window_end")
        run.wrote(run.tables.control_tables.replace(table, _SCHEMAS[table], cells, of))


def _add(run: Run, table: str, cells: list[Cells], keys: tuple[str, ...]) -> None:
    if cells:
        run.wrote(run.tables.control_tables.add(table, _SCHEMAS[table], cells, keys))
