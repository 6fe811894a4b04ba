"""Structured events on the standard logger: one line a message, its fields as JSON."""

from __future__ import annotations

import json
import logging
import sys

LOGGER = logging.getLogger("levelfive")


def configure_logging(level: str = "WARNING") -> None:
    """Send levelfive's events to standard error; calling it again changes only the level."""
    LOGGER.setLevel(level.upper())
    LOGGER.propagate = False
    if not LOGGER.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        LOGGER.addHandler(handler)


def event(name: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log one event with its fields. Never raises: telemetry must not break the way of the data."""
    try:
        LOGGER.log(level, "%s %s", name, json.dumps(fields, default=str, sort_keys=True))
    except Exception:  # the way of the data goes on whatever happens to a log line
        LOGGER.warning("an event could not be written: %s", name)
