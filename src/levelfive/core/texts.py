"""Numbers and names as people write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: `1 day`, `1,024 days`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def repeated(names: Iterable[str]) -> list[str]:
    """List the names that are there more than once, each once, in the order in which they come first."""
    return [name for name, count in Counter(names).items() if count > 1]


def in_the_name_of(by: str, whom: str | None) -> str:
    """Write who says something, and on whose behalf, if that is said."""
    return f"{by} (for {whom})" if whom else by
