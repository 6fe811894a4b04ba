"""Independent steps side by side: planning and committing leave a core idle that another step can use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

_T = TypeVar("_T")

THREADS = 3


def in_parallel(jobs: Sequence[Callable[[], _T]], *, threads: int = THREADS) -> list[_T]:
    """Run jobs in a few threads and return their results in order; all end before the first error is raised."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        futures = [pool.submit(copy_context().run, job) for job in jobs]  # a thread begins with no context
    return [future.result() for future in futures]
