"""What a report shows of the data that came."""

from __future__ import annotations

from dataclasses import dataclass

from levelfive.core.windows import Window
from levelfive.monitoring.evidence import Newest


@dataclass(frozen=True)
class Freshness:
    """How new the rows of sources were at the end of a window.

    Attributes:
        window: The window.
        sources: The sources with dates, in any order.
    """

    window: Window
    sources: tuple[Newest, ...]
