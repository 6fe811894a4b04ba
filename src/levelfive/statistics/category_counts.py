"""How often each category comes, kept as arrays: of a hundred thousand ids, no text becomes an object of Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from levelfive.statistics.categories import encoded


@dataclass(frozen=True, eq=False)
class CategoryCounts(Mapping[str, int]):
    """The count of each category.

    Args:
        names: Categories as text, each once, shape (categories,).
        counts: How often each comes, shape (categories,).
    """

    names: pa.StringArray
    counts: NDArray[np.int64]

    @classmethod
    def added(cls, parts: Sequence[CategoryCounts]) -> CategoryCounts:
        """Add up the counts of parts, of which there is at least one."""
        codes, names = encoded(pa.concat_arrays([part.names for part in parts]))
        totals = np.zeros(len(names), np.int64)
        np.add.at(totals, codes, np.concatenate([part.counts for part in parts]))
        return cls(names, totals)

    def taken(self, places: NDArray[np.intp]) -> CategoryCounts:
        """Take those at some places, in their order."""
        return CategoryCounts(self.names.take(pa.array(places)), self.counts[places])

    def texts(self) -> NDArray[Any]:
        """Make an array of texts of the names, shape (categories,)."""
        return np.asarray(self.names.to_numpy(zero_copy_only=False), dtype=object)

    @cached_property
    def _by_name(self) -> Mapping[str, int]:
        return dict(zip(self.names.to_pylist(), self.counts.tolist(), strict=True))

    def __getitem__(self, name: str) -> int:
        """Tell how often a category comes."""
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        """List the categories."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """Count the categories."""
        return len(self.names)


NO_CATEGORIES = CategoryCounts(pa.array([], pa.string()), np.zeros(0, np.int64))
