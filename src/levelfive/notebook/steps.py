"""Steps of the job graph that a notebook takes by its parameters: a training that was decided on, a promotion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from levelfive.config import Approval
from levelfive.core.texts import in_the_name_of
from levelfive.core.windows import iso
from levelfive.data.landed import LANDING_FILES
from levelfive.data.landing import has_nothing
from levelfive.errors import ConfigError, RegistryError
from levelfive.monitoring.acknowledged import not_learned_from
from levelfive.notebook.page import Page
from levelfive.platforms.lakehouse_monitor import LakehouseMonitor, Refresh
from levelfive.registry import approval as registry_approval
from levelfive.registry import job as registry_job
from levelfive.registry import rollback as registry_rollback
from levelfive.registry.copying import version_here
from levelfive.registry.go_live import RegistryResult
from levelfive.registry.promotions import history
from levelfive.retraining import job as retraining_job
from levelfive.retraining.records import decisions
from levelfive.statistics.metrics import Estimate
from levelfive.training import job as training_job
from levelfive.training.admission import Admission, admit

UNKNOWN_STARTER = "levelfive"
TRAINING_TASK = "training"
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


class RegistryStep(StrEnum):
    """What the notebook `registry` does."""

    COPY = "copy"
    APPROVE = "approve"
    PROMOTE = "promote"
    ROLLBACK = "rollback"


def registry_step(page: Page) -> Admission | RegistryResult | None:
    """Take the step that the parameters name: by default, promote what the task training handed on.

    - `copy`: bring `version` of `source_model` in, from `source_registry` or this environment's own.
    - `approve`: let `version` go live, for what `reason`: by whoever started the run, and `by` is a note beside them.
    - `promote`: make `version` the champion.
    - `rollback`: make the champion before the present one the champion again, for what `reason`; with `version`, only
      if that one is the champion; with `promoted_since`, only if it was promoted at that time or later.

    But for `copy`, `version` is this environment's; with `source_model`, it is that one's, and its copy is meant.

    Raises:
        ConfigError: There is no such step, or it needs a parameter that is empty.
        ModelNotFound: There is no such version.
        RegistryError: A registry refused, the gate, a smoke check or an approval is missing, or what training handed on
            has to wait for a person.
        PromotionConflict: Another writer promoted at the same time.
    """
    app, as_of = page.app, page.as_of
    by = in_the_name_of(app.starter or UNKNOWN_STARTER, page["by"])
    match _step(page["step"] or RegistryStep.PROMOTE):
        case RegistryStep.COPY:
            source = app.registry.another(_needed(page, "source_model"), page["source_registry"] or None)
            version, out_of_it = _needed(page, "version"), not_learned_from(app.context, app.registry.name, as_of=as_of)
            admission = admit(app.context, app.registry, source, version=version, as_of=as_of, exclusions=out_of_it)
            if not admission.verdict.passed:
                reasons = "; ".join(admission.verdict.reasons)
                raise RegistryError(
                    f"the gate does not pass version {page['version']} of {source.name} here: {reasons}"
                )
            return admission
        case RegistryStep.APPROVE:
            version, reason = (_needed(page, name) for name in ("version", "reason"))
            registry_approval.approve(
                app.context,
                app.registry,
                version=_version(page, version),
                as_of=as_of,
                by=app.starter,
                reason=reason,
                on_behalf_of=page["by"],
                trainer_may_approve=app.settings.trainer_may_approve,
            )
            return None
        case RegistryStep.ROLLBACK:
            reason, since = _needed(page, "reason"), page.time("promoted_since")
            has_version = any(page[name] for name in ("version", "source_model", "source_registry"))
            only = _version(page, page["version"]) if has_version else None
            return registry_rollback.rollback(
                app.context, app.registry, as_of=as_of, by=by, reason=reason, version=only, since=since
            )
        case RegistryStep.PROMOTE:
            # A job that names the step has no such task, and to ask for values of one that is not there is an error.
            handed_on = "" if page["version"] or page["step"] else page.handed_on("version", by=TRAINING_TASK)
            version = handed_on or _needed(page, "version")
            _refuse(page, "reason", "a promotion has the gate's; for a rollback, say step rollback")
            version = _version(page, version)
            approval = app.settings.approval
            if handed_on and approval is Approval.MANUAL:
                raise RegistryError(
                    f"version {version} waits for an approval: where approval is manual, a training promotes nothing. "
                    "The job release approves and promotes"
                )
            return registry_job.run(app.context, app.registry, version=version, as_of=as_of, by=by, approval=approval)


def _step(text: str) -> RegistryStep:
    if text not in set(RegistryStep):
        raise ConfigError(f"parameter step is one of {', '.join(RegistryStep)}, got {text!r}")
    return RegistryStep(text)


def _version(page: Page, version: str) -> str:
    return version_here(
        page.app.registry, version, source_model=page["source_model"], source_registry=page["source_registry"]
    )


def _refuse(page: Page, name: str, because: str) -> None:
    if page[name]:
        raise ConfigError(f"parameter {name} must be empty, got {page[name]!r}: {because}")


def _needed(page: Page, name: str) -> str:
    if not page[name]:
        raise ConfigError(f"parameter {name} is missing: the step {page['step'] or RegistryStep.PROMOTE} needs it")
    return page[name]
