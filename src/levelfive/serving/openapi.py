"""The service's description in OpenAPI 3.1, made from what a request has to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from levelfive.serving.metrics import CONTENT_TYPE
from levelfive.serving.requests import DECIMAL, LONG, MANY, RequestSchema
from levelfive.serving.scorer import Scorer

_JSON = "application/json"


def openapi(scorer: Scorer) -> dict[str, Any]:
    """Describe the service as it answers now."""
    schemas = body_schemas(scorer.schema)
    schemas |= {"Answer": _answer_schema(scorer.score_columns), **_SCHEMAS}
    return {
        "openapi": "3.1.0",
        "info": {"title": scorer.served.name, "version": scorer.served.version},
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
        "paths": {
            "/score": {"post": _score()},
            "/health/live": {"get": _probe("Whether the process is well", {"200": _answer("It is", "Life")})},
            "/health/ready": {"get": _probe("Whether requests should be sent here, and why not", _READY)},
            "/metrics": {"get": _probe("Metrics in Prometheus' text format", {"200": _TEXT})},
            "/openapi.json": {"get": {"summary": "This description", "responses": _DESCRIPTION}},
        },
    }


def body_schemas(schema: RequestSchema) -> dict[str, Any]:
    """Describe the bodies of requests, `Row` and `Rows`."""
    types = [schema.row_type, schema.many_type]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    row: dict[str, Any] = schemas["Row"]
    row["not"] = {"required": [MANY]}  # that would be many rows
    for column in schema.columns:
        if column.kind == LONG:  # of JSON's numbers, 7.0 is an integer
            choices = row["properties"][column.name]["anyOf"]
            row["properties"][column.name]["anyOf"] = [one for one in choices if one != {"type": "number"}]
        if column.kind == DECIMAL:  # msgspec takes numbers too, and does not say so
            row["properties"][column.name] = {"type": ["number", "string", *(["null"] * column.takes_null)]}
        row["properties"][column.name]["description"] = column.wanted
    return schemas


_REFUSALS = {
    "400": "The body is no JSON, or another protocol is offered",
    "401": "No valid token",
    "408": "The body did not come in time",
    "413": "Too many bytes or rows",
    "415": "The body is encoded",
    "422": "A field is missing or wrong, or nothing is kept of that time",
    "429": "Too many requests",
    "503": "Nothing can be answered now; see Retry-After",
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(description: str, *names: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"anyOf": [_ref(name) for name in names]}
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _answer_schema(score_columns: Sequence[str]) -> dict[str, Any]:
    score = {"type": "object", "properties": {name: {"type": "number"} for name in score_columns}}
    return {
        "type": "object",
        "required": ["request_id", "scores", "model", "version", "reaches_to"],
        "properties": {
            "request_id": {"type": "string"},
            "scores": {**score, "required": list(score_columns)},
            "model": {"type": "string"},
            "version": {"type": "string"},
            "reaches_to": {
                "type": ["string", "null"],
                "description": "Up to when all tables that the model looks up are known",
            },
            "features": {"type": "object", "description": "Where they were asked for: value and known_at of each"},
        },
    }


def _score() -> dict[str, Any]:
    features = {
        "name": "features",
        "in": "query",
        "description": "true: the answer holds what the model saw",
        "schema": {"type": "string", "enum": ["true", "false"]},
    }
    return {
        "operationId": "score",
        "summary": "Score one row, or many",
        "parameters": [features],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": {"anyOf": [_ref("Row"), _ref("Rows")]}}},
        },
        "responses": {
            "200": _answer("The scores", "Answer", "Answers"),
            **{status: _answer(why, "Refusal") for status, why in _REFUSALS.items()},
        },
    }


def _probe(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    """Describe what is asked without a token."""
    return {"summary": summary, "security": [], "responses": responses}


_READY = {"200": _answer("They should", "Readiness"), "503": _answer("They should not", "Readiness")}
_TEXT = {"description": "All metrics", "content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}
_DESCRIPTION = {
    "200": {"description": "In OpenAPI 3.1", "content": {_JSON: {"schema": {"type": "object"}}}},
    **{status: _answer(_REFUSALS[status], "Refusal") for status in ("401", "429", "503")},
}
_SCHEMAS = {
    "Answers": {
        "type": "object",
        "required": ["answers"],
        "properties": {"answers": {"type": "array", "items": _ref("Answer")}},
    },
    "Life": {"type": "object", "required": ["live"], "properties": {"live": {"const": True}}},
    "Readiness": {
        "type": "object",
        "required": ["ready", "reasons", "notes"],
        "properties": {
            "ready": {"type": "boolean"},
            "reasons": {"type": "array", "items": {"type": "string"}, "description": "Why it is not"},
            "notes": {"type": "array", "items": {"type": "string"}, "description": "Troubles that stop no request"},
            "model": {"type": "string"},
            "version": {"type": "string"},
            "reaches_to": {"type": ["string", "null"]},
        },
    },
    "Refusal": {
        "type": "object",
        "required": ["error", "request_id"],
        "properties": {"error": {"type": "string"}, "request_id": {"type": "string"}},
    },
}
