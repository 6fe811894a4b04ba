"""What is recorded: an event, a span of a trace, a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Protocol, TypeAlias

from levelfive.telemetry.names import Instrument


class Result(StrEnum):
    """How a run or a step ended, in the words of OpenTelemetry's conventions."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLATION = "cancellation"


def result_of(error: BaseException | None) -> Result:
    """Tell how a run or a step ended by the error that ended it; anything but an `Exception` is somebody's wish."""
    if error is None:
        return Result.SUCCESS
    return Result.FAILURE if isinstance(error, Exception) else Result.CANCELLATION


class SpanKind(Enum):
    """What a span is of."""

    RUN = "run"
    STEP = "step"


@dataclass(frozen=True, kw_only=True)
class _Record:
    """What all records have.

    Args:
        at: By the machine's clock, in UTC; of a span, when it began.
        fields: What is said beside it, by the names of `names.ATTRIBUTES` and others.
        trace_id: The trace that it belongs to, 32 hexadecimal digits; empty for none.
        parent_id: The span within which it was recorded, 16 hexadecimal digits; empty for none.
    """

    at: datetime
    fields: Mapping[str, object]
    trace_id: str = ""
    parent_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Event(_Record):
    """Something that happened; `level` is one of `logging`."""

    name: str
    level: int


@dataclass(frozen=True, kw_only=True)
class Span(_Record):
    """A run or one of its steps; `error_type` is the class of the error that ended it, or empty."""

    name: str
    kind: SpanKind
    span_id: str
    seconds: float
    result: Result
    error_type: str = ""


@dataclass(frozen=True, kw_only=True)
class Measurement(_Record):
    """A number that was measured once."""

    metric: Instrument
    value: float


Record: TypeAlias = Event | Span | Measurement


class Exporter(Protocol):
    """Where records go."""

    def export(self, record: Record) -> None:
        """Take a record, without waiting for anything."""
        ...

    def flush(self) -> None:
        """Wait until all is delivered, for a few seconds at most."""
        ...

    def close(self) -> None:
        """Flush, and end what was started."""
        ...
