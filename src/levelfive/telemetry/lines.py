"""The local adapter: each record is a message of the logger `levelfive`, and a line of JSON on standard error."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from levelfive.errors import ConfigError
from levelfive.telemetry.names import ERROR_TYPE, said
from levelfive.telemetry.records import Event, Measurement, Record, Span

LOGGER = logging.getLogger("levelfive")


class Lines:
    """Hands records to the logger: events at their own level, spans and measurements at `DEBUG`.

    The message is the record's name; what else it holds is the attribute `telemetry` of the log record, for handlers of
    one's own.
    """

    def export(self, record: Record) -> None:
        """Log a record."""
        level = record.level if isinstance(record, Event) else logging.DEBUG
        if LOGGER.isEnabledFor(level):
            LOGGER.log(level, "%s", _name(record), extra={"telemetry": _fields(record)})

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing was started."""


def configure_logging(level: str = "WARNING") -> None:
    """Write levelfive's records to standard error, a line of JSON each; calling it again changes only the level.

    Raises:
        ConfigError: There is no such level.
    """
    try:
        LOGGER.setLevel(level.upper())
    except ValueError as err:
        raise ConfigError(f"a log level is debug, info, warning or error, got {level!r}") from err
    LOGGER.propagate = False
    if not any(isinstance(handler, _StandardError) for handler in LOGGER.handlers):
        handler = _StandardError()
        handler.setFormatter(_AsJson())
        LOGGER.addHandler(handler)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment: a notebook has another one in each cell."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # an attribute of the class above, which keeps the first one
        return sys.stderr


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        about = {"time": moment.replace("+00:00", "Z"), "level": record.levelname, "message": record.getMessage()}
        return json.dumps({**about, **getattr(record, "telemetry", {})}, default=str)


def _name(record: Record) -> str:
    return record.metric.name if isinstance(record, Measurement) else record.name


def _fields(record: Record) -> dict[str, object]:
    about: dict[str, object] = dict(said(record.fields))
    if isinstance(record, Measurement):
        about |= {"value": record.value, "unit": record.metric.unit}
    if isinstance(record, Span):
        about |= {"kind": record.kind.value, "seconds": round(record.seconds, 3), "span_id": record.span_id}
        about |= {ERROR_TYPE: record.error_type} if record.error_type else {}
    position = {"trace_id": record.trace_id, "parent_id": record.parent_id}
    return {**about, **{name: value for name, value in position.items() if value}}
