"""Files that are packed by gzip: their names end with `.gz`, and they are read and written as the others are."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from levelfive.formats.texts import unreadable

PACKED = ".gz"


def with_packed(endings: tuple[str, ...]) -> tuple[str, ...]:
    """Add to each ending that of packed files."""
    return tuple(ending + packed for ending in endings for packed in ("", PACKED))


def unpacked(path: Path, content: bytes) -> bytes:
    """Unpack the bytes of a file if its name says that they are packed.

    Raises:
        LandingError: They are cut off, or not packed by gzip.
    """
    if not _is_packed(path):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as err:
        raise unreadable(path, err) from err


def packed(path: Path, content: bytes) -> bytes:
    """Pack the bytes of a file if its name says so; the same bytes always come out as the same."""
    return gzip.compress(content, mtime=0) if _is_packed(path) else content


def _is_packed(path: Path) -> bool:
    return path.name.lower().endswith(PACKED)
