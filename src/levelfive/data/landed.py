"""What `landing_files` knows of some files or some days: it has a row for each file that ever landed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from levelfive.data.landing import Entry, LandingFile, inspect, unseen
from levelfive.data.listings import to_look_at
from levelfive.storage.records import from_row, record_of
from levelfive.storage.runs import Run
from levelfive.usecase.sources import Source

LANDING_FILES = "landing_files"
_OF_A_FILE = ("source", "source_file", "sha256", "size", "modified_at")


@record_of(LANDING_FILES)
@dataclass(frozen=True)
class LandedFile:
    """What became of one file: `rows_in == accepted + quarantined + duplicates`, always; a row of `landing_files`.

    Versions of a Delta table are a file, too: `version` is the last of them, and `sha256` the table's id. Of the
    accepted rows, some correct or delete rows that were there, of which `corrects_since` is the earliest time.
    """

    source: str
    source_file: str
    sha256: str
    rows_in: int
    accepted: int
    quarantined: int
    duplicates: int
    min_event_time: datetime | None
    max_event_time: datetime | None
    loaded_at: datetime
    size: int | None = None
    modified_at: datetime | None = None
    version: int | None = None
    corrections: int = 0
    deletions: int = 0
    corrects_since: datetime | None = None


def new_files(
    run: Run, folder_entries: Mapping[str, Sequence[Entry]], sources: Sequence[Source]
) -> dict[str, tuple[LandingFile, ...]]:
    """List the files that were not ingested yet, by the source's name; sources that have none are left out.

    Only files that may be new are looked up, by their names; those of another size or modification time are read, and
    those that have a new name are looked up by their content.

    Args:
        run: Notes the versions of the tables that are read.
        folder_entries: What lies there, by the source's name.
        sources: The sources.

    Raises:
        LandingError: A file is unreadable, was changed after it was ingested, or has another's content.
    """
    entries = to_look_at(run, folder_entries)
    names = {entry.name for of_source in entries.values() for entry in of_source}
    rows = run.rows(LANDING_FILES, columns=_OF_A_FILE, where={"source_file": names}) if names else []
    states = {(row["source"], row["source_file"], row["size"], row["modified_at"]) for row in rows}
    hashes = _by_content(rows)
    files = {
        source.name: [
            inspect(entry.path, hashes[source.name], source)
            for entry in entries[source.name]
            if (source.name, entry.name, entry.size, entry.modified_at) not in states
        ]
        for source in sources
    }
    others = {file.sha256 for name, of_source in files.items() for file in of_source if file.sha256 not in hashes[name]}
    if others:
        for name, twins in _by_content(run.rows(LANDING_FILES, columns=_OF_A_FILE, where={"sha256": others})).items():
            hashes[name] |= twins
    fresh = {name: unseen(of_source, hashes[name]) for name, of_source in files.items()}
    return {name: of_source for name, of_source in fresh.items() if of_source}


def newest_times(run: Run, *, since: datetime | None = None) -> dict[str, list[datetime]]:
    """List the times of the files' newest rows by source: of all files, or of those that reach so far."""
    columns, between = ("source", "max_event_time"), {} if since is None else {"max_event_time": (since, None)}
    newest: dict[str, list[datetime]] = defaultdict(list)
    for row in run.rows(LANDING_FILES, columns=columns, between=between):
        newest[row["source"]] += [time for time in (row["max_event_time"],) if time is not None]
    return newest


def dated_files(run: Run, sources: Collection[str]) -> dict[str, list[str]]:
    """List all files of some sources that have dated rows."""
    files: dict[str, list[str]] = defaultdict(list)
    columns = ("source", "source_file", "max_event_time")
    for row in run.rows(LANDING_FILES, columns=columns, where={"source": sources}):
        if row["max_event_time"] is not None:
            files[row["source"]].append(row["source_file"])
    return files


def corrections(run: Run, sources: Collection[str], *, after: datetime, until: datetime) -> list[LandedFile]:
    """List the files of some sources that corrected rows, of those ingested after a time and up to another."""
    if not sources:
        return []
    rows = run.rows(LANDING_FILES, where={"source": sources}, between={"loaded_at": (after, until)})
    files = (from_row(LandedFile, row) for row in rows)
    return [file for file in files if file.loaded_at > after and file.corrections + file.deletions]


def add_files(run: Run, files: Sequence[LandedFile]) -> None:
    """Write files down that were ingested."""
    if files:
        run.wrote(run.tables.control_tables.add(LANDING_FILES, files))


def note_rewritten(run: Run, source: str, file: LandingFile) -> None:
    """Let the row of a file that was ingested tell what it is now; what became of its rows stays as it was.

    Args:
        run: Notes what is read and written.
        source: The source's name.
        file: The file as it is after it was written anew, under the name that it had.
    """
    rows = run.rows(LANDING_FILES, where={"source": source, "source_file": file.name})
    before = (from_row(LandedFile, row) for row in rows)
    records = [replace(one, sha256=file.sha256, size=file.size, modified_at=file.modified_at) for one in before]
    if records:
        run.wrote(run.tables.control_tables.replace(LANDING_FILES, records, ("source", "source_file")))


def _by_content(rows: Iterable[Mapping[str, Any]]) -> defaultdict[str, dict[str, str]]:
    """Tell by source the name of each file by its content's hash."""
    hashes: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        hashes[row["source"]][row["sha256"]] = row["source_file"]
    return hashes
