"""Writes down what answers at an endpoint since when, and what the sample requests measured."""

from __future__ import annotations

from datetime import datetime

from levelfive.deployment.endpoint import Package
from levelfive.deployment.records import ChangeKind, DeploymentRecord, append_record, deployments
from levelfive.deployment.rolling import RolloutOutcome
from levelfive.deployment.rollout import ALL
from levelfive.errors import DeploymentError
from levelfive.storage.runs import Run


def record_outcome(run: Run, endpoint: str, outcome: RolloutOutcome, *, as_of: datetime, by: str) -> RolloutOutcome:
    """Write down how a rollout ended.

    Raises:
        DeploymentError: The version was taken back.
    """
    for measurement in outcome.measurements:
        run.counts[f"requests_at_{measurement.share}"] = measurement.requests
        run.counts[f"failed_at_{measurement.share}"] = measurement.failures
        run.seconds[f"p95_at_{measurement.share}"] = measurement.p95.total_seconds()
    kind = ChangeKind.TAKEN_BACK if outcome.fault else ChangeKind.ROLLOUT
    if outcome.fault or outcome.share:
        record_change(
            run, endpoint, outcome.package, outcome.share, kind=kind, as_of=as_of, by=by, reason=outcome.fault
        )
    if outcome.fault:
        raise DeploymentError(
            f"version {outcome.package.version} was taken back from {endpoint}: {outcome.fault}. What answered before "
            "answers again. Read the log of the deployment, mend that, and deploy with --again"
        )
    return outcome


def record_change(
    run: Run, endpoint: str, package: Package, share: int, *, kind: ChangeKind, as_of: datetime, by: str, reason: str
) -> None:
    """Write down what answers now, unless it is known: by a run before, or by one of this time that was killed."""
    rows = deployments(run.tables, package.model)
    newest = next((row for row in reversed(rows) if row.endpoint == endpoint), None)
    if (
        newest is not None
        and (newest.version, newest.share) == (package.version, share)
        and (share == ALL or newest.deployed_at == as_of)
    ):
        return
    record = DeploymentRecord(
        seq=rows[-1].seq + 1 if rows else 1,
        endpoint=endpoint,
        model_name=package.model,
        version=package.version,
        share=share,
        deployed_at=as_of,
        kind=kind,
        deployed_by=by,
        reason=reason,
        run_id=run.run_id,
    )
    run.wrote(append_record(run.tables, record))
