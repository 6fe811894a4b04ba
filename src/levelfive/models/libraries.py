"""Which distributions the classes of a fitted estimator come from: where a package is read, they have to be there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from inspect import isclass, isroutine
from typing import Any

from cloudpickle import CloudPickler


def libraries_of(estimator: object) -> tuple[str, ...]:
    """List the distributions that an estimator and all of its parts come from; a package of a Git folder has none."""
    parts = _Parts()
    with suppress(Exception):  # one that cannot be pickled names a flavour, and is known by what came before
        parts.dump(estimator)
    return tuple(sorted({name for package in parts.packages for name in distributions_of(package)}))


def distributions_of(package: str) -> list[str]:
    """List the distributions that bring a top-level package; none for those of Python and of a Git folder."""
    if package in sys.stdlib_module_names:
        return []
    try:
        return [distribution(package).name]
    except (PackageNotFoundError, ValueError):  # it has another name than its package, or the name is empty
        return sorted(set(_distributions().get(package, [])))


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Find the distributions of all packages that are installed, which takes half a second."""
    return packages_distributions()


class _Parts(CloudPickler):  # type: ignore[misc]  # it ships no types
    """Notes the packages of all that would be pickled, and writes nothing."""

    def __init__(self) -> None:
        super().__init__(self)
        self.packages: set[str] = set()

    def write(self, pickled: Any) -> int:
        return len(pickled)

    def reducer_override(self, part: Any) -> Any:
        module = part.__module__ if isclass(part) or isroutine(part) else type(part).__module__
        self.packages.add((module or "").partition(".")[0])
        return super().reducer_override(part)
