"""Landing files of a source: which there are, what is in them, and whether each was seen before."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader
from pathlib import Path

import pyarrow as pa

from levelfive.core.windows import EPOCH, from_micros
from levelfive.errors import LandingError
from levelfive.formats import Csv
from levelfive.formats.texts import header_of, is_of, unreadable, with_header
from levelfive.usecase.columns import ORDER, SOURCE_FILE
from levelfive.usecase.sources import Source

# Of files that are not delivered: hidden ones, those in writing, markers that other systems leave.
PASSED_OVER = (".", "_")
IN_WRITING = ".tmp"
REWRITTEN = ".rewritten"
# A file of no source: its names are those in its header.
ANY = Source("", {}, (), format=Csv())


@dataclass(frozen=True)
class Entry:
    """What a folder says of a file; `size` is in bytes, `modified_at` in UTC."""

    path: Path
    size: int
    modified_at: datetime

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


@dataclass(frozen=True)
class LandingFile:
    """One file: the hash of its bytes, its header, and what its folder says of it; of a table, its last version."""

    path: Path
    sha256: str
    header: tuple[str, ...]
    size: int | None = None
    modified_at: datetime | None = None
    version: int | None = None

    @property
    def name(self) -> str:
        """The file's name, by which rows remember where they came from."""
        return self.path.name


def list_files(landing: Path, source: Source) -> tuple[Entry, ...]:
    """List a source's files by name; what begins with a point or an underscore or ends in `.tmp` is passed over.

    Raises:
        LandingError: The source has no folder or no file, or a file is of another format.
    """
    folder = landing / source.name
    endings = " or ".join(source.format.endings)
    files, others = _parted(folder, source)
    if others:
        raise LandingError(
            f"source {source.name!r}: expected files that end in {endings} in {folder}, found also "
            f"{', '.join(others)}. Nothing was ingested; take them away, or name their format in the source."
        )
    if not files:
        raise LandingError(
            f"source {source.name!r}: expected files ({endings}) in {folder}, found none. "
            "Deliver the files there, or name another place with --landing."
        )
    return tuple(_entry_of(folder / entry.name, entry) for entry in files)


def files_there(landing: Path, source: Source) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """List a source's files by name, and what its folder holds beside them: of other formats, in writing, folders.

    Raises:
        LandingError: The folder cannot be listed.
    """
    folder = landing / source.name
    files = {entry.name for entry in _parted(folder, source)[0]}
    beside = (entry.name for entry in _entries(folder) if entry.name not in files and not entry.name.startswith("."))
    return tuple(folder / name for name in sorted(files)), tuple(folder / name for name in sorted(beside))


def rewrite(path: Path, content: bytes, note: Callable[[LandingFile], None]) -> None:
    """Put other bytes in the place of a file, whole or not at all.

    What becomes of it is noted before it has its place: a run that was killed between the two is refused by the next
    ingestion as a file that was changed, and is completed by being repeated.

    Args:
        path: The file.
        content: The bytes.
        note: Notes the file as it will be.
    """
    temporary = path.with_name(f".{path.name}{REWRITTEN}")
    temporary.write_bytes(content)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
        size, modified_at = _state(file)
    shutil.copymode(path, temporary)
    note(LandingFile(path, hashlib.sha256(content).hexdigest(), (), size, modified_at))
    temporary.replace(path)


def discard_unfinished(landing: Path, source: Source) -> None:
    """Remove what a `rewrite` that was killed has left beside the files of a source."""
    for file in (landing / source.name).glob(f".*{REWRITTEN}"):
        file.unlink(missing_ok=True)


def _parted(folder: Path, source: Source) -> tuple[list[os.DirEntry[str]], list[str]]:
    """List by name the files of a source's format, and the names of what was delivered beside them."""
    entries = sorted((entry for entry in _entries(folder) if _is_delivered(entry)), key=lambda entry: entry.name)
    files = [entry for entry in entries if is_of(source.format, Path(entry.name))]
    return files, [entry.name for entry in entries if entry not in files and not entry.is_dir()]


def has_nothing(landing: Path, sources: Iterable[Source]) -> bool:
    """Tell whether no source has a file, of whatever format, and none is a table.

    Raises:
        LandingError: A folder cannot be listed.
    """
    sources = list(sources)
    return all(source.delta_table is None for source in sources) and not any(
        _is_delivered(entry) for source in sources for entry in _entries(landing / source.name)
    )


def inspect(path: Path, digests: Collection[str] = (), source: Source = ANY) -> LandingFile:
    """Read a file's hash and header, and read it to its end.

    A file whose hash is among the known ones was read before: its header is left out.

    Raises:
        LandingError: The file cannot be read, is truncated, was changed meanwhile, or has no header.
    """
    with _opened(path) as file:
        before = _state(file)
        digest = _digest(file)
        if digest in digests:
            return LandingFile(path, digest, (), *before)
        file.seek(0)
        headers = [batch.header for batch in source.format.batches(path, file, source.columns)]
        _check_unchanged(path, file, before)
    return LandingFile(path, digest, header_of(headers, source.columns), *before)


def read_rows(file: LandingFile, source: Source) -> Iterator[pa.Table]:
    """Read a file's rows in parts: its columns as texts, `malformed`, and the file's name as `source_file`.

    Rows of a source with corrections know their order in the file besides.

    Raises:
        LandingError: The file cannot be read, has no rows, or was changed since it was inspected.
    """
    rows = 0
    with _opened(file.path) as content:
        before = _state(content)
        if _digest(content) != file.sha256:
            raise _changed(file.path)
        content.seek(0)
        for batch in source.format.batches(file.path, content, source.columns):
            part, begin = with_header(batch, file.header), rows
            rows += part.num_rows
            part = part.append_column(SOURCE_FILE, pa.repeat(pa.scalar(file.name, pa.string()), part.num_rows))
            yield part.append_column(ORDER, pa.array(range(begin, rows))) if source.has_corrections else part
        _check_unchanged(file.path, content, before)
    if not rows:
        raise LandingError(f"{file.path} has a header and no rows; nothing was ingested. Deliver it again.")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except OSError as err:
        raise LandingError(f"{folder} cannot be listed ({err}); nothing was ingested") from err


def _is_delivered(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(PASSED_OVER) and not entry.name.endswith(IN_WRITING)


def _entry_of(path: Path, entry: os.DirEntry[str]) -> Entry:
    try:
        status = entry.stat()
    except OSError as err:
        raise unreadable(path, err) from err
    return Entry(path, status.st_size, _modified_at(status))


def _modified_at(stat: os.stat_result) -> datetime:
    return from_micros(stat.st_mtime_ns // 1000) or EPOCH


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as err:
        raise unreadable(path, err) from err


def _digest(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _state(file: BufferedReader) -> tuple[int, datetime]:
    status = os.fstat(file.fileno())
    return status.st_size, _modified_at(status)


def _check_unchanged(path: Path, file: BufferedReader, before: tuple[int, datetime]) -> None:
    """Refuse a file of which other bytes may have been parsed than were hashed."""
    if _state(file) != before:
        raise _changed(path)


def _changed(path: Path) -> LandingError:
    return LandingError(f"{path} was changed while it was read; nothing was ingested. Deliver it again.")


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
    new_files = []
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
        new_files.append(file)
    return tuple(new_files)
