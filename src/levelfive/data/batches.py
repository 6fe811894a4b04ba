"""New files of all sources, judged by their contracts: the batches that are due, and what is left to later runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from levelfive.core.parallel import in_parallel
from levelfive.data.corrections import as_corrected
from levelfive.data.ingest import Batch, apply_contract
from levelfive.data.landing import LandingFile
from levelfive.storage.runs import JobContext
from levelfive.usecase.columns import DELETION
from levelfive.usecase.sources import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class NewFiles:
    """The new files of a source: those that are due by `as_of`, and when each of the others begins."""

    batch: Batch | None
    begins_later: Mapping[str, datetime]

    @property
    def newest_times(self) -> list[datetime]:
        """The times of the newest rows, of the files that are due and have dated rows."""
        counts = () if self.batch is None else self.batch.counts.values()
        return [of_file.max_event_time for of_file in counts if of_file.max_event_time is not None]


def judge_files(
    context: JobContext, files: Mapping[str, Sequence[LandingFile]], as_of: datetime
) -> dict[str, NewFiles]:
    """Judge the new files of all sources, by the source's name and in the use case's order.

    Args:
        context: Tables and use case.
        files: The new files, by the source's name.
        as_of: The logical now: files that begin after it are left to later runs.

    Raises:
        ContractError: A header is wrong, or too many rows of a file break the contract.
        LandingError: A file has no rows or was changed meanwhile, or Spark cannot take its rows.
    """
    new_files: dict[str, NewFiles] = {}
    waiting = [source for source in context.use_case.sources if source.name in files]
    while waiting:
        # Side by side, once what a source refers to was judged: `use_case` puts references first.
        waiting_names = {source.name for source in waiting}
        ready = [source for source in waiting if not waiting_names & set(source.references)]
        jobs = [partial(_judge, context, new_files, source, files[source.name], as_of=as_of) for source in ready]
        new_files |= zip((source.name for source in ready), in_parallel(jobs), strict=True)
        waiting = [source for source in waiting if source not in ready]
    return {source.name: new_files[source.name] for source in context.use_case.sources if source.name in new_files}


def _judge(
    context: JobContext,
    earlier: Mapping[str, NewFiles],
    source: Source,
    files: Sequence[LandingFile],
    *,
    as_of: datetime,
) -> NewFiles:
    references = {name: _reference(context, earlier, name) for name in source.references}
    judge = partial(apply_contract, context.tables, source, day_starts_at=context.use_case.day_starts_at)
    batch = judge(files=files, references=references)
    begins = {name: counts.min_event_time for name, counts in batch.counts.items()}
    begins_later = {name: begin for name, begin in begins.items() if begin is not None and begin > as_of}
    if not begins_later:
        return NewFiles(batch, begins_later)
    context.tables.uncache(batch.checked_rows)
    due = tuple(file for file in files if file.name not in begins_later)
    return NewFiles(judge(files=due, references=references) if due else None, begins_later)


def _reference(context: JobContext, earlier: Mapping[str, NewFiles], name: str) -> DataFrame:
    source = context.use_case.source(name)
    batch = earlier[name].batch if name in earlier else None
    fresh = None if batch is None else _current(batch)
    if not context.tables.exists(source.table) and fresh is not None:
        return fresh
    rows = as_corrected(context.tables.read(source.table), source)
    if batch is None or fresh is None:
        return rows
    key = list(source.key)
    # Of a key that both have, one row counts, as it will in the raw table.
    if source.has_corrections:
        rows = rows.join(batch.marked.select(*key), on=key, how="left_anti")
    else:
        fresh = fresh.join(rows.select(*key), on=key, how="left_anti")
    return rows.unionByName(fresh, allowMissingColumns=True)


def _current(batch: Batch) -> DataFrame:
    """Choose the rows of a batch that are there after it."""
    return batch.marked.where(~F.col(DELETION)).drop(DELETION) if batch.source.has_corrections else batch.accepted
