"""Independent steps side by side: planning and committing leave a core idle that another step can use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar, cast

_T = TypeVar("_T")
_S = TypeVar("_S")

THREADS = 3


def in_parallel(jobs: Sequence[Callable[[], _T]], *, threads: int = THREADS) -> list[_T]:
    """Run jobs in a few threads and return their results in order; all end before the first error is raised."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        futures = [pool.submit(copy_context().run, job) for job in jobs]  # a thread begins with no context
    return [future.result() for future in futures]


def both(first: Callable[[], _T], second: Callable[[], _S]) -> tuple[_T, _S]:
    """Run two jobs side by side and return both results; both end before the first error is raised."""
    return cast("tuple[_T, _S]", tuple(in_parallel([first, second], threads=2)))
