"""Categories in Spark: those that pandas may make other values of become text before it sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import IntegralType

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType


def as_texts(names: Iterable[str], schema: StructType) -> dict[str, Column]:
    """Cast the categories that pandas may make floats of to the text that they have; the others stay.

    Args:
        names: The categories; those that the schema does not have are passed over.
        schema: What the columns are.

    Returns:
        A column for each that needs one, by name.
    """
    whole = {field.name for field in schema.fields if isinstance(field.dataType, IntegralType)}
    return {name: F.col(name).cast("string") for name in names if name in whole}


def with_texts(rows: DataFrame, names: Iterable[str]) -> DataFrame:
    """Put texts in the place of the categories that pandas may make floats of, see `as_texts`."""
    texts = as_texts(names, rows.schema)
    return rows.withColumns(texts) if texts else rows
