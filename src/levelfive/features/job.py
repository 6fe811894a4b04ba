"""The features stage's job: computes every feature table for a window, and the labels that became known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from levelfive.core.parallel import in_parallel
from levelfive.core.windows import Window
from levelfive.data.known import looking_back, read_as_known
from levelfive.data.landed import LANDING_FILES
from levelfive.data.missing import KNOWN_BY, Hole, looked_back_to
from levelfive.features import watermarks
from levelfive.features.labels import LABELS
from levelfive.features.refusals import refusals_of_workers
from levelfive.features.resume import corrected_since, labels_window, resume
from levelfive.features.revised_labels import revised, with_outcome_time
from levelfive.features.watermarks import FEATURE_WINDOWS
from levelfive.storage.commits import Write
from levelfive.storage.keys import Keyed, explained
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase import sharing
from levelfive.usecase.calls import feature_rows, labels_of
from levelfive.usecase.columns import KNOWN_AT
from levelfive.usecase.features import FeatureTable, Lookup

READS = ("raw_*", LANDING_FILES, *KNOWN_BY)
WRITES = ("<feature tables>", FEATURE_WINDOWS, LABELS)


@dataclass(frozen=True)
class FeaturesResult:
    """What was computed: the window, the version of each table after it, and the holes in what it looks back to."""

    run_id: str
    window: Window
    versions: dict[str, int]
    missing: tuple[Hole, ...] = ()


def run(context: JobContext, *, as_of: datetime, since: datetime | None = None) -> FeaturesResult:
    """Compute the feature tables up to `as_of` and the labels that are known by then.

    Args:
        context: Tables and use case.
        as_of: The end of the window: nothing known later is read.
        since: The window's start, at most the end of what was computed; by default the end of the last run's window, or
            the first raw data; or, where rows were corrected since, the earliest time that they touch.

    Raises:
        AsOfError: There is no raw data before `as_of`, or `since` lies after the end of what was computed.
        ConfigError: A function of the use case failed, its rows lack a column, also one that another use case looks
            up, or a table cannot hold what it is told to, such as a sum beyond its type.
        DataError: Two rows of a table share a key.
        TableError: A raw table is missing.
    """
    with context.run("features", as_of=as_of, parameters={"since": since}) as run:
        if since is not None:
            tables_with_times = [table.name for table in context.use_case.feature_tables if table.timestamped]
            watermarks.refuse_hole(run.tables, (*tables_with_times, LABELS), since=since)
        fresh = Window(since or resume(context, run, as_of), as_of)
        of_labels = fresh if since else labels_window(context, fresh)
        correction_start = None if since else corrected_since(context, run, fresh)
        label_correction_start = None if since else corrected_since(context, run, of_labels)
        window = fresh if correction_start is None else Window(correction_start, as_of)
        readers = sharing.readers_of(context.use_case)
        sharing.refuse_gone(context.use_case, readers)
        jobs = [
            partial(_write_features, context, run, table, window, readers=readers.get(table.name, {}))
            for table in context.use_case.feature_tables
        ]
        jobs.append(partial(_write_labels, context, run, of_labels, label_correction_start))
        with run.timed("tables"):
            writes = in_parallel(jobs)
            # Feature tables' windows were noted by the store.
            watermarks.note_window(run.tables, writes[-1], of_labels)
        use_case = context.use_case
        sources = {*use_case.label_sources, *(name for table in use_case.feature_tables for name in table.sources)}
        holes = looked_back_to(run, use_case, window, as_of=as_of, sources=sources)
        return FeaturesResult(run.run_id, window, {write.table: write.version for write in writes}, holes)


def _write_features(
    context: JobContext, run: Run, table: FeatureTable, window: Window, *, readers: Mapping[str, tuple[Lookup, ...]]
) -> Write:
    known_rows = read_as_known(run, context.use_case, table.sources, window.end)
    raw = looking_back(known_rows, context.use_case, window.start, table.lookback)
    with run.timed(table.name), refusals_of_workers(table.name):
        rows = feature_rows(table, raw, window)
        if readers:
            sharing.refuse_breaking(table, rows.columns, readers)
        made_of = {name: run.versions_read[context.use_case.source(name).table] for name in table.sources}
        write = run.wrote(context.features.put(table, rows, window, made_of=made_of))
        if table.description or table.column_descriptions:
            run.tables.describe(table.name, table.description, table.column_descriptions)
        return write


def _write_labels(context: JobContext, run: Run, window: Window, correction_start: datetime | None) -> Write:
    use_case = context.use_case
    raw = read_as_known(run, use_case, use_case.label_sources, window.end)
    with run.timed(LABELS):
        remedy = "Nothing was written: let `labels` return each key once, when its outcome became known."
        rows = labels_of(use_case, looking_back(raw, use_case, window.start, use_case.labels_lookback), window)
        if use_case.has_corrected_labels:
            rows = with_outcome_time(rows)
        if correction_start is not None and use_case.has_corrected_labels and run.tables.exists(LABELS):
            before = Window(correction_start, window.start)
            raw = looking_back(raw, use_case, before.start, use_case.labels_lookback)
            again = revised(run, use_case, labels_of(use_case, raw, before), before, until=window.end)
            # What became known of a key in this window counts.
            again = again.join(rows.select(*use_case.key), on=list(use_case.key), how="left_anti")
            rows = rows.unionByName(again, allowMissingColumns=True)
        key_check = Keyed("`labels`", use_case.key, rows, remedy)
        with explained(key_check.fault):
            evolve = use_case.has_corrected_labels
            return run.wrote(run.tables.replace_window(LABELS, key_check.once(), KNOWN_AT, window, evolve=evolve))
