"""The telemetry port: jobs say what happens by `event`, `measure` and `span`; none of them raises or waits.

Within a span, all that is recorded belongs to its trace and has its fields, in threads too that `in_parallel` starts.
"""

from __future__ import annotations

import atexit
import logging
import math
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol, TypeAlias

from levelfive.telemetry.lines import LOGGER, Lines
from levelfive.telemetry.names import Instrument
from levelfive.telemetry.records import Event, Exporter, Measurement, Record, Span, SpanKind, result_of

Fields: TypeAlias = Callable[[], Mapping[str, object]]


@dataclass(frozen=True)
class _Scope:
    """The span within which records are made; its fields are read anew for each, as a run learns while it goes on."""

    trace_id: str
    span_id: str
    fields: Fields


class Sink(Protocol):
    """What records are sent to, beside the lines on this machine; two that are equal are the same."""

    def open(self) -> Exporter:
        """Begin to send to it."""
        ...


_SCOPE: ContextVar[_Scope | None] = ContextVar("levelfive_scope", default=None)
_LINES = Lines()
_LOCK = Lock()
_sink: Sink | None = None
_exporter: Exporter | None = None


def connect(sink: Sink | None) -> None:
    """Send what is recorded from now on to a sink too; the same one again changes nothing, and None ends it."""
    global _sink, _exporter
    with _LOCK:
        if sink == _sink:
            return
        earlier, _exporter, _sink = _exporter, None, sink
        if earlier is not None:
            _guarded(earlier.close)
        if sink is not None:
            _guarded(lambda: _begin(sink))


def _begin(sink: Sink) -> None:
    global _exporter
    _exporter = sink.open()


def event(name: str, /, *, level: int = logging.INFO, **fields: object) -> None:
    """Record that something happened.

    Args:
        name: What happened, in few and always the same words.
        level: One of `logging`.
        fields: What is to be said of it; only those that `names.ATTRIBUTES` lists leave the machine.
    """
    where, around = _position()
    _record(lambda: Event(at=_now(), fields={**around(), **fields}, name=name, level=level, **where))


def measure(metric: Instrument, value: float, /, **fields: object) -> None:
    """Record a number that was measured; one that is not finite is left out."""
    if not math.isfinite(value):
        return
    where, around = _position()
    _record(lambda: Measurement(at=_now(), fields={**around(), **fields}, metric=metric, value=float(value), **where))


@contextmanager
def span(name: str, *, kind: SpanKind, fields: Fields) -> Iterator[None]:
    """Record how long the block takes, and how it ends; the outermost span begins a trace, and flushes at its end.

    Args:
        name: What is done, in few and always the same words.
        kind: What it is of.
        fields: Tells what is to be said of it, and of all that is recorded within it.
    """
    outer, (where, around) = _SCOPE.get(), _position()
    trace_id = where.get("trace_id") or secrets.token_hex(16)
    scope = _Scope(trace_id, secrets.token_hex(8), lambda: {**around(), **fields()})
    token, at, start, error = _SCOPE.set(scope), _now(), time.perf_counter(), None
    try:
        yield
    except BaseException as err:  # what a person or a signal ends is recorded too
        error = err
        raise
    finally:
        _SCOPE.reset(token)
        seconds = time.perf_counter() - start
        _record(
            lambda: Span(
                at=at,
                fields=scope.fields(),
                name=name,
                kind=kind,
                span_id=scope.span_id,
                seconds=seconds,
                result=result_of(error),
                error_type="" if error is None else type(error).__name__,
                **{**where, "trace_id": trace_id},
            )
        )
        if outer is None:
            flush()


def flush() -> None:
    """Wait until all that was recorded is delivered, for a few seconds at most."""
    exporter = _exporter
    if exporter is not None:
        _guarded(exporter.flush)


def _position() -> tuple[dict[str, str], Fields]:
    scope = _SCOPE.get()
    if scope is None:
        return {}, dict
    return {"trace_id": scope.trace_id, "parent_id": scope.span_id}, scope.fields


def _record(make: Callable[[], Record]) -> None:
    def hand_on() -> None:
        record = make()
        _LINES.export(record)
        if (exporter := _exporter) is not None:
            exporter.export(record)

    _guarded(hand_on)


def _guarded(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as err:  # the way of the data goes on whatever happens to what is said of it
        LOGGER.warning("telemetry failed: %s", type(err).__name__)


def _now() -> datetime:
    return datetime.now(UTC)  # when something was recorded is a fact about the machine, not about the data


atexit.register(flush)
