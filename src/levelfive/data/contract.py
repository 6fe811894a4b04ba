"""The contract of a landing file: types and expectations as Spark expressions that split rows in one pass.

The steps, in the caller's order: `typed`, the source's own `derive`, `with_reasons`, then `accepted` and
`quarantined`. Nothing here reads, writes or starts a job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from levelfive.core.conditions import quoted_name, text_literal
from levelfive.core.texts import repeated
from levelfive.errors import ConfigError, ContractError
from levelfive.formats.texts import MALFORMED, REFUSALS
from levelfive.usecase import columns
from levelfive.usecase.column_types import FRACTIONS, MAX_DIGITS, digits_of
from levelfive.usecase.sources import Expectation, ExpectationKind, Source, not_null

SOURCE_FILE, REASONS = columns.SOURCE_FILE, columns.REASONS
RAW, TYPE_REASONS = map(columns.own, ("raw", "type_reasons"))
RESERVED = (SOURCE_FILE, RAW, TYPE_REASONS, REASONS, MALFORMED)
SHOWN_CHARACTERS = 40
# Of a row that the reader refuses: why, in about as many characters, and what came.
SHOWN_OF_A_ROW = 78
SHOWN_REASONS = 3

_FRACTION = r"\s*[+-]?[\d.]+([eE][+-]?\d+)?\s*"
_DATE = r"\s*\d{4}-\d\d?-\d\d?"
# What Spark's casts would accept but a file does not mean: NaN, 3d and 0x1p3 as numbers, 2013 and 201302 as
# days, 12:30 as that time of the day on which the job runs; and a day with its time cut off.
_LOOKS_LIKE = {
    **dict.fromkeys(FRACTIONS, _FRACTION),
    **dict.fromkeys(("timestamp", "timestamp_ntz", "timestamp_ltz"), _DATE + r"(\D.*)?"),
    "date": _DATE + r"\s*",
}
# Control and format characters, line and paragraph separators: what could forge or break a log line.
_UNPRINTABLE = r"[\p{C}\p{Zl}\p{Zp}]"


def full_match(pattern: str) -> str:
    """Anchor a regular expression at both ends; unlike `^` and `$`, a trailing line break does not pass."""
    return rf"\A(?:{pattern})\z"


def demands(source: Source) -> tuple[Expectation, ...]:
    """List everything the source demands: a value in each key column, then its own expectations."""
    key = not_null(*source.key)
    return key + tuple(expectation for expectation in source.expectations if expectation not in key)


def typed(frame: DataFrame, source: Source) -> DataFrame:
    """Cast the texts of a file to the declared types, and note those that do not cast.

    The frame holds the source's columns as strings (what is missing is null), `source_file` and, where the
    reader fills it, `malformed` (why the row is refused as a whole, and what came); of a source with corrections,
    also the row's marks, which stay. It comes back as the typed columns, `source_file`, `raw` (a struct of the
    strings) and `type_reasons`.

    Raises:
        ConfigError: The source declares a column under a name that is used here.
    """
    if clashes := [name for name in source.columns if name.lower() in columns.IN_RAW_TABLES or columns.is_own(name)]:
        raise ConfigError(
            f"source {source.name!r} declares {', '.join(clashes)}, names that levelfive uses for its "
            "own columns; rename them in the files and in the source"
        )
    values = [f"{_cast(name, kind)} AS {quoted_name(name)}" for name, kind in source.columns.items()]
    texts = ", ".join(quoted_name(name) for name in source.columns)
    malformed_text = MALFORMED if MALFORMED in frame.columns else "CAST(NULL AS STRING)"
    # Text, not columns: each call from Python into the JVM costs a millisecond, and these are hundreds of nodes.
    marks = [name for name in (columns.ORDER, columns.DELETION) if name in frame.columns]
    rows = frame.selectExpr(
        *values, SOURCE_FILE, *marks, f"STRUCT({texts}) AS {RAW}", f"{malformed_text} AS {MALFORMED}"
    )
    row = f"concat('row: ', {_shown(MALFORMED, SHOWN_OF_A_ROW)})"
    refusals = [_refusal(name, kind) for name, kind in source.columns.items()]
    return rows.withColumn(TYPE_REASONS, F.expr(_reasons([(f"{MALFORMED} IS NOT NULL", row), *refusals]))).drop(
        MALFORMED
    )


def condition(expectation: Expectation) -> str:
    """Translate an expectation to SQL: true where the row satisfies it; null satisfies all but `NOT_NULL`.

    `ONE_OF` and `MATCHES` look at the value's text, so `one_of("month", "1", "2")` holds for integers too.
    """
    column = quoted_name(expectation.column)
    match expectation.kind:
        case ExpectationKind.NOT_NULL:
            return f"{column} IS NOT NULL"
        case ExpectationKind.BETWEEN:
            return f"({column} IS NULL OR {column} BETWEEN {_number(expectation.low)} AND {_number(expectation.high)})"
        case ExpectationKind.ONE_OF:
            values = ", ".join(text_literal(value) for value in expectation.values)
            return f"({column} IS NULL OR CAST({column} AS STRING) IN ({values}))"
        case ExpectationKind.MATCHES:
            pattern = text_literal(full_match(expectation.pattern))
            return f"({column} IS NULL OR CAST({column} AS STRING) RLIKE {pattern})"


def with_reasons(frame: DataFrame, source: Source) -> DataFrame:
    """Add `reasons`: why a row is refused, each with the value that came; empty for a good row.

    Raises:
        ConfigError: The frame lacks a column that `typed` or the source's `derive` should have added, or has one under
            a name that is used here.
    """
    if clashes := [name for name in frame.columns if name.lower() in (REASONS, columns.LOADED_AT)]:
        raise ConfigError(
            f"`derive` of source {source.name!r} adds {', '.join(clashes)}, names that levelfive uses for its "
            "own columns; rename them in `derive`"
        )
    marks = (columns.ORDER, columns.DELETION) if source.has_corrections else ()
    names = [SOURCE_FILE, RAW, TYPE_REASONS, *marks, *(demand.column for demand in demands(source))]
    if absent := set(names) - set(frame.columns):
        raise ConfigError(
            f"source {source.name!r} needs the columns {', '.join(sorted(absent))}, got "
            f"{', '.join(frame.columns)}; declare or derive them, and let `derive` keep all others"
        )
    failures = [_failure(demand, source) for demand in demands(source)]
    return frame.withColumn(REASONS, F.expr(f"concat({TYPE_REASONS}, {_reasons(failures)})"))


def accepted(frame: DataFrame, source: Source) -> DataFrame:
    """Keep the rows without reasons: declared columns, derived ones, `source_file`; marks stay where there are any."""
    derived_columns = [name for name in frame.columns if name not in source.columns and name not in RESERVED]
    return frame.where(F.size(REASONS) == 0).select(*source.columns, *derived_columns, SOURCE_FILE)


def quarantined(frame: DataFrame, source: Source) -> DataFrame:
    """Keep the rows with reasons: `source`, `source_file`, `row` (the original texts as JSON), `reasons`."""
    return frame.where(F.size(REASONS) > 0).select(
        F.lit(source.name).alias("source"),
        SOURCE_FILE,
        F.to_json(RAW, {"ignoreNullFields": "false"}).alias("row"),
        REASONS,
    )


def tally(frame: DataFrame, source: Source) -> DataFrame:
    """Count each file for `check_share`: `rows_in`, `quarantined`, and `reasons`, a map of rows by demand."""
    counts = ((F.lit(start), F.count_if(_has(REASONS, start))) for start in _reason_starts(source))
    return frame.groupBy(SOURCE_FILE).agg(
        F.count(F.lit(1)).alias("rows_in"),
        F.count_if(F.size(REASONS) > 0).alias("quarantined"),
        F.create_map(*chain.from_iterable(counts)).alias(REASONS),
    )


def check_header(names: Sequence[str], source: Source, file_name: str) -> None:
    """Refuse a file whose header is not exactly the source's columns in their order.

    Raises:
        ContractError: Names the columns that are missing, unexpected, repeated or out of order.
    """
    expected = list(source.columns)
    if list(names) == expected:
        return
    raise ContractError(
        f"{file_name}: expected the header of source {source.name!r}, {','.join(expected)}; "
        f"got {'; '.join(_differences(names, expected))}.{_header_hint(names, source)} "
        "Deliver the file again with the expected header, or change the columns of the source."
    )


def check_share(
    source: Source, file_name: str, *, rows_in: int, quarantined_rows: int, reasons: Mapping[str, int]
) -> None:
    """Refuse a file of which too large a share would be quarantined.

    Raises:
        ContractError: The share is above the source's limit; names the most frequent of the reasons.
    """
    if rows_in == 0 or quarantined_rows / rows_in <= source.max_quarantined_share:
        return
    most = Counter(reasons).most_common(SHOWN_REASONS)
    top_reasons = "; ".join(f"{reason} ({rows} rows)" for reason, rows in most if rows)
    raise ContractError(
        f"{file_name}: expected at most {source.max_quarantined_share:.2%} of its rows to break the contract "
        f"of source {source.name!r}, got {quarantined_rows} of {rows_in} ({quarantined_rows / rows_in:.2%}). "
        f"Most frequent: {top_reasons}. Deliver the file again, or, if the data is right, "
        "change the source's expectations or its max_quarantined_share."
    )


def _cast(name: str, kind: str) -> str:
    text, plain = quoted_name(name), kind.strip().lower()
    value, pattern = f"try_cast({text} AS {kind})", _LOOKS_LIKE.get(plain)
    unlike = "" if pattern is None else f" OR NOT {text} RLIKE {text_literal(full_match(pattern))}"
    if plain in FRACTIONS:
        # What is too large for the type would be infinite.
        unlike += f" OR abs({value}) = CAST('Infinity' AS DOUBLE)"
    elif (digits := digits_of(kind)) is not None:
        # What has more digits after the point would be rounded.
        before_the_point = digits[0] - digits[1]
        unlike += f" OR {value} <> try_cast({text} AS DECIMAL({MAX_DIGITS}, {MAX_DIGITS - before_the_point}))"
    return f"CASE WHEN {text} IS NULL{unlike} THEN NULL ELSE {value} END"


def _number(value: float | None) -> str:
    return "NULL" if value is None else f"CAST('{float(value)!r}' AS DOUBLE)"


def _not_a(name: str, kind: str) -> str:
    return f"{name}: not {'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def _refusal(name: str, kind: str) -> tuple[str, str]:
    text = f"{RAW}.{quoted_name(name)}"
    before, after = text_literal(f"{_not_a(name, kind)}: '"), text_literal("'")
    reason = f"concat({before}, {_shown(text)}, {after})"
    return f"{quoted_name(name)} IS NULL AND {text} IS NOT NULL", reason


def _failure(demand: Expectation, source: Source) -> tuple[str, str]:
    predicate, reason = _failure_of_a_value(demand, source)
    if source.has_corrections and demand not in not_null(*source.key):
        # Of what is deleted, the key is enough.
        predicate = f"NOT {columns.DELETION} AND {predicate}"
    return predicate, reason


def _failure_of_a_value(demand: Expectation, source: Source) -> tuple[str, str]:
    reason, predicate = text_literal(_said(demand, source)), f"NOT {condition(demand)}"
    if demand.kind is not ExpectationKind.NOT_NULL:
        return predicate, f"concat({reason}, ': ', {_shown(quoted_name(demand.column))})"
    predicate = f"{quoted_name(demand.column)} IS NULL"
    if kind := source.columns.get(demand.column):
        # A text of the wrong type has its reason already.
        its_reason = text_literal(_not_a(demand.column, kind) + ":")
        predicate += f" AND NOT exists({TYPE_REASONS}, said -> startswith(said, {its_reason}))"
    return predicate, reason


def _reasons(failures: Sequence[tuple[str, str]]) -> str:
    if not failures:
        return "CAST(array() AS ARRAY<STRING>)"
    # Spark interprets array functions that take a lambda, and all they are given: no good row may meet them.
    any_failed = " OR ".join(f"({predicate})" for predicate, _ in failures)
    texts = ", ".join(f"CASE WHEN {predicate} THEN {reason} END" for predicate, reason in failures)
    return f"CASE WHEN {any_failed} THEN array_compact(array({texts})) ELSE CAST(array() AS ARRAY<STRING>) END"


def _shown(value: str, characters: int = SHOWN_CHARACTERS) -> str:
    text = f"regexp_replace(CAST({value} AS STRING), {text_literal(_UNPRINTABLE)}, '')"
    short = f"concat(substring({text}, 1, {characters - 3}), '...')"
    return f"CASE WHEN length({text}) > {characters} THEN {short} ELSE {text} END"


def _said(demand: Expectation, source: Source) -> str:
    return f"{demand} (part of the key)" if demand in not_null(*source.key) else str(demand)


def _reason_starts(source: Source) -> Iterator[str]:
    yield from (f"row: {why}" for why in REFUSALS)
    yield from (_not_a(name, kind) for name, kind in source.columns.items())
    yield from dict.fromkeys(_said(demand, source) for demand in demands(source))


def _has(reasons: str, start: str) -> Column:
    return F.exists(reasons, lambda reason: (reason == start) | reason.startswith(f"{start}: "))


def _differences(header: Sequence[str], expected: Sequence[str]) -> Iterator[str]:
    common_names = [name for name in dict.fromkeys(header) if name in expected]
    in_order = [name for name in expected if name in common_names]
    for what, names in (
        ("missing", [name for name in expected if name not in header]),
        ("unexpected", [name for name in dict.fromkeys(header) if name not in expected]),
        ("repeated", repeated(header)),
        ("out of order", [name for name, place in zip(common_names, in_order, strict=True) if name != place]),
    ):
        if names:
            yield f"{what}: {', '.join(repr(name[:SHOWN_CHARACTERS]) for name in names)}"


def _header_hint(header: Sequence[str], source: Source) -> str:
    if hint := source.format.hint(header, tuple(source.columns)):
        return hint
    if [name.strip("\ufeff \t\r").lower() for name in header] == [name.lower() for name in source.columns]:
        return " The names differ only by case, spaces or a byte order mark."
    return ""
