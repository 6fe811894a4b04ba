"""What Spark refuses of a write is told in a sentence of ours."""

import pytest
from pyspark.errors import AnalysisException, PySparkException, PythonException

from levelfive.errors import LevelfiveError, MachineError, TableError
from levelfive.storage.conflicts import refusals

FULL = "Job aborted.\njava.io.IOException: No space left on device"
PYTHON = "An exception was thrown from the Python worker:\nTraceback (most recent call last):\nValueError: no such code"


@pytest.mark.parametrize(
    ("err", "kind", "says"),
    [
        (AnalysisException("[A] no column x\nmore"), TableError, r"'t' refused the rows: \[A\] no column x$"),
        (
            PySparkException("[DIVIDE_BY_ZERO] Division by zero.\nat"),
            TableError,
            r"cannot be written: \[DIVIDE_BY_ZERO\]",
        ),
        (PythonException(PYTHON), TableError, "cannot be written: ValueError: no such code. Look at"),
        (PySparkException(FULL), MachineError, "cannot be written: .*No space left on device. Free space"),
    ],
    ids=["an analysis", "a computation", "a function in Python", "a full disk"],
)
def test_what_spark_refuses_is_a_sentence(err: Exception, kind: type[LevelfiveError], says: str) -> None:
    with pytest.raises(kind, match=says) as raised, refusals("t"):
        raise err

    assert raised.value.__cause__ is err


def test_what_is_not_of_spark_passes_as_it_is() -> None:
    with pytest.raises(KeyError), refusals("t"):
        raise KeyError("a mistake")
