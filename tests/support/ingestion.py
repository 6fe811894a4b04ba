"""What an ingestion endpoint of Application Insights takes at `v2.1/track`: the schema that each envelope has to meet.

By the definition that Microsoft publishes (azure-rest-api-specs, data-plane, Monitor.Exporters, v2.1), as far as we
send; unlike there, nothing else is taken.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from loopback import Call, Loopback

from levelfive.core.outbox import Rhythm
from levelfive.telemetry.application_insights.connection import parse_connection
from levelfive.telemetry.application_insights.exporter import ApplicationInsights

KEY = "00000000-0000-0000-0000-0000000000aa"
AT_ONCE = Rhythm(queue=4096, batch=200, linger=0.02, pauses=(0.01, 0.01), longest_pause=3600.0, flush=15.0)
"""Batches are sent at once, and what fails is tried twice more without a pause worth the name."""

_PROPERTIES = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 8192}}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 1024}
_SPAN = {
    "id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    "name": _TEXT,
    "duration": {"type": "string", "pattern": r"^\d\d\.\d\d:\d\d:\d\d\.\d{6}$"},
    "success": {"type": "boolean"},
}
_POINT = {
    "type": "object",
    "properties": {"name": _TEXT, "kind": {"const": "Measurement"}, "value": {"type": "number"}},
    "required": ["name", "kind", "value"],
    "additionalProperties": False,
}
_LEVELS = ["Verbose", "Information", "Warning", "Error", "Critical"]


def _of(envelope: str, kind: str, **data: Any) -> dict[str, Any]:
    fields = {"ver": {"const": 2}, "properties": _PROPERTIES, **data}
    base = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {
        "properties": {
            "name": {"const": f"Microsoft.ApplicationInsights.{envelope}"},
            "data": {
                "type": "object",
                "properties": {"baseType": {"const": kind}, "baseData": base},
                "required": ["baseType", "baseData"],
            },
        }
    }


ENVELOPE = {
    "type": "object",
    "properties": {
        "ver": {"const": 1},
        "name": {"type": "string"},
        "time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"},
        "sampleRate": {"const": 100.0},
        "iKey": {"const": KEY},
        "tags": {
            "type": "object",
            "properties": {
                "ai.cloud.role": {"const": "levelfive"},
                "ai.cloud.roleInstance": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "ai.application.ver": _TEXT,
                "ai.internal.sdkVersion": {"type": "string", "maxLength": 64},
                "ai.location.ip": {"const": "0.0.0.0"},
                "ai.operation.id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "ai.operation.parentId": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
                "ai.operation.name": _TEXT,
            },
            "required": ["ai.cloud.role", "ai.cloud.roleInstance", "ai.location.ip"],
            "additionalProperties": False,
        },
        "data": {"type": "object"},
    },
    "required": ["ver", "name", "time", "sampleRate", "iKey", "tags", "data"],
    "additionalProperties": False,
    "oneOf": [
        _of("Message", "MessageData", message=_TEXT, severityLevel={"enum": _LEVELS}),
        _of("Metric", "MetricData", metrics={"type": "array", "items": _POINT, "minItems": 1, "maxItems": 1}),
        _of("Request", "RequestData", **_SPAN, responseCode=_TEXT),
        _of("RemoteDependency", "RemoteDependencyData", **_SPAN, type={"const": "InProc"}, resultCode=_TEXT),
    ],
}
_VALIDATOR = Draft202012Validator(ENVELOPE, format_checker=FormatChecker())


def component(server: Loopback, *, environment: str = "qa", rhythm: Rhythm = AT_ONCE) -> ApplicationInsights:
    """An Application Insights component whose ingestion endpoint is a server on loopback."""
    connection = parse_connection(f"InstrumentationKey={KEY};IngestionEndpoint={server.address}/")
    return ApplicationInsights(connection, environment, "0.1.0", rhythm)


def envelopes(call: Call) -> list[dict[str, Any]]:
    """Read what was sent in one call, and check all of it."""
    assert call.path == "/v2.1/track"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["content-encoding"] == "gzip"
    found: list[dict[str, Any]] = call.json
    for one in found:
        _VALIDATOR.validate(one)
    return found


def arrived(server: Loopback) -> list[dict[str, Any]]:
    """Read all that was sent."""
    return [one for call in server.calls for one in envelopes(call)]


def of_kind(kind: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Find the data of envelopes of a kind, such as `RequestData`."""
    return [one["data"]["baseData"] for one in found if one["data"]["baseType"] == kind]


def said(name: str, found: list[dict[str, Any]]) -> list[str]:
    """List the values of an attribute, in the order of the envelopes that have it."""
    properties = (one["data"]["baseData"]["properties"] for one in found)
    return [each[name] for each in properties if name in each]
