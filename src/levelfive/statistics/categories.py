"""The text of a category: one rule, so that training, scoring and monitoring mean the same by it.

A category is compared by its text alone. Which type its column has, in Spark, Arrow or pandas, plays no part: pandas
makes floats of whole numbers as soon as one of them is missing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

_EXACT = Context(prec=100)  # Spark's decimals have up to 38 digits; Python would round to 28


def category_texts(values: pd.Series) -> pd.Series:
    """Write categories as text, None for those that are missing; of shape and index of the values.

    Equal numbers have one text, of whatever type, in plain digits: without a point where they are whole, else the
    shortest that means them. Booleans are `true` and `false`; dates and times are in ISO 8601, times in UTC and without
    a zone; bytes are hexadecimal.
    """
    objects, has_value = values.to_numpy(dtype=object), values.notna().to_numpy()
    if pd.api.types.infer_dtype(objects[has_value], skipna=False) != "string":
        codes, different = pd.factorize(values)
        # pandas would make floats of 64 bits of those of 32, whose shortest text is another.
        each = different.to_numpy() if different.dtype == np.float32 else different
        objects = np.array([*map(category_text, each), None], dtype=object)[codes]
    texts = np.full(len(values), None, dtype=object)
    texts[has_value] = objects[has_value]
    return pd.Series(texts, index=values.index, name=values.name, dtype=object)


def factorized(texts: pd.Series) -> tuple[npt.NDArray[np.int32], pa.StringArray]:
    """Tell the place of each text among the different ones, -1 where it is missing, and these in order of appearance.

    As Arrow and Spark do: pandas reads no text further than to a NUL, with which systems of old fill their columns.
    """
    return encoded(pa.array(texts, pa.string(), from_pandas=True))


def encoded(texts: pa.StringArray) -> tuple[npt.NDArray[np.int32], pa.StringArray]:
    """Tell the same of texts that are in Arrow already."""
    dictionary = texts.dictionary_encode()
    return dictionary.indices.fill_null(-1).to_numpy(), dictionary.dictionary


def category_text(value: Any) -> str:
    """Write one category that is not missing as text, see `category_texts`."""
    match value:
        case str():
            return value
        case bool() | np.bool_():
            return str(bool(value)).lower()
        case float() | np.floating():
            whole = np.isfinite(value) and value == np.floor(value)
            return str(int(value)) if whole else np.format_float_positional(value, trim="-")
        case Decimal():
            return format(_EXACT.add(_EXACT.normalize(value), 0), "f")
        case datetime():
            return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat()
        case date():
            return value.isoformat()
        case bytes() | bytearray():
            return bytes(value).hex()
    return str(value)
