"""What is refused around a feature table, as our errors: no grant, no table, another writer, data without a state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from pyspark.errors import AnalysisException, PythonException

from levelfive import errors
from levelfive.errors import LevelfiveError, TableError, first_line, translating
from levelfive.storage.conflicts import is_conflict, overtaken

# Unity Catalog's refusals come through Spark, Spark Connect and REST, as different classes with the same words.
NO_GRANT = ("PERMISSION_DENIED", "INSUFFICIENT_PERMISSIONS", "INSUFFICIENT_PRIVILEGES", "SQLSTATE: 42501")
NO_TABLE = ("_NOT_FOUND]", "RESOURCE_DOES_NOT_EXIST", "does not exist", "could not be found")
LACKING = re.compile(
    r"does not have (?P<privilege>[A-Z][A-Z ]*[A-Z]) on (?P<kind>[A-Za-z]+) [`']*(?P<name>[\w.\-`]*\w)"
)
OF_A_WORKER = re.compile(rf"^{re.escape(errors.__name__)}\.(?P<kind>\w+): (?P<said>.+)$", re.MULTILINE)


@contextmanager
def refusals_of_workers(table: str) -> Iterator[None]:
    """Turn one of our errors from Spark's Python workers, which comes as the text of a traceback, into itself again.

    Raises:
        LevelfiveError: A worker raised it.
    """
    try:
        yield
    except PythonException as err:
        match = OF_A_WORKER.search(str(err))
        if match is None:
            raise
        kind: type[LevelfiveError] = getattr(errors, match["kind"])
        raise kind(f"{table}: {match['said']}") from err


def refusals_of_tables(tables: str) -> translating:
    """Turn what is refused of feature tables in a block into our errors; all others pass.

    Args:
        tables: Full names, for the message.

    Raises:
        TableConflict: Another writer was first.
        TableError: A table or a grant is missing, or the client refused what it was asked for.
    """
    return translating(partial(_refusal, tables))


def _refusal(tables: str, err: Exception) -> TableError | None:
    message = str(err)
    if is_conflict(err):
        return overtaken(tables)
    if any(words in message for words in NO_GRANT):
        return TableError(f"{tables}: a grant is missing. {_remedy(err)}")
    if any(words in message for words in NO_TABLE):
        return TableError(
            f"{tables} is not there, or may not be seen: run the features stage, or ask for USE CATALOG, USE SCHEMA "
            f"and SELECT. It was said: {first_line(err)}"
        )
    if isinstance(err, AnalysisException | ValueError):
        return TableError(f"{tables}: the feature store refused: {first_line(err)}")
    return None


def _remedy(err: Exception) -> str:
    lacking = LACKING.search(str(err))
    if lacking is None:
        return f"It was said: {first_line(err)}"
    name = ".".join(f"`{part}`" for part in lacking["name"].replace("`", "").split("."))
    return f"Its owner can say: GRANT {lacking['privilege']} ON {lacking['kind'].upper()} {name} TO `<who runs this>`"
