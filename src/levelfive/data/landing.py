"""Landing files of a source: which there are, what is in them, and whether each was seen before."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from levelfive.errors import LandingError
from levelfive.formats import Csv
from levelfive.formats.texts import is_of, unreadable
from levelfive.usecase.sources import Source

# Of files that are not delivered: hidden ones, those in writing, markers that other systems leave.
PASSED_OVER = (".", "_")
# A file of no source: its names are those in its header.
ANY = Source("", {}, (), format=Csv())


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
    """List a source's files by name; those whose names begin with a point or an underscore are passed over.

    Raises:
        LandingError: The source has no folder or no file, or a file is of another format.
    """
    folder = landing / source.name
    endings = " or ".join(source.format.endings)
    entries = sorted(path for path in _entries(folder) if not path.name.startswith(PASSED_OVER))
    files = tuple(path for path in entries if is_of(source.format, path))
    if others := [path.name for path in entries if path not in files and not path.is_dir()]:
        raise LandingError(
            f"source {source.name!r}: expected files that end in {endings} in {folder}, found also "
            f"{', '.join(others)}. Nothing was ingested; take them away, or name their format in the source."
        )
    if not files:
        raise LandingError(
            f"source {source.name!r}: expected files ({endings}) in {folder}, found none. "
            "Deliver the files there, or name another place with --landing."
        )
    return files


def has_nothing(landing: Path, sources: Iterable[Source]) -> bool:
    """Tell whether no source has a file, of whatever format.

    Raises:
        LandingError: A folder cannot be listed.
    """
    entries = (path for source in sources for path in _entries(landing / source.name))
    return all(path.name.startswith(PASSED_OVER) for path in entries)


def inspect(path: Path, digests: Collection[str] = (), source: Source = ANY) -> LandingFile:
    """Read a file's hash and header, and read it to its end.

    A file whose hash is among the known ones was read before: its header is left out.

    Raises:
        LandingError: The file cannot be read, is truncated, or has no header.
    """
    content = _content(path)
    digest = _digest(content)
    if digest in digests:
        return LandingFile(path, digest, ())
    return LandingFile(path, digest, source.format.read(path, content, source.columns).header)


def read_rows(file: LandingFile, source: Source) -> pa.Table:
    """Read a file's rows: its columns as texts, `malformed`, and the file's name as `source_file`.

    Raises:
        LandingError: The file cannot be read, has no rows, or was changed since it was inspected.
    """
    content = _content(file.path)
    if _digest(content) != file.sha256:
        raise LandingError(f"{file.path} was changed while it was read; nothing was ingested. Deliver it again.")
    rows = source.format.read(file.path, content, source.columns).rows
    if not rows.num_rows:
        raise LandingError(f"{file.path} has a header and no rows; nothing was ingested. Deliver it again.")
    return rows.append_column("source_file", pa.repeat(pa.scalar(file.name, pa.string()), rows.num_rows))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as err:
        raise LandingError(f"{folder} cannot be listed ({err}); nothing was ingested") from err


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise unreadable(path, err) from err


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def unseen(files: Sequence[LandingFile], name_by_hash: Mapping[str, str]) -> tuple[LandingFile, ...]:
    """Select the files that were not ingested yet.

    Args:
        files: What lies in the landing place.
        name_by_hash: Name of each ingested file, by hash.

    Raises:
        LandingError: A file was changed after it was ingested, or has the content of another one.
    """
    hashes = {name: sha for sha, name in name_by_hash.items()}
    fresh: dict[str, str] = {}
    chosen = []
    for file in files:
        twin = name_by_hash.get(file.sha256) or fresh.get(file.sha256)
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
