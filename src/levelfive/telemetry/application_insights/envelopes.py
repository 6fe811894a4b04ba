"""Records as Application Insights takes them: an envelope each, by the schema of its endpoint `v2.1/track`.

A run of a job is a request, a step a dependency, an event a trace and a measurement a custom metric: so they stand in
the tables `requests`, `dependencies`, `traces` and `customMetrics`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from levelfive.telemetry.names import ATTRIBUTES, ENVIRONMENT, SERVICE_INSTANCE, SERVICE_NAME, SERVICE_VERSION, sent
from levelfive.telemetry.records import Event, Measurement, Record, Result, Span, SpanKind

MAX_LENGTH = 1024
"""Of a name, a message or a value, in characters: the schema allows that of all of them, and more of some."""
_LEVELS = ((logging.CRITICAL, "Critical"), (logging.ERROR, "Error"), (logging.WARNING, "Warning"))
_NOBODY = "0.0.0.0"
"""An address that is sent in place of the sender's, from which the service would tell a town."""


def envelope(record: Record, *, key: str, resource: Mapping[str, str]) -> bytes:
    """Write a record as the JSON of an envelope.

    Args:
        record: What was recorded.
        key: The instrumentation key.
        resource: The process, by the names of `names.RESOURCE`.
    """
    name, kind, data = _data(record, resource)
    tags = {
        "ai.cloud.role": resource[SERVICE_NAME],
        "ai.cloud.roleInstance": resource[SERVICE_INSTANCE],
        "ai.application.ver": resource[SERVICE_VERSION],
        "ai.internal.sdkVersion": f"{resource[SERVICE_NAME]}:{resource[SERVICE_VERSION]}"[:64],
        "ai.location.ip": _NOBODY,
        "ai.operation.id": record.trace_id,
        "ai.operation.parentId": record.parent_id,
        "ai.operation.name": str(record.fields.get("stage") or "")[:MAX_LENGTH],
    }
    whole = {
        "ver": 1,
        "name": f"Microsoft.ApplicationInsights.{name}",
        "time": _iso(record.at),
        "sampleRate": 100.0,
        "iKey": key,
        "tags": {tag: value for tag, value in tags.items() if value},
        "data": {"baseType": kind, "baseData": {"ver": 2, **data}},
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def duration(seconds: float) -> str:
    """Write a length of time as the schema does, `DD.HH:MM:SS.MMMMMM`."""
    micros = round(seconds * 1_000_000)
    whole, micros = divmod(micros, 1_000_000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days:02d}.{hour:02d}:{minute:02d}:{second:02d}.{micros:06d}"


def _data(record: Record, resource: Mapping[str, str]) -> tuple[str, str, dict[str, object]]:
    if isinstance(record, Event):
        message = {"message": record.name[:MAX_LENGTH], "severityLevel": _severity(record.level)}
        return "Message", "MessageData", {**message, "properties": _properties(record, resource)}
    if isinstance(record, Measurement):
        point = {"name": record.metric.name, "kind": "Measurement", "value": record.value}
        return "Metric", "MetricData", {"metrics": [point], "properties": _properties(record, resource)}
    return _span(record, resource)


def _span(span: Span, resource: Mapping[str, str]) -> tuple[str, str, dict[str, object]]:
    attributes: dict[str, object] = {ATTRIBUTES["error_type"].name: span.error_type} if span.error_type else {}
    data: dict[str, object] = {
        "id": span.span_id,
        "name": span.name[:MAX_LENGTH],
        "duration": duration(span.seconds),
        "success": span.result is Result.SUCCESS,
    }
    if span.kind is SpanKind.RUN:
        attributes[ATTRIBUTES["result"].name] = span.result
        properties = _properties(span, resource, **attributes)
        return "Request", "RequestData", {**data, "responseCode": span.error_type or "0", "properties": properties}
    attributes[ATTRIBUTES["step"].name], attributes[ATTRIBUTES["step_result"].name] = span.name, span.result
    properties = _properties(span, resource, **attributes)
    in_process = {"type": "InProc", "resultCode": span.error_type or "0", "properties": properties}
    return "RemoteDependency", "RemoteDependencyData", {**data, **in_process}


def _properties(record: Record, resource: Mapping[str, str], **more: object) -> dict[str, str]:
    everything = {ENVIRONMENT: resource[ENVIRONMENT], **sent(record.fields), **more}
    return {name: _text(value)[:MAX_LENGTH] for name, value in everything.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _iso(value) if isinstance(value, datetime) else str(value)


def _severity(level: int) -> str:
    return next(
        (name for least, name in _LEVELS if level >= least), "Information" if level >= logging.INFO else "Verbose"
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
