"""Which files of a home hold a number, as text, as bytes, packed or not."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pyarrow.parquet as pq


def holding(home: Path, value: int) -> set[str]:
    """List the files that hold a number, as text, as bytes, packed or not, in the places of the home."""
    return {path.relative_to(home).parts[0] for path in home.rglob("*") if path.is_file() and holds(path, value)}


def holds(path: Path, value: int) -> bool:
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    if str(value).encode() in content or struct.pack("<q", value) in content or struct.pack(">q", value) in content:
        return True
    # Packed pages show nothing to those who look at bytes.
    return path.suffix == ".parquet" and any(
        str(value) in str(cell) for column in pq.read_table(path).columns for cell in column.to_pylist()
    )
