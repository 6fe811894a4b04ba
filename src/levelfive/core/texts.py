"""Numbers and names as people write them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: `1 day`, `1,024 days`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def in_the_name_of(by: str, whom: str | None) -> str:
    """Write who says something, and on whose behalf, if that is said."""
    return f"{by} (for {whom})" if whom else by
