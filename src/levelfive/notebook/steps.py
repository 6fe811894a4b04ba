"""Steps of the job graph that a notebook takes by its parameters: a training, a first run, a monitor's refresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from levelfive.config import Approval
from levelfive.core.windows import iso
from levelfive.data.landed import LANDING_FILES
from levelfive.data.landing import has_nothing
from levelfive.errors import ConfigError
from levelfive.monitoring.acknowledged import not_learned_from
from levelfive.notebook.page import Page
from levelfive.platforms.lakehouse_monitor import LakehouseMonitor, Refresh
from levelfive.registry.promotions import history
from levelfive.retraining import job as retraining_job
from levelfive.retraining.records import decisions
from levelfive.statistics.metrics import Estimate
from levelfive.training import job as training_job

PASS = "pass"


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
        trained_by=app.starter,
        exclusions=not_learned_from(app.context, app.registry.name, as_of=page.as_of),
    )
    verdict, estimates = result.verdict, result.evaluation.estimates
    return Trained(str(verdict.kind), verdict.reasons, result.candidate_version, result.version, estimates)


def _train_as_decided(page: Page) -> Trained:
    app, decision_id = page.app, page["decision"]
    if page["without"]:
        raise ConfigError("a training for a decision leaves no feature group out: give without or decision")
    records = decisions(app.tables, app.registry.name, until=page.as_of)
    record = next((one for one in records if one.decision_id == decision_id), None)
    if record is None:
        raise ConfigError(f"there is no decision {decision_id!r} about {app.registry.name} up to {iso(page.as_of)}")
    # Its promotion is the task registry's, if approval is not manual.
    retraining = retraining_job.act(app.context, app.stores, record, approval=Approval.MANUAL).retraining
    if retraining is None:
        raise ConfigError(f"decision {decision_id!r} is {record.action}, which asks for no training")
    return Trained(retraining.verdict, retraining.reasons, retraining.candidate_version, retraining.version, {})


def pass_first_run(page: Page) -> None:
    """End the notebook well where the parameter `first_run` says `pass`, and there is nothing yet that it works on.

    That is, for `data`, no file of any source, now or ever; for `features`, no ingested file; for `scoring`, no
    champion that ever was. Once there is something, the parameter has no effect.

    Raises:
        ConfigError: The parameter says something else.
    """
    if page["first_run"] not in ("", PASS):
        raise ConfigError(f"parameter first_run is {PASS!r} or empty, got {page['first_run']!r}")
    reason = _nothing_yet(page) if page["first_run"] else ""
    if reason:
        page.end(f"A first run: {reason}. See docs/first-day.md.")


def _nothing_yet(page: Page) -> str:
    app = page.app
    if page.name == "scoring":
        never = not history(app.tables, app.registry.name)
        return f"there was never a champion of {app.registry.name}, so nothing is scored" if never else ""
    if app.tables.exists(LANDING_FILES):
        return ""
    if page.name == "features":
        return "no landing file was ingested yet, so nothing is computed"
    return f"nothing has landed in {app.landing} yet" if has_nothing(app.landing, app.use_case.sources) else ""


def refresh_lakehouse_monitor(page: Page) -> Refresh | None:
    """Make or refresh the workspace's own monitor of the predictions, where the parameters name a folder for it.

    Raises:
        MachineError: There is no databricks-sdk.
        TableError: There are no predictions yet, or the workspace refused.
    """
    if not page["lakehouse_monitor"]:
        return None
    look = LakehouseMonitor(page.app.workspace, page["lakehouse_monitor"])
    return look(page.app.context, page.app.registry, window=page.window, as_of=page.as_of)
