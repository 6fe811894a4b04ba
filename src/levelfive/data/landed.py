"""What `landing_files` knows of some files or some days: it has a row for each file that ever landed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from levelfive.data.landing import LandingFile, inspect, list_files, unseen
from levelfive.storage.records import record_of
from levelfive.storage.runs import Run
from levelfive.usecase.sources import Source

LANDING_FILES = "landing_files"


@record_of(LANDING_FILES)
@dataclass(frozen=True)
class LandedFile:
    """What became of one file: `rows_in == accepted + quarantined + duplicates`, always; a row of `landing_files`."""

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


def new_files(run: Run, landing: Path, sources: Sequence[Source]) -> dict[str, tuple[LandingFile, ...]]:
    """List the files that were not ingested yet, by the source's name; sources that have none are left out.

    Files that lie there are looked up by their names, and those with a new name by their content.

    Raises:
        LandingError: A file is missing or unreadable, was changed after it was ingested, or has another's content.
    """
    listed = {source.name: list_files(landing, source) for source in sources}
    hashes = _seen(run, source_file={path.name for paths in listed.values() for path in paths})
    files = {
        source.name: [inspect(path, hashes[source.name], source) for path in listed[source.name]] for source in sources
    }
    others = {file.sha256 for name, of_source in files.items() for file in of_source if file.sha256 not in hashes[name]}
    if others:
        for name, twins in _seen(run, sha256=others).items():
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


def add_files(run: Run, files: Sequence[LandedFile]) -> None:
    """Write files down that were ingested."""
    if files:
        run.wrote(run.tables.control_tables.add(LANDING_FILES, files))


def _seen(run: Run, **where: Iterable[str]) -> defaultdict[str, dict[str, str]]:
    """Look files up: by source, the name of each by its content's hash."""
    hashes: defaultdict[str, dict[str, str]] = defaultdict(dict)
    conditions: Mapping[str, object] = where
    for row in run.rows(LANDING_FILES, columns=("source", "source_file", "sha256"), where=conditions):
        hashes[row["source"]][row["sha256"]] = row["source_file"]
    return hashes
