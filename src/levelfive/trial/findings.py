"""What a trial found: faults, a sentence each, what is worth a look, and how many rows of what were looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from levelfive.errors import LevelfiveError


@dataclass(frozen=True)
class Part:
    """Rows that were looked at, and what became of them."""

    what: str
    rows: int
    message: str = ""


@dataclass
class Findings:
    """What a trial has found so far; its steps fill it in."""

    parts: list[Part] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def left_out(self, what: str, because: str) -> None:
        """Note what could not be looked at."""
        self.notes.append(f"{what} was not looked at: {because}.")

    @contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Turn what a block refuses, or fails with, into a fault: the steps that need nothing of it go on."""
        try:
            yield
        except LevelfiveError as err:
            self.faults.append(str(err))
        except Exception as err:
            # Code of a use case, and of its estimator, may raise anything.
            first = next((line for line in str(err).splitlines() if line.strip()), "nothing")
            self.faults.append(f"{what} failed: {type(err).__name__}: {first.strip()}. Correct it.")
