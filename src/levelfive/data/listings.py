"""Which files of a source need no look: those up to a modification time, as long as their listing is what it was.

Names, sizes and modification times point to the files that are looked at. What is new is newer than what was seen;
where that does not hold, or a file was taken away or touched, all names are looked up once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.data.landing import Entry
from levelfive.storage.records import from_row, record_of
from levelfive.storage.runs import Run

LISTINGS = "landing_listings"


@record_of(LISTINGS)
@dataclass(frozen=True)
class Listing:
    """One row of `landing_listings`: the files of a source that were all seen.

    Attributes:
        source: The source.
        until: Their newest modification time.
        digest: The hash of their names, sizes and modification times.
    """

    source: str
    until: datetime
    digest: str


def to_look_at(run: Run, folder_entries: Mapping[str, Sequence[Entry]]) -> dict[str, tuple[Entry, ...]]:
    """Choose the files that may be new or other ones, by the source's name."""
    last_listings = {row["source"]: from_row(Listing, row) for row in run.rows(LISTINGS)}
    return {name: _unknown(entries, last_listings.get(name)) for name, entries in folder_entries.items()}


def note_listings(run: Run, folder_entries: Mapping[str, Sequence[Entry]], later_files: Collection[str]) -> None:
    """Note what was seen; the row of a source replaces its last one.

    Args:
        run: Notes the write.
        folder_entries: What lay there when the run began, by the source's name.
        later_files: The names of the files that later runs take.
    """
    last_listings = {row["source"]: from_row(Listing, row) for row in run.rows(LISTINGS)}
    listings = (_listing_of(name, entries, later_files) for name, entries in folder_entries.items())
    if updates := [one for one in listings if one is not None and last_listings.get(one.source) != one]:
        run.wrote(run.tables.control_tables.replace(LISTINGS, updates, ("source",)))


def _unknown(entries: Sequence[Entry], listing: Listing | None) -> tuple[Entry, ...]:
    if listing is None or _digest([entry for entry in entries if entry.modified_at <= listing.until]) != listing.digest:
        return tuple(entries)
    return tuple(entry for entry in entries if entry.modified_at > listing.until)


def _listing_of(source: str, entries: Sequence[Entry], later_files: Collection[str]) -> Listing | None:
    limit = min((entry.modified_at for entry in entries if entry.name in later_files), default=None)
    old_entries = [entry for entry in entries if limit is None or entry.modified_at < limit]
    return (
        Listing(source, max(entry.modified_at for entry in old_entries), _digest(old_entries)) if old_entries else None
    )


def _digest(entries: Sequence[Entry]) -> str:
    lines = sorted(f"{entry.name}\0{entry.size}\0{entry.modified_at.isoformat()}\n" for entry in entries)
    # A name of a file may hold bytes that are no text.
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
