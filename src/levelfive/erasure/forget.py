"""Removes a person's rows from all places, in an order in which a run that was killed is completed by the next one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from pyspark.sql import functions as F

from levelfive.core.windows import Window
from levelfive.erasure.beyond import beyond_of, tables_of_before
from levelfive.erasure.files import LandingFiles
from levelfive.erasure.models import Examples, TrainingSets
from levelfive.erasure.online import OnlineRows
from levelfive.erasure.person import ErasurePlan, KeyValues, Person, plan
from levelfive.erasure.place import Place, Removal
from levelfive.erasure.profiles import Categories
from levelfive.erasure.tables import QuarantineRows, StagedRows, TableRows, key_rows, same_values
from levelfive.erasure.values import canonical
from levelfive.errors import ConfigError
from levelfive.features.labels import LABELS
from levelfive.online.job import PUBLICATION
from levelfive.online.store import OnlineStore
from levelfive.registry.store import CentralRegistry
from levelfive.scoring.requests import LOG
from levelfive.storage.annotations import ERASED, Annotation, annotate, use_case_subject
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.training.tracking import Tracking
from levelfive.usecase.sources import Source

STAGE = "erasure"


@dataclass(frozen=True)
class Stores:
    """What holds rows beside the lakehouse.

    Args:
        landing: Folder with one folder of files a source.
        registry: The central registry.
        tracking: The tracking store.
        online: The online store; None where there is none.
    """

    landing: Path
    registry: CentralRegistry
    tracking: Tracking
    online: OnlineStore | None = None


@dataclass(frozen=True)
class Erasure:
    """What was removed, or would be.

    Attributes:
        rows: By place, how many rows; places that have none too.
        consequences: What cannot be made again since, a phrase each.
        left: What is still there although it is theirs, with what to do, a sentence each.
        beyond: What this does not reach, a phrase each.
    """

    rows: Mapping[str, int]
    consequences: tuple[str, ...]
    left: tuple[str, ...]
    beyond: tuple[str, ...]


def count(context: JobContext, stores: Stores, keys: Mapping[str, str]) -> Erasure:
    """Count a person's rows by place; nothing is changed, and nothing is written down.

    Raises:
        ConfigError: The keys name nobody that a source could hold.
        LandingError: A file cannot be read.
    """
    erasure_plan = plan(context.use_case, keys)
    run = Run(context.tables, "")
    person = _with_links(context, erasure_plan)
    removals = {
        place.name: place.count() for place in places(context, run, stores, replace(erasure_plan, person=person))
    }
    return _erasure(context, stores, person, removals)


def forget(
    context: JobContext, stores: Stores, keys: Mapping[str, str], *, by: str, reason: str, as_of: datetime
) -> Erasure:
    """Remove a person's rows from all places, and write down that it was done: how many rows where, not whose.

    A second run finds nothing, and completes one that was killed. Later deliveries of the same person are taken in.

    Args:
        context: Tables and use case.
        stores: What holds rows beside the lakehouse.
        keys: By column, the value that a row of theirs has; all of them together.
        by: Who asks for it.
        reason: Why.
        as_of: The logical now of the record.

    Raises:
        ConfigError: The keys name nobody that a source could hold, a name or reason is missing, or it names the person.
        LandingError: A file cannot be read.
        OnlineStoreError: The online store cannot be reached, or is being read.
        RegistryError: A store of MLflow's refused, or did not answer.
        TableError: A table refused, or another writer was first.
    """
    erasure_plan = plan(context.use_case, keys)
    _check_words(erasure_plan.person, by, reason)
    about = {"by": by, "reason": reason, "columns": ", ".join(keys)}
    with context.run(STAGE, as_of=as_of, parameters=about) as run:
        person = _with_links(context, erasure_plan)
        removals: dict[str, Removal] = {}
        for place in places(context, run, stores, replace(erasure_plan, person=person)):
            with run.timed(place.name):
                removals[place.name] = place.erase()
            run.counts[place.name] = removals[place.name].rows
        moment = Window(as_of, as_of + timedelta.resolution)
        annotate(run, Annotation(ERASED, use_case_subject(context.use_case.name), moment, by, reason, said_at=as_of))
        return _erasure(context, stores, person, removals)


def places(context: JobContext, run: Run, stores: Stores, erasure_plan: ErasurePlan) -> Iterator[Place]:
    """List all places, those first that are found by others, and the raw tables that tell a person's keys last.

    Args:
        context: Tables and use case.
        run: Notes what is read and written.
        stores: What holds rows beside the lakehouse.
        erasure_plan: Whose rows, and the sources that name them.
    """
    tables, person, use_case = context.tables, erasure_plan.person, context.use_case
    if stores.online is not None:
        yield OnlineRows(stores.online, person, partial(tables.lock, PUBLICATION), use_case.model.lookups)
    yield Examples(stores.registry, stores.tracking, person)
    yield TrainingSets(stores.tracking, person)
    sources = [*(one for one in use_case.sources if one not in erasure_plan.anchors), *erasure_plan.anchors]
    for source in (LOG, *(one for one in sources if one.delta_table is None)):
        yield LandingFiles(run, stores.landing, source, person)
    yield QuarantineRows(tables, (LOG, *sources), person)
    yield Categories(run, person)
    for table in (PREDICTIONS, LABELS, *(table.name for table in use_case.feature_tables), *tables_of_before(context)):
        yield TableRows(tables, table, person.in_table(table, use_case.model.lookups))
    for source in (LOG, *sources):
        yield StagedRows(tables, source, person)
    for source in sources:
        yield TableRows(tables, source.table, person)


def _with_links(context: JobContext, erasure_plan: ErasurePlan) -> Person:
    """Find the use case's keys of a person's rows, by the raw tables that hold both."""
    key, person = context.use_case.key, erasure_plan.person
    if set(key) <= set(person.identifiers.columns):
        return person
    kinds, values, linking = dict(person.kinds), set[tuple[str, ...]](), _linking(context, erasure_plan.anchors)
    if not linking:
        return person
    for source in linking:
        rows = context.tables.read(source.table)
        kinds |= {name: rows.schema[name].dataType.simpleString() for name in key if name not in kinds}
        keys = key_rows(context.tables, person.identifiers)
        theirs = rows.join(keys, on=same_values(rows.schema, person.identifiers, person), how="left_semi")
        for row in theirs.select(*(F.col(name).cast("string") for name in key)).distinct().collect():
            cells = tuple(canonical(text, kinds[name]) for text, name in zip(row, key, strict=True))
            values |= {tuple(one for one in cells if one is not None)} if None not in cells else set()
    return replace(person, row_keys=KeyValues(tuple(key), frozenset(values)), kinds=kinds)


def _linking(context: JobContext, anchors: Sequence[Source]) -> list[Source]:
    """List the sources whose raw tables hold the use case's key beside what names a person."""
    there = (source for source in anchors if context.tables.exists(source.table))
    return [one for one in there if set(context.use_case.key) <= set(context.tables.read(one.table).columns)]


def _check_words(person: Person, by: str, reason: str) -> None:
    for what, text in (("who", by), ("why", reason)):
        if not text.strip():
            raise ConfigError(f"an erasure is recorded with who and why, got {text!r}: say {what}")
        if person.is_named_in(text):
            raise ConfigError(
                f"{what} names the person, which would stay in the record: say {what} without the value of the key"
            )


def _erasure(context: JobContext, stores: Stores, person: Person, removals: Mapping[str, Removal]) -> Erasure:
    phrases = [phrase for removal in removals.values() for phrase in removal.consequences]
    if any(removal.rows for removal in removals.values()):
        phrases.append("the same profiles, drift and metrics of windows that held their rows, when monitored again")
    return Erasure(
        {name: removal.rows for name, removal in removals.items()},
        tuple(phrases),
        tuple(sentence for removal in removals.values() for sentence in removal.left),
        beyond_of(context, person, stores.landing),
    )
