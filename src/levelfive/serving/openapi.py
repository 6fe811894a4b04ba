"""The service's description in OpenAPI 3.1, made from what a request has to be."""

from __future__ import annotations

from typing import Any

import msgspec

from levelfive.serving.scorer import Scorer

_JSON = "application/json"


def openapi(scorer: Scorer) -> dict[str, Any]:
    """Describe the service as it answers now."""
    types = [scorer.schema.row_type, scorer.schema.many_type]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    for column in scorer.schema.columns:
        schemas["Row"]["properties"][column.name]["description"] = column.wanted
    score = {"type": "object", "properties": {name: {"type": "number"} for name in scorer.score_columns}}
    schemas |= {
        "Answer": {
            "type": "object",
            "required": ["request_id", "scores", "model", "version", "reaches_to"],
            "properties": {
                "request_id": {"type": "string"},
                "scores": {**score, "required": list(scorer.score_columns)},
                "model": {"type": "string"},
                "version": {"type": "string"},
                "reaches_to": {
                    "type": ["string", "null"],
                    "description": "Up to when all tables that the model looks up are known",
                },
                "features": {"type": "object", "description": "Where they were asked for: value and known_at of each"},
            },
        },
        "Answers": {
            "type": "object",
            "required": ["answers"],
            "properties": {"answers": {"type": "array", "items": _ref("Answer")}},
        },
        "Refusal": {
            "type": "object",
            "required": ["error", "request_id"],
            "properties": {"error": {"type": "string"}, "request_id": {"type": "string"}},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": scorer.served.name, "version": scorer.served.version},
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
        "paths": {
            "/score": {"post": _score()},
            **{path: {"get": _get(what)} for path, what in _OTHERS.items()},
        },
    }


_OTHERS = {
    "/health/live": "Whether the process is well",
    "/health/ready": "Whether requests should be sent here, and why not",
    "/metrics": "Metrics in Prometheus' text format",
    "/openapi.json": "This description",
}
_REFUSALS = {
    "400": "The body is no JSON",
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


def _get(what: str) -> dict[str, Any]:
    return {"summary": what, "responses": {"200": {"description": what}, "503": _answer("Not now", "Refusal")}}
