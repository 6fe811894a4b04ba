"""Steps of the job graph that a notebook takes by its parameters: a training that was decided on, a promotion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from levelfive.config import Approval
from levelfive.errors import ConfigError
from levelfive.metrics import Estimate
from levelfive.monitoring.lakehouse_monitor import LakehouseMonitor, Refresh, workspace_client
from levelfive.notebook.page import Page
from levelfive.registry import job as registry_job
from levelfive.registry.job import RegistryResult
from levelfive.retraining import job as retraining_job
from levelfive.retraining.records import decisions
from levelfive.training import job as training_job
from levelfive.windows import iso

DEFAULT_BY = "levelfive"
TRAINING_TASK = "training"


@dataclass(frozen=True)
class Trained:
    """What a training led to; the versions are None where the gate refused."""

    verdict: str
    reasons: tuple[str, ...]
    candidate_version: str | None
    version: str | None
    estimates: Mapping[str, Estimate]

    @property
    def passed(self) -> bool:
        """Whether there is a version to promote."""
        return self.version is not None


def train(page: Page) -> Trained:
    """Train, for a decision of the retraining policy where the parameters name one; that one is trained once.

    Raises:
        ConfigError: There is no such decision, or it did not ask for a training.
        EvidenceError: There are too few days or labels.
        RegistryError: The registry refused.
        TableError: A table is missing.
    """
    if page["decision"]:
        return _train_as_decided(page)
    app = page.app
    result = training_job.run(
        app.context,
        app.tracking,
        app.registry,
        as_of=page.as_of,
        without=tuple(part for part in page["without"].replace(" ", "").split(",") if part),
        code_revision=app.code_revision,
    )
    verdict, estimates = result.verdict, result.evaluation.estimates
    return Trained(str(verdict.kind), verdict.reasons, result.candidate_version, result.version, estimates)


def _train_as_decided(page: Page) -> Trained:
    app, wanted = page.app, page["decision"]
    if page["without"]:
        raise ConfigError("a training for a decision leaves no feature group out: give without or decision")
    made = decisions(app.tables, app.registry.name, until=page.as_of)
    record = next((one for one in made if one.decision_id == wanted), None)
    if record is None:
        raise ConfigError(f"there is no decision {wanted!r} about {app.registry.name} up to {iso(page.as_of)}")
    # Its promotion is the task registry's, if approval is not manual.
    done = retraining_job.act(app.context, app.stores, record, approval=Approval.MANUAL).retraining
    if done is None:
        raise ConfigError(f"decision {wanted!r} is {record.decision.action}, which asks for no training")
    return Trained(done.verdict, done.reasons, done.candidate_version, done.version, {})


def refresh_lakehouse_monitor(page: Page) -> Refresh | None:
    """Make or refresh the workspace's own monitor of the predictions, where the parameters name a folder for it.

    Raises:
        MachineError: There is no databricks-sdk.
        TableError: There are no predictions yet, or the workspace refused.
    """
    if not page["lakehouse_monitor"]:
        return None
    look = LakehouseMonitor(workspace_client, page["lakehouse_monitor"])
    return look(page.app.context, page.app.registry, window=page.window, as_of=page.as_of)


def promote(page: Page) -> RegistryResult:
    """Promote the version of the parameters, or the one that the task training handed on.

    A reason without a version asks for a rollback, to the champion before the present one.

    Raises:
        ConfigError: There is nothing to promote, or a version and a reason came together.
        RegistryError: The registry refused, or the version did not pass the gate.
        PromotionConflict: Another writer promoted at the same time.
    """
    app, by, reason = page.app, page["by"] or DEFAULT_BY, page["reason"]
    version = page["version"] or page.handed_on("version", by=TRAINING_TASK)
    if version and reason:
        raise ConfigError(f"a rollback (with a reason) names no version, and a promotion no reason; got {version!r}")
    if reason:
        return registry_job.rollback(app.context, app.registry, as_of=page.as_of, by=by, reason=reason)
    if not version:
        raise ConfigError("there is nothing to promote: give a version, or a reason for a rollback")
    return registry_job.run(app.context, app.registry, version=version, as_of=page.as_of, by=by)
