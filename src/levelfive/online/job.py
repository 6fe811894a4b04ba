"""The job of the online store: publishes what single requests look up, table by table, each all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import Window, iso
from levelfive.errors import AsOfError, RegistryError
from levelfive.features.watermarks import FEATURE_WINDOWS, common_watermark, windows_of
from levelfive.online.publications import REACHES_TO, STAGE
from levelfive.online.publishing import PublicationPlan, PublishedTable, plan_publication
from levelfive.online.reading import online_table, rows_to_publish
from levelfive.online.staleness import reach
from levelfive.online.store import OnlineStore, Publication, Row, TableState
from levelfive.registry.promotions import PROMOTIONS, champion
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext, Run
from levelfive.telemetry.tracing import event
from levelfive.usecase.features import Lookup

READS = ("<feature tables>", FEATURE_WINDOWS, PROMOTIONS)
WRITES = ("<online store>",)
PUBLICATION = "online publication"


@dataclass(frozen=True)
class PublishingResult:
    """What was published: the rows by table, without those of which the store had all, and how far the store reaches.

    `reaches_to` is where the table with times that is furthest behind ends; None where there is none.
    """

    run_id: str
    rows: Mapping[str, int]
    states: Mapping[str, TableState]
    reaches_to: datetime | None


def run(
    context: JobContext, registry: CentralRegistry, store: OnlineStore, *, as_of: datetime, anew: bool = False
) -> PublishingResult:
    """Publish what the models of the use case look up, as far as it was computed by `as_of`.

    What the store has stays; what was computed since, or anew, is put there. A run that was killed is completed by the
    next one.

    Args:
        context: Tables and use case.
        registry: The central registry: what the champion and the newest version look up is published too.
        store: Where to publish to.
        as_of: The logical now: nothing known later is published.
        anew: Publish each table as a whole, whatever the store has.

    Raises:
        AsOfError: A feature table was not computed by `as_of`.
        ConfigError: A feature table lacks a column, or one of its types cannot be published.
        OnlineStoreError: The store cannot be reached, or refused, or another publication came first.
        TableError: A feature table is missing.
    """
    with context.run(STAGE, as_of=as_of, parameters={"anew": anew}) as run, context.tables.lock(PUBLICATION):
        states, rows = {} if anew else dict(store.states()), {}
        for name, lookups in _by_table(
            [*context.use_case.model.lookups, *_of_models(context, registry, as_of)]
        ).items():
            with run.timed(name):
                source = _source(context, run, name, lookups, there=states.get(name), as_of=as_of)
                todo = plan_publication(source, states.get(name), lookups, context.use_case.serving, as_of=as_of)
                if todo is not None:
                    rows[name] = _publish(run, store, todo)
                    states[name] = todo.state
        run.counts["published"] = sum(rows.values())
        reaches_to = reach(states)
        if reaches_to is not None:
            run.notes[REACHES_TO] = iso(reaches_to)
        return PublishingResult(run.run_id, rows, states, reaches_to)


def _of_models(context: JobContext, registry: CentralRegistry, as_of: datetime) -> Iterator[Lookup]:
    """List what the champion and the newest version look up; what cannot be asked keeps no features back."""
    try:
        live = champion(context.tables, registry.name, as_of=as_of)
        newest = registry.versions()[-1:]
        for version in dict.fromkeys([*([live.version] if live else []), *(one.version for one in newest)]):
            model = registry.load_if_there(version)
            yield from () if model is None else model.card.lookups
    except RegistryError as err:
        event("published without the models' lookups", reason=str(err))


def _by_table(lookups: Iterable[Lookup]) -> dict[str, list[Lookup]]:
    by_table: dict[str, list[Lookup]] = {}
    for lookup in lookups:
        by_table.setdefault(lookup.table, []).append(lookup)
    return by_table


def _source(
    context: JobContext, run: Run, name: str, lookups: Sequence[Lookup], *, there: TableState | None, as_of: datetime
) -> PublishedTable:
    """Look at a feature table: at one version, and at the windows that were written by then."""
    version = context.tables.version(name)
    run.versions_read[name] = version
    schema = context.tables.read(name, version=version).schema
    table = online_table(context.use_case.feature_table(name), schema, lookups)
    if not table.timestamped:
        return PublishedTable(table, version)
    end = common_watermark(context.tables, [name], until=as_of)
    if end is None:
        raise AsOfError(
            f"feature table {name!r} does not say how far it reaches: run `levelfive features --as-of "
            f"{iso(as_of)}` first"
        )
    return PublishedTable(table, version, min(end, as_of), _windows_since(run, name, there, version))


def _windows_since(run: Run, table: str, there: TableState | None, version: int) -> tuple[Window, ...]:
    if there is None or there.version >= version:
        return ()
    between = {"version": (there.version + 1, version)}
    rows = windows_of(run, table, columns=("window_start", "window_end"), between=between)
    return tuple(Window(row["window_start"], row["window_end"]) for row in rows)


def _publish(run: Run, store: OnlineStore, todo: PublicationPlan) -> int:
    """Publish what is planned.

    Returns:
        The number of rows.
    """
    name, count = todo.state.table.name, 0

    def rows() -> Iterator[Row]:
        nonlocal count
        if todo.windows != ():
            table = run.tables.read(name, version=todo.state.version)
            for row in rows_to_publish(table, todo):
                count += 1
                yield row

    store.publish(Publication(todo.state, rows(), todo.windows, todo.onto))
    return count
