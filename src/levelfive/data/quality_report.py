"""The same contract judged by Great Expectations, for a report that people outside the team can read.

It starts about two Spark jobs an expectation, so it is a task of its own: rows are split by `contract`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from levelfive.data.changes import whole_table
from levelfive.data.contract import demands, full_match
from levelfive.data.corrections import as_corrected
from levelfive.data.ingest import typed_rows
from levelfive.data.landing import LandingFile, inspect, list_files
from levelfive.data.staging import discard
from levelfive.errors import ConfigError, MachineError
from levelfive.storage.runs import JobContext
from levelfive.usecase.sources import Expectation, ExpectationKind, Source

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation as SuiteExpectation
    from pyspark.sql import DataFrame

_PLACE = "place"
"""Where a suite's expectation notes its place in the contract: the results come in another order."""


@dataclass(frozen=True)
class ExpectationOutcome:
    """What Great Expectations found for one expectation; all rows of the frame count as its elements."""

    column: str
    kind: ExpectationKind
    success: bool
    element_count: int
    unexpected_count: int


@dataclass(frozen=True)
class QualityReport:
    """The judgements in the contract's order, and the whole result of Great Expectations as JSON."""

    source: str
    success: bool
    judgements: tuple[ExpectationOutcome, ...]
    result_json: str


def report(context: JobContext, landing: Path) -> tuple[QualityReport, ...]:
    """Judge all rows of the landing files as they came, source by source; nothing is ingested.

    Raises:
        MachineError: Great Expectations is not installed.
        LandingError: A file is missing or cannot be read.
        ContractError: A header is wrong.
        TableError: A source refers to a raw table that is not there yet.
    """
    _great_expectations()
    return tuple(_of_source(context, source, landing) for source in context.use_case.sources)


def _of_source(context: JobContext, source: Source, landing: Path) -> QualityReport:
    files: list[LandingFile] = (
        [inspect(entry.path, source=source) for entry in list_files(landing, source)]
        if source.delta_table is None
        else [whole_table(context.tables.spark, landing, source)]
    )
    sources = [context.use_case.source(name) for name in source.references]
    references = {one.name: as_corrected(context.tables.read(one.table), one) for one in sources}
    rows = context.tables.cache(typed_rows(context.tables, source, files, references))
    try:
        return validate(rows, source)
    finally:
        context.tables.uncache(rows)
        discard(context.tables, source)


def expectation_suite(source: Source) -> ExpectationSuite:
    """Translate the contract of a source, the key included, into a suite of Great Expectations.

    Raises:
        MachineError: Great Expectations is not installed.
    """
    gx = _great_expectations()
    expectations = [_translated(gx.expectations, demand, place) for place, demand in enumerate(demands(source))]
    suite: ExpectationSuite = gx.ExpectationSuite(name=source.name, expectations=expectations)
    return suite


def validate(frame: DataFrame, source: Source) -> QualityReport:
    """Judge every expectation of a source on a frame, with nothing cached, stored or sent.

    Args:
        frame: Typed rows, with derived columns: a raw table, or what `contract.typed` returns.
        source: The source with its key and expectations.

    Raises:
        MachineError: Great Expectations is not installed.
        ConfigError: An expectation cannot be judged on this frame.
    """
    result = _run(frame, expectation_suite(source))
    by_place = {one.expectation_config.meta[_PLACE]: one for one in result.results if one.expectation_config}
    return QualityReport(
        source=source.name,
        success=bool(result.success),
        judgements=tuple(_judgement(by_place[place], demand) for place, demand in enumerate(demands(source))),
        result_json=str(result),
    )


def _great_expectations() -> ModuleType:
    try:
        import_module("great_expectations.expectations")
        return import_module("great_expectations")
    except ImportError as err:
        raise MachineError(
            "a quality report needs Great Expectations, which cannot be imported; "
            "install it with: pip install 'levelfive[quality]'"
        ) from err


def _translated(expectations: ModuleType, demand: Expectation, place: int) -> SuiteExpectation:
    name, terms = _suite_terms(demand)
    expectation: SuiteExpectation = getattr(expectations, name)(column=demand.column, meta={_PLACE: place}, **terms)
    return expectation


def _suite_terms(demand: Expectation) -> tuple[str, dict[str, object]]:
    match demand.kind:
        case ExpectationKind.NOT_NULL:
            return "ExpectColumnValuesToNotBeNull", {}
        case ExpectationKind.BETWEEN:
            return "ExpectColumnValuesToBeBetween", {"min_value": demand.low, "max_value": demand.high}
        case ExpectationKind.ONE_OF:
            return "ExpectColumnValuesToBeInSet", {"value_set": list(demand.values)}
        case ExpectationKind.MATCHES:
            return "ExpectColumnValuesToMatchRegex", {"regex": full_match(demand.pattern)}


def _run(frame: DataFrame, suite: ExpectationSuite) -> ExpectationSuiteValidationResult:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = _great_expectations().get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # By default it would cache the frame and leave it cached, which serverless compute refuses.
    asset = context.data_sources.add_spark(name="spark", persist=False).add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": frame})
    result: ExpectationSuiteValidationResult = batch.validate(suite, result_format="SUMMARY")
    return result


def _judgement(result: ExpectationValidationResult, demand: Expectation) -> ExpectationOutcome:
    if "unexpected_count" not in result.result:
        raise ConfigError(
            f"expected column {demand.column!r}, of a type that suits the expectation {str(demand)!r}; "
            f"Great Expectations got {_exception(result)}: correct the expectation or the frame"
        )
    return ExpectationOutcome(
        column=demand.column,
        kind=demand.kind,
        success=bool(result.success),
        element_count=result.result["element_count"],
        unexpected_count=result.result["unexpected_count"] or 0,  # None for a frame without rows
    )


def _exception(result: ExpectationValidationResult) -> str:
    metrics = (result.exception_info or {}).values()
    messages = [metric["exception_message"] for metric in metrics if isinstance(metric, dict)]
    return str(messages[0]).splitlines()[0] if messages else "no result"
