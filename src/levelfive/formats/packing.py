"""Files that are packed by gzip: their names end with `.gz`, and they are read and written as the others are."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

PACKED = ".gz"


def with_packed(endings: tuple[str, ...]) -> tuple[str, ...]:
    """Add to each ending that of packed files; all in lower case."""
    return tuple(ending.lower() + suffix for ending in endings for suffix in ("", PACKED))


def unpacked(path: Path, file: BinaryIO) -> BinaryIO:
    """Unpack the bytes of a file, as they are read, if its name says that they are packed."""
    return cast("BinaryIO", gzip.GzipFile(fileobj=file)) if _is_packed(path) else file


@contextmanager
def decoded(path: Path, file: BinaryIO, *, encoding: str, newline: str, errors: str = "strict") -> Iterator[TextIO]:
    """Read a file as text, packed or not; the file stays open. `errors` says what becomes of bytes that are no text."""
    texts = io.TextIOWrapper(unpacked(path, file), encoding=encoding, newline=newline, errors=errors)
    try:
        yield texts
    finally:
        # Otherwise it closes the file with itself.
        texts.detach()


def packed(path: Path, content: bytes) -> bytes:
    """Pack the bytes of a file if its name says so; the same bytes always come out as the same."""
    return gzip.compress(content, mtime=0) if _is_packed(path) else content


def plain_path(path: Path) -> Path:
    """Name a file as it is called where it is not packed."""
    return path.with_name(path.name[: -len(PACKED)]) if _is_packed(path) else path


def _is_packed(path: Path) -> bool:
    return path.name.lower().endswith(PACKED)
