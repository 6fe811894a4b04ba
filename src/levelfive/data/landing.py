"""Landing files of a source: which there are, what is in them, and whether each was seen before."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from levelfive.errors import LandingError
from levelfive.usecase import Source

PATTERNS = ("*.csv", "*.csv.gz")


@dataclass(frozen=True)
class LandingFile:
    """One file: its header and the hash of its bytes."""

    path: Path
    sha256: str
    header: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name, by which rows remember where they came from."""
        return self.path.name


def list_files(landing: Path, source: Source) -> tuple[Path, ...]:
    """List a source's files by name.

    Raises:
        LandingError: The source has no folder or no file.
    """
    folder = landing / source.name
    found = sorted(path for pattern in PATTERNS for path in folder.glob(pattern))
    if not found:
        raise LandingError(
            f"source {source.name!r}: expected files ({' or '.join(PATTERNS)}) in {folder}, found none. "
            "Deliver the files there, or name another place with --landing."
        )
    return tuple(found)


def inspect(path: Path, known: Collection[str] = ()) -> LandingFile:
    """Read a file's hash and header, and read it to its end.

    A file whose hash is among the known ones was read before: its header is left out.

    Raises:
        LandingError: The file cannot be read, is truncated, or has no header.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in known:
            return LandingFile(path, digest, ())
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="") as lines:
            header = next(csv.reader(lines), [])
            while lines.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as err:
        raise LandingError(f"{path} cannot be read ({err}): nothing of it was ingested; deliver it again") from err
    if not header:
        raise LandingError(f"{path} is empty: expected a header line and rows; deliver it again")
    return LandingFile(path, digest, tuple(header))


def unseen(files: Sequence[LandingFile], ledger: Mapping[str, str]) -> tuple[LandingFile, ...]:
    """Select the files that were not ingested yet.

    Args:
        files: What lies in the landing place.
        ledger: Name of each ingested file, by hash.

    Raises:
        LandingError: A file was changed after it was ingested, or has the content of another one.
    """
    hashes = {name: sha for sha, name in ledger.items()}
    fresh: dict[str, str] = {}
    chosen = []
    for file in files:
        twin = ledger.get(file.sha256) or fresh.get(file.sha256)
        if twin == file.name:
            continue
        if twin is not None:
            raise LandingError(f"{file.path} has the same content as {twin}: remove it; nothing was ingested")
        if file.name in hashes:
            raise LandingError(
                f"{file.path} was changed after it was ingested; nothing was ingested. "
                "Put the file back as it was, and deliver rows that are new in a file of another name."
            )
        fresh[file.sha256] = file.name
        chosen.append(file)
    return tuple(chosen)
