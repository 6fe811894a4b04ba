"""What a use case has to be before a job begins with it: names, what refers to what, lengths and shares."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter

from levelfive.core.days import DAY
from levelfive.core.texts import repeated
from levelfive.errors import ConfigError
from levelfive.statistics.tasks.registry import can_be_found
from levelfive.usecase import columns
from levelfive.usecase.alert_rules import METRIC_IS_BEYOND
from levelfive.usecase.column_types import can_be_declared, is_number, text_of
from levelfive.usecase.columns import PREDICTION_TIME
from levelfive.usecase.features import FeatureTable, Lookup, owner_of
from levelfive.usecase.model import OWN_PARAMETERS, ModelSpec
from levelfive.usecase.sources import Expectation, ExpectationKind, Source
from levelfive.usecase.use_case import UseCase

ZERO = timedelta(0)
TIMESTAMP, BOOLEAN = "timestamp", "boolean"
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What Delta refuses in a column's name, and what would split or end a name in Spark.
_NOT_IN_COLUMNS = re.compile(r"[ ,;{}()\n\t\r=.`]")
# Names of metrics and parameters, as MLflow takes them.
_NOT_IN_METRICS = re.compile(r"[^\w\-/: .]")


def check(use_case: UseCase, *, of_a_job: bool = False) -> None:
    """Refuse a use case that no job could run, or that a job would misread.

    Args:
        use_case: What a team declares.
        of_a_job: Leave out what only later stages need: files are ingested before there is a spine or a model.

    Raises:
        ConfigError: Says what is wrong, a sentence each, and what to change.
    """
    faults = [*_single_texts(use_case), *_no_expectations(use_case)] or [
        *_own_names(use_case),
        *(fault for source in use_case.sources for fault in _of_source(source, use_case)),
        *_circles(use_case),
        *(fault for table in use_case.feature_tables for fault in _of_feature_table(table, use_case)),
        *(fault for lookup in use_case.model.lookups for fault in _of_lookup(lookup, use_case)),
        *_of_spine(use_case),
        *_of_model(use_case.model),
        *(() if of_a_job else _of_later_stages(use_case)),
        *_of_monitoring(use_case),
        *_of_retraining(use_case),
        *_of_times(use_case),
    ]
    if faults:
        raise ConfigError(f"use case {use_case.name!r} cannot be used: {' '.join(dict.fromkeys(faults))}")


def _single_texts(use_case: UseCase) -> Iterator[str]:
    """Find the texts that stand where tuples of texts are asked for: `("id")` is `"id"`, not a tuple."""
    model = use_case.model
    texts: dict[str, object] = {
        "key": use_case.key,
        "slices": use_case.slices,
        "spine_sources": use_case.spine_sources,
        "label_sources": use_case.label_sources,
        "spine_features": model.spine_features,
        "categorical": model.categorical,
        **{f"key of source {source.name!r}": source.key for source in use_case.sources},
        **{f"references of source {source.name!r}": source.references for source in use_case.sources},
        **{
            f"columns of a reveal of source {source.name!r}": reveal.columns
            for source in use_case.sources
            for reveal in source.reveals
        },
        "limits": use_case.limits,
        **{f"keys of feature table {table.name!r}": table.keys for table in use_case.feature_tables},
        **{f"sources of feature table {table.name!r}": table.sources for table in use_case.feature_tables},
        **{f"columns of the lookup of {lookup.table!r}": lookup.columns for lookup in model.lookups},
    }
    for what, value in texts.items():
        if isinstance(value, str):
            yield f"{what} must be a tuple of names, it is the text {value!r}: write ({value!r},)."


def _no_expectations(use_case: UseCase) -> Iterator[str]:
    """Find what stands among expectations and is none: `not_null` makes a tuple of them."""
    for source in use_case.sources:
        expectations: object = source.expectations
        if not isinstance(expectations, tuple | list) or not all(isinstance(one, Expectation) for one in expectations):
            yield (
                f"expectations of source {source.name!r} must be a tuple of what `between` and its like make: write "
                "(*not_null(...), between(...)), with a star and a comma."
            )


def _own_names(use_case: UseCase) -> Iterator[str]:
    if not (use_case.name.isascii() and use_case.name.isidentifier()):
        yield f"its name must be a Python identifier of ASCII letters, digits and _, got {use_case.name!r}: rename it."
    for what, names in (
        ("source", [source.name for source in use_case.sources]),
        ("feature table", [table.name for table in use_case.feature_tables]),
    ):
        for name in names:
            if not _TABLE_NAME.fullmatch(name):
                yield (
                    f"{what} {name!r} must be named by small letters, digits and _, a letter first, as its table is: "
                    "rename it."
                )
        yield from (f"two of its {what}s are named {name!r}: rename one." for name in repeated(names))


def _of_source(source: Source, use_case: UseCase) -> Iterator[str]:
    what = f"source {source.name!r}"
    if source.name == columns.REQUEST_LOG:
        yield f"{what} is named like the folder of levelfive's own request log: rename it."
    yield from _names(what, source.columns, columns.IN_RAW_TABLES)
    yield from _one_case(f"the key of {what}", source.key)
    if not source.key:
        yield f"{what} needs a key: name the columns that identify a row."
    yield from _unknown(f"{what} has references", source.references, (other.name for other in use_case.sources))
    if source.event_time is None and (source.freshness is not None or source.key_within is not None):
        limit = "freshness" if source.freshness is not None else "key_within"
        yield f"{what} has a {limit} and no event_time to measure it by: name the column that dates a row."
    yield from _length(f"freshness of {what}", source.freshness)
    yield from _length(f"key_within of {what}", source.key_within, zero=True)
    if not 0 <= source.max_quarantined_share <= 1:
        yield f"max_quarantined_share of {what} must be from 0 to 1, got {source.max_quarantined_share!r}: correct it."
    yield from _of_corrections(source)
    for reveal in source.reveals:
        if reveal.known_at not in reveal.columns:
            yield f"a reveal of {what} must hide its known_at {reveal.known_at!r} too: add it to the reveal's columns."
    # What `derive` adds is known only when rows come: then it is looked at.
    if source.derive is None:
        yield from _unknown(f"without a `derive`, {what} has columns", _named_by(source), source.columns)
    for name, kind in source.columns.items():
        if not can_be_declared(kind):
            yield (
                f"column {name!r} of {what} has the type {kind!r}: give it one of Spark's SQL that a text can be cast "
                "to, such as string, long, double, decimal(10,2), boolean, date or timestamp."
            )
    for expectation in source.expectations:
        kind = source.columns.get(expectation.column, "")
        if expectation.kind is ExpectationKind.BETWEEN and can_be_declared(kind) and not is_number(kind):
            yield (
                f"{what} expects column {expectation.column!r} to be between two numbers, and it is a {kind}: declare "
                "it as a number, or derive one."
            )
        if expectation.kind is ExpectationKind.ONE_OF and can_be_declared(kind):
            yield from _not_texts_of(expectation, kind, what)
    kind = source.columns.get(source.event_time or "", TIMESTAMP)
    if str(kind).lower() != TIMESTAMP:
        yield f"event_time of {what} is a {kind}, it must be a {TIMESTAMP}: declare it so, or derive one."


def _not_texts_of(expectation: Expectation, kind: str, what: str) -> Iterator[str]:
    """Find values that no text of a column is equal to."""
    for value in expectation.values:
        text = text_of(value, kind)
        if text != value:
            instead = "take it out" if text is None else f"write {text!r}"
            yield (
                f"{what} expects column {expectation.column!r} to be {value!r}, which no {kind} is written as: "
                f"{instead}."
            )


def _of_corrections(source: Source) -> Iterator[str]:
    what = f"source {source.name!r}"
    if source.has_corrections and columns.CHANGE in _lower(source.columns):
        yield f"{what} has corrections and a column {columns.CHANGE!r}, which levelfive gives to such rows: rename it."
    if source.deletion is not None and not source.has_corrections:
        yield f"{what} has a deletion and no corrections: say later=Later.CORRECTION, or take it out."
    kind = source.columns.get(source.deletion or "", BOOLEAN)
    if str(kind).lower() != BOOLEAN:
        yield f"deletion of {what} is a {kind}, it must be a {BOOLEAN}: derive one."


def _named_by(source: Source) -> Iterator[str]:
    yield from source.key
    yield from (expectation.column for expectation in source.expectations)
    yield from (name for name in (source.event_time, source.known_at, source.deletion) if name is not None)
    for reveal in source.reveals:
        yield from (*reveal.columns, reveal.known_at)


def _circles(use_case: UseCase) -> Iterator[str]:
    try:
        TopologicalSorter({source.name: source.references for source in use_case.sources}).prepare()
    except CycleError as err:
        yield f"its sources refer to each other in a circle ({' to '.join(err.args[1])}): take one reference out."


def _of_feature_table(table: FeatureTable, use_case: UseCase) -> Iterator[str]:
    what = f"feature table {table.name!r}"
    if table.name in columns.TABLES or table.name.startswith((columns.RAW_TABLES, columns.STAGING_TABLES)):
        yield f"{what} is named like a table of levelfive's own: rename it."
    if not table.keys:
        yield f"{what} needs keys: name the columns that identify an entity."
    yield from _names(what, table.keys, columns.IN_FEATURE_KEYS)
    yield from _length(f"lookback of {what}", table.lookback)
    yield from _unknown(f"{what} has sources", table.sources, (source.name for source in use_case.sources))


def _of_lookup(lookup: Lookup, use_case: UseCase) -> Iterator[str]:
    what = f"the lookup of {lookup.table!r}"
    table = None
    if owner_of(lookup.table):
        try:
            table = use_case.feature_table(lookup.table)
        except ConfigError as err:
            yield f"{what} is of another use case, and {err}"
    else:
        tables = {one.name: one for one in use_case.feature_tables}
        yield from _unknown(f"{what} has tables", (lookup.table,), tables)
        table = tables.get(lookup.table)
    yield from _names(f"{what}, in its columns,", lookup.columns, ())
    yield from _length(f"max_age of {what}", lookup.max_age)
    yield from _length(f"grid of {what}", lookup.grid)
    if lookup.grid is not None and lookup.grid % timedelta(seconds=1):
        yield f"grid of {what} must be of whole seconds, got {lookup.grid}: correct it."
    if table is None:
        return
    if set(lookup.keys) != set(table.keys):
        by, there = ", ".join(lookup.keys), ", ".join(table.keys)
        yield f"{what} is by {by or 'no key'}, the table's keys are {there}: look up by all of its keys."
    if table.timestamped and lookup.grid is None and lookup.max_age is None:
        yield f"{what} needs a max_age: the table has times."
    if not table.timestamped and lookup.grid is not None:
        yield f"{what} has a grid, and the table has no times: take the grid out."
    if not table.timestamped and lookup.max_age is not None:
        yield f"{what} has a max_age, and the table has no times: take the max_age out."
    if table.lacks_ticks_of(lookup):
        yield f"{what} has a grid of {lookup.grid}, and the table one of {table.grid}: take a multiple of it."


def _of_spine(use_case: UseCase) -> Iterator[str]:
    model = use_case.model
    looked_up = [name for lookup in model.lookups for name in lookup.features]
    by = [name for lookup in model.lookups for name in lookup.keys.values()]
    spine = [PREDICTION_TIME, *use_case.key, *model.spine_features, *use_case.slices, *by]
    if not use_case.key:
        yield "it needs a key: name the columns that identify a row to be predicted."
    of_scores = {*model.task.score_columns, *model.task.reference_columns}
    yield from _names("its key", use_case.key, columns.BESIDE_KEYS | of_scores)
    yield from _names("its features", model.features, columns.AMONG_FEATURES)
    yield from _names("its slices", use_case.slices, columns.IN_SPINES)
    yield from _names("keys of its lookups, in the spine,", dict.fromkeys(by), columns.IN_SPINES)
    yield from _one_case("the columns of its spine", dict.fromkeys(spine))
    for name in sorted(_lower(looked_up) & _lower([PREDICTION_TIME, *use_case.key, *use_case.slices, *by])):
        yield f"a lookup's feature {name!r} is named like a column of the spine: give the lookup another prefix."
    for name in use_case.slices:
        if _NOT_IN_METRICS.search(name):
            yield f"slice {name!r} names metrics, which take letters, digits, _ and -: rename the spine's column."


def _of_later_stages(use_case: UseCase) -> Iterator[str]:
    sources = [source.name for source in use_case.sources]
    yield from _unknown("it has spine_sources", use_case.spine_sources, sources)
    yield from _unknown("it has label_sources", use_case.label_sources, sources)
    if not use_case.model.features:
        yield "its model needs a feature: name spine_features or lookups."


def _of_model(model: ModelSpec) -> Iterator[str]:
    if not can_be_found(model.task):
        yield f"its task {model.task.name!r} is not registered: call `register_task` where it is made."
    yield from _unknown("its model has categorical features", model.categorical, model.features)
    yield from _one_case("its categorical features", model.categorical)
    for name in model.parameters:
        if not name or _NOT_IN_METRICS.search(name):
            yield f"parameter {name!r} is none that MLflow records: take letters, digits, _ and -."
        elif name.startswith(OWN_PARAMETERS):
            yield f"parameter {name!r} is named like one of levelfive's own: rename it."


def _of_monitoring(use_case: UseCase) -> Iterator[str]:
    """Find rules that nothing would ever meet; whether there is such an alert, monitoring knows."""
    if not use_case.monitoring.alerts:
        return
    from levelfive.statistics.baseline import LABEL_PROFILE, profiled_as  # pandas is slow to load

    model, sources = use_case.model, [source.name for source in use_case.sources]
    metrics = [metric.name for metric in model.task.metrics]
    profiles = [*model.features, *map(profiled_as, model.task.score_columns), LABEL_PROFILE]
    for rule in use_case.monitoring.alerts:
        what = f"its AlertRule of {rule.alert!r}"
        if rule.alert == METRIC_IS_BEYOND and (rule.of or rule.limit is not None):
            yield from _unknown(f"{what} has metrics", [rule.of], metrics)
        elif rule.of:
            about = [*metrics, *profiles, *sources, columns.REQUEST_LOG]
            yield from _unknown(f"{what} has metrics, columns and sources", [rule.of], about)
        if rule.slice:
            yield from _unknown(f"{what} has slices", [rule.slice_parts[0]], use_case.slices)


def _of_retraining(use_case: UseCase) -> Iterator[str]:
    task = use_case.model.task
    if use_case.retraining.bias is not None and task.offset != "bias":
        instead = f", or set `{task.offset}` instead" if task.offset else ""
        yield f"its retraining has a limit of bias, which is no metric of {task.title}: take it out{instead}."


def _of_times(use_case: UseCase) -> Iterator[str]:
    yield from _length("maturity", use_case.maturity, zero=True)
    yield from _length("lookback", use_case.lookback, zero=True)
    yield from _length("labels_lookback", use_case.labels_lookback)
    if not -DAY < use_case.day_starts_at < DAY:
        yield f"day_starts_at must be less than a day from midnight, got {use_case.day_starts_at}: correct it."


def _names(place: str, names: Iterable[str], reserved_names: Collection[str]) -> Iterator[str]:
    """Find what cannot name a column here: nothing, what tables cannot hold, levelfive's own, one name twice."""
    names = list(names)
    for name in dict.fromkeys(names):
        if not name:
            yield f"{place} has a column without a name: name it."
        elif match := _NOT_IN_COLUMNS.search(name):
            yield (
                f"{place} has the name {name!r} with {match.group()!r} in it: take no space, line break, tab or "
                "any of , ; { } ( ) = . ` into a name."
            )
        elif name.lower() in reserved_names or columns.is_own(name):
            yield f"{place} has the name {name!r}, which levelfive gives to a column of its own: rename it."
    yield from _one_case(place, names)


def _one_case(place: str, names: Iterable[str]) -> Iterator[str]:
    """Find names that differ by case alone, or not at all: they are one to Spark."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[name.lower()].append(name)
    for same in alike.values():
        if len(same) > 1:
            yield f"{place} has {' and '.join(map(repr, same))}, which are one name to Spark: rename one."


def _unknown(has: str, names: Iterable[str], choices: Iterable[str] | Mapping[str, object]) -> Iterator[str]:
    choices = list(choices)
    for name in dict.fromkeys(names):
        if name not in choices:
            yield f"{has} {', '.join(choices) or 'none'}, and none is {name!r}: correct the name."


def _length(what: str, length: timedelta | None, *, zero: bool = False) -> Iterator[str]:
    if length is not None and (length < ZERO or (length == ZERO and not zero)):
        yield f"{what} must be {'0 or longer' if zero else 'longer than 0'}, got {length}: correct it."


def _lower(names: Iterable[str]) -> set[str]:
    return {name.lower() for name in names}
