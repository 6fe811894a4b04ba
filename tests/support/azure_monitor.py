"""The template for Azure Monitor as it is deployed, the queries in it, and Microsoft's parser of their language."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from programs import install_packages, program

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "azure-monitor"
PARSER = Path(__file__).with_name("kusto")
ALERTS, GROUPS, WORKBOOKS = (
    f"Microsoft.Insights/{kind}" for kind in ("scheduledQueryRules", "actionGroups", "workbooks")
)

# Of the tables of a component, the columns that Microsoft documents and we use.
_SHARED = {"timestamp": "datetime", "name": "string", "customDimensions": "dynamic", "cloud_RoleName": "string"}
_SPAN = {**_SHARED, "id": "string", "success": "bool", "duration": "real", "resultCode": "string"}
TABLES: Mapping[str, Mapping[str, str]] = {
    "requests": _SPAN,
    "dependencies": {**_SPAN, "type": "string"},
    "customMetrics": {**_SHARED, "value": "real"},
    "traces": {"message": "string", "severityLevel": "int", **{k: v for k, v in _SHARED.items() if k != "name"}},
}


def template() -> dict[str, Any]:
    """Read the template."""
    found: dict[str, Any] = json.loads((FOLDER / "template.json").read_text(encoding="utf-8"))
    return found


def resources(kind: str) -> list[dict[str, Any]]:
    """List the resources of a kind."""
    return [one for one in template()["resources"] if one["type"] == kind]


def alert_queries() -> dict[str, str]:
    """List the queries of the alert rules."""
    return {one["name"]: criterion_of(one)["query"] for one in resources(ALERTS)}


def criterion_of(alert: Mapping[str, Any]) -> dict[str, Any]:
    """Find what an alert rule alerts on."""
    (criterion,) = alert["properties"]["criteria"]["allOf"]
    found: dict[str, Any] = criterion
    return found


def workbook_queries() -> dict[str, str]:
    """List the queries of the workbook."""
    items = template()["variables"]["workbook"]["items"]
    return {one["name"]: one["content"]["query"] for one in items if one["type"] == 3}


def names_in(query: str) -> set[str]:
    """List what a query calls by the names of OpenTelemetry or of ours, in quotes."""
    return set(re.findall(r"'((?:levelfive|cicd|service|deployment|error)\.[^']+)'", query))


class KustoParser:
    """Parses queries by Microsoft's own parser, which knows the tables of a component.

    Args:
        folder: Where the parser is installed, once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        install_packages(PARSER, folder)

    def diagnose(self, queries: Sequence[str]) -> list[list[str]]:
        """List, of each query, what is wrong with it."""
        answer = subprocess.run(
            [program("node", package="nodejs"), PARSER / "diagnose.js", self._folder],
            input=json.dumps({"tables": TABLES, "queries": list(queries)}),
            capture_output=True,
            text=True,
            check=True,
        )
        found: list[list[str]] = json.loads(answer.stdout)
        return found
