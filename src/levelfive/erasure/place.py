"""Places that hold rows: each counts a person's, and removes them; a second removal finds none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Removal:
    """What a place removed, or would.

    Attributes:
        rows: How many rows.
        consequences: What cannot be made again since, a sentence each.
        left: What is still there although it is theirs, with what to do, a sentence each.
    """

    rows: int
    consequences: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Place(Protocol):
    """One place that may hold a person's rows."""

    @property
    def name(self) -> str:
        """What the place is called, in the record and to people."""
        ...

    def count(self) -> Removal:
        """Tell what would be removed; nothing is changed."""
        ...

    def erase(self) -> Removal:
        """Remove their rows, and what a removal that was killed has left of them."""
        ...
