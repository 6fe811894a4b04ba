"""For how long files and log of a Delta table stay that its newest version does not need, as its properties say it."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from levelfive.config import SHORTEST_RETENTION
from levelfive.errors import ConfigError

FILES_RETENTION, LOG_RETENTION = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
DELTA_KEEPS = {FILES_RETENTION: timedelta(days=7), LOG_RETENTION: timedelta(days=30)}
"""For how long Delta keeps each by itself."""
_HOUR = timedelta(hours=1)
_UNITS = {"hour": _HOUR, "day": timedelta(days=1), "week": timedelta(weeks=1)}
_INTERVAL = re.compile(r"(?:interval )?(\d+) (hour|day|week)s?", re.IGNORECASE)


def retention(keep_versions: timedelta) -> str:
    """Write a length as Delta's properties hold it, in whole hours.

    Raises:
        ConfigError: It is shorter than `SHORTEST_RETENTION`.
    """
    if keep_versions < SHORTEST_RETENTION:
        raise ConfigError(
            f"keep_versions is {keep_versions}, old files have to stay for {SHORTEST_RETENTION.days} days at least: "
            "a job that began to read them must be able to end"
        )
    hours = math.ceil(keep_versions / _HOUR)
    return f"interval {hours} hours" if hours % 24 else f"interval {hours // 24} days"


def length_of(interval: str) -> timedelta | None:
    """Read a length as Delta's properties hold it; None where it is of other units than hours, days and weeks."""
    match = _INTERVAL.fullmatch(interval.strip())
    return None if match is None else int(match[1]) * _UNITS[match[2].lower()]
