"""Numbers as people write them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Write a count with its noun: `1 day`, `1,024 days`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
