"""The registry's step that a notebook takes by its parameters: copy, approve, promote, roll back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

from levelfive.config import Approval
from levelfive.core.texts import in_the_name_of
from levelfive.errors import ConfigError, RegistryError
from levelfive.monitoring.acknowledged import not_learned_from
from levelfive.notebook.page import Page
from levelfive.registry import approval as registry_approval
from levelfive.registry import job as registry_job
from levelfive.registry import rollback as registry_rollback
from levelfive.registry.copying import version_here
from levelfive.registry.go_live import RegistryResult
from levelfive.training.admission import Admission, admit

UNKNOWN_STARTER = "levelfive"
TRAINING_TASK = "training"


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
    step = page["step"] or RegistryStep.PROMOTE
    if step not in set(RegistryStep):
        raise ConfigError(f"parameter step is one of {', '.join(RegistryStep)}, got {step!r}")
    return _STEPS[RegistryStep(step)](page)


def _copy(page: Page) -> Admission:
    context, registry, as_of = page.app.context, page.app.registry, page.as_of
    source = registry.another(_needed(page, "source_model"), page["source_registry"] or None)
    version, exclusions = _needed(page, "version"), not_learned_from(context, registry.name, as_of=as_of)
    admission = admit(context, registry, source, version=version, as_of=as_of, exclusions=exclusions)
    if not admission.verdict.passed:
        reasons = "; ".join(admission.verdict.reasons)
        raise RegistryError(f"the gate does not pass version {version} of {source.name} here: {reasons}")
    return admission


def _approve(page: Page) -> None:
    app = page.app
    version, reason = (_needed(page, name) for name in ("version", "reason"))
    registry_approval.approve(
        app.context,
        app.registry,
        version=_version(page, version),
        as_of=page.as_of,
        by=app.starter,
        reason=reason,
        on_behalf_of=page["by"],
        trainer_may_approve=app.settings.trainer_may_approve,
    )


def _promote(page: Page) -> RegistryResult:
    app = page.app
    # A job that names the step has no such task, and to ask for values of one that is not there is an error.
    handed_on = "" if page["version"] or page["step"] else page.handed_on("version", by=TRAINING_TASK)
    version = handed_on or _needed(page, "version")
    if page["reason"]:
        raise ConfigError(
            f"parameter reason must be empty, got {page['reason']!r}: a promotion has the gate's; for a rollback, say "
            "step rollback"
        )
    version, approval = _version(page, version), app.settings.approval
    if handed_on and approval is Approval.MANUAL:
        raise RegistryError(
            f"version {version} waits for an approval: where approval is manual, a training promotes nothing. "
            "The job release approves and promotes"
        )
    return registry_job.run(
        app.context, app.registry, version=version, as_of=page.as_of, by=_author(page), approval=approval
    )


def _roll_back(page: Page) -> RegistryResult:
    reason, since = _needed(page, "reason"), page.time("promoted_since")
    has_version = any(page[name] for name in ("version", "source_model", "source_registry"))
    return registry_rollback.rollback(
        page.app.context,
        page.app.registry,
        as_of=page.as_of,
        by=_author(page),
        reason=reason,
        version=_version(page, page["version"]) if has_version else None,
        since=since,
    )


_STEPS: Mapping[RegistryStep, Callable[[Page], Admission | RegistryResult | None]] = MappingProxyType(
    {
        RegistryStep.COPY: _copy,
        RegistryStep.APPROVE: _approve,
        RegistryStep.PROMOTE: _promote,
        RegistryStep.ROLLBACK: _roll_back,
    }
)


def _author(page: Page) -> str:
    return in_the_name_of(page.app.starter or UNKNOWN_STARTER, page["by"])


def _version(page: Page, version: str) -> str:
    return version_here(
        page.app.registry, version, source_model=page["source_model"], source_registry=page["source_registry"]
    )


def _needed(page: Page, name: str) -> str:
    if not page[name]:
        raise ConfigError(f"parameter {name} is missing: the step {page['step'] or RegistryStep.PROMOTE} needs it")
    return page[name]
