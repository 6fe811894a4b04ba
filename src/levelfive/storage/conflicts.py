"""What Delta refuses, as our errors: another writer was first, or the rows do not fit the table."""

from __future__ import annotations

from functools import partial

from delta import exceptions as delta
from pyspark.errors import AnalysisException, PySparkException, PythonException

from levelfive.errors import MachineError, TableConflict, TableError, first_line, translating

_CONFLICTS = (
    delta.ConcurrentAppendException,
    delta.ConcurrentDeleteDeleteException,
    delta.ConcurrentDeleteReadException,
    delta.ConcurrentTransactionException,
    delta.ConcurrentWriteException,
    delta.DeltaConcurrentModificationException,
    delta.MetadataChangedException,
    delta.ProtocolChangedException,
)
# Over Connect, Delta's conflicts arrive as unknown errors with this state of SQL.
_CONFLICT_STATE = "2D521"
_FULL = ("No space left on device", "Disk quota exceeded")


def is_conflict(err: BaseException) -> bool:
    """Tell whether Spark refused a write because another writer was first."""
    return isinstance(err, _CONFLICTS) or (isinstance(err, PySparkException) and err.getSqlState() == _CONFLICT_STATE)


def overtaken(table: str) -> TableConflict:
    """Build the error of a writer that was not first."""
    return TableConflict(f"table {table!r}: another writer committed first; run the step again")


def is_of_spark(err: BaseException) -> bool:
    """Tell whether Spark, or the bridge to it, raised an error."""
    return isinstance(err, PySparkException) or type(err).__module__ == "py4j.protocol"


def failed(table: str, err: BaseException) -> TableError | MachineError:
    """Build the error of a write that Spark began and could not end."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()] or [type(err).__name__]
    if full := next((line for line in lines if any(words in line for words in _FULL)), None):
        return MachineError(f"table {table!r} cannot be written: {full}. Free space there, or name another home")
    # Of a function in Python, the last line says what it raised.
    message = lines[-1] if isinstance(err, PythonException) else lines[0]
    return TableError(f"table {table!r} cannot be written: {message}. Look at what its rows are computed from")


def refused(table: str, err: BaseException) -> TableError:
    """Build the error of rows that do not fit, from what the engine said."""
    return TableError(f"table {table!r} refused the rows: {first_line(err)}")


def refusals(table: str) -> translating:
    """Turn what Spark refuses in a block into our errors; all others pass.

    Args:
        table: The logical name, for the message.

    Raises:
        MachineError: The disk is full.
        TableConflict: Another writer was first.
        TableError: The rows do not fit the table, or cannot be computed.
    """
    return translating(partial(_refusal, table))


def _refusal(table: str, err: Exception) -> TableError | MachineError | None:
    if is_conflict(err):
        return overtaken(table)
    if isinstance(err, AnalysisException):
        return refused(table, err)
    return failed(table, err) if is_of_spark(err) else None
