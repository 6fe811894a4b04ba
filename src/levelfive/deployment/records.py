"""The `deployments` table: which version answered where since when. It is history; Azure has the last word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from levelfive.deployment.rollout import ALL
from levelfive.storage.commits import Write
from levelfive.storage.records import from_row, record_of
from levelfive.storage.tables import Tables

DEPLOYMENTS = "deployments"


class ChangeKind(StrEnum):
    """What changed an endpoint."""

    ROLLOUT = "rollout"
    TAKEN_BACK = "taken_back"
    ROLLBACK = "rollback"
    DELETE = "delete"


@record_of(DEPLOYMENTS)
@dataclass(frozen=True)
class DeploymentRecord:
    """One row: from `deployed_at` on, `version` has `share` percent of the endpoint's traffic, the one before the rest.

    Of a version that was taken back, the share is 0, and the reason says why.
    """

    seq: int
    endpoint: str
    model_name: str
    version: str
    share: int
    deployed_at: datetime
    kind: str
    deployed_by: str
    reason: str
    run_id: str


def deployments(tables: Tables, model_name: str) -> tuple[DeploymentRecord, ...]:
    """List what was deployed of a model, in order; nothing where nothing ever was."""
    rows = tables.control_tables.rows(DEPLOYMENTS, where={"model_name": model_name})
    return tuple(sorted((from_row(DeploymentRecord, row) for row in rows), key=lambda record: record.seq))


def answering(records: Sequence[DeploymentRecord], *, as_of: datetime) -> dict[str, DeploymentRecord]:
    """Tell by endpoint which version answers all requests at a time, by the row since which it does."""
    answers: dict[str, DeploymentRecord] = {}
    for record in (one for one in records if one.deployed_at <= as_of):
        current = answers.get(record.endpoint)
        if record.kind == ChangeKind.DELETE:
            answers.pop(record.endpoint, None)
        elif record.share == ALL and (current is None or current.version != record.version):
            answers[record.endpoint] = record
    return answers


def append_record(tables: Tables, record: DeploymentRecord) -> Write:
    """Append a row; one that another writer was first with is left out.

    Raises:
        TableConflict: Others were first again and again.
        TableError: The table cannot be written.
    """
    return tables.control_tables.add(DEPLOYMENTS, [record], ("model_name", "seq"))
